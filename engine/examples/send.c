/* Sends one spindle's data from C, without any library:  cc -O2 -o send send.c -lm && ./send 127.0.0.1 6379 M1
   Layout of the messages: ../wire.py. One writer for each spindle; in the order of time; a tick each half second at
   least. Little-endian machines only, as x86 and ARM are. */

#define _GNU_SOURCE
#include <math.h>
#include <netdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { N_KEPT = 3000, N_CHANNELS = 2, N_SAMPLES = 256 }; /* entries kept: of the longest time without an engine */
static const double RATE_HZ = 25600.0, PI = 3.14159265358979323846;

static void fail(const char *what) {
    fprintf(stderr, "redis: %s\n", what);
    exit(1);
}

/* A block: a header of 32 bytes, names, samples as float32, channel after channel; NaN = missing. */
static size_t make_block(uint8_t *out, const char *spindle, const char *group, int64_t t_ns, const float *samples) {
    size_t n_spindle = strlen(spindle), n_group = strlen(group), first = 32 + (n_spindle + n_group + 3) / 4 * 4;
    uint16_t n_channels = N_CHANNELS;
    uint32_t n_samples = N_SAMPLES;
    memset(out, 0, first);
    memcpy(out, "SPWB", 4);
    out[4] = 1; /* version */
    out[6] = (uint8_t)n_spindle;
    out[7] = (uint8_t)n_group;
    memcpy(out + 8, &t_ns, 8); /* UTC nanoseconds of the first sample */
    memcpy(out + 16, &RATE_HZ, 8);
    memcpy(out + 24, &n_channels, 2);
    memcpy(out + 28, &n_samples, 4);
    memcpy(out + 32, spindle, n_spindle);
    memcpy(out + 32 + n_spindle, group, n_group);
    memcpy(out + first, samples, 4 * N_CHANNELS * N_SAMPLES);
    return first + 4 * N_CHANNELS * N_SAMPLES;
}

/* XADD spindlewatch:in:SPINDLE MAXLEN ~ N_KEPT * d MESSAGE n NUMBER, as it goes over the wire; "spindlewatch" is
   [redis] prefix. The number counts the entries on, so that the engine sees what is lost; a sender that starts anew
   begins with 1. The answer is the entry's id. */
static void add(FILE *redis, const char *spindle, const void *message, size_t size, int number) {
    char kept[12], n[12], answer[256];
    int n_kept = snprintf(kept, sizeof kept, "%d", N_KEPT), n_number = snprintf(n, sizeof n, "%d", number);
    fprintf(redis, "*10\r\n$4\r\nXADD\r\n$%zu\r\nspindlewatch:in:%s\r\n", strlen("spindlewatch:in:") + strlen(spindle), spindle);
    fprintf(redis, "$6\r\nMAXLEN\r\n$1\r\n~\r\n$%d\r\n%s\r\n$1\r\n*\r\n$1\r\nd\r\n$%zu\r\n", n_kept, kept, size);
    fwrite(message, 1, size, redis);
    fprintf(redis, "\r\n$1\r\nn\r\n$%d\r\n%s\r\n", n_number, n);
    fflush(redis);
    if (!fgets(answer, sizeof answer, redis)) fail("gone"); /* keep what was not answered, and send it again */
    if (answer[0] != '$') fail(answer);
    if (!fgets(answer, sizeof answer, redis)) fail("gone");
}

static FILE *connect_to(const char *host, const char *port) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    struct timeval patience = {.tv_sec = 5};
    if (getaddrinfo(host, port, &hints, &found)) fail("no such host");
    int fd = socket(found->ai_family, found->ai_socktype, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen)) fail("cannot connect");
    freeaddrinfo(found);
    return fdopen(fd, "r+");
}

int main(int argc, char **argv) {
    if (argc != 4 || strlen(argv[3]) > 255) return fprintf(stderr, "usage: send HOST PORT SPINDLE\n"), 2;
    const char *spindle = argv[3];
    static uint8_t block[32 + 512 + 4 * N_CHANNELS * N_SAMPLES];
    static float samples[N_CHANNELS][N_SAMPLES];
    char text[1024];
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t block_ns = (int64_t)(N_SAMPLES / RATE_HZ * 1e9);
    int64_t t_ns = now.tv_sec * INT64_C(1000000000) + now.tv_nsec - block_ns;
    for (int i = 0; i < N_SAMPLES; i++) {
        samples[0][i] = (float)sin(2 * PI * 400 * i / RATE_HZ);
        samples[1][i] = (float)(0.5 * cos(2 * PI * 400 * i / RATE_HZ));
    }
    FILE *redis = connect_to(argv[1], argv[2]);
    int n = snprintf(text, sizeof text,
                     "{\"v\":1,\"kind\":\"context\",\"spindle\":\"%s\",\"t_ns\":%lld,\"tool\":\"T7\","
                     "\"program\":\"O1001\",\"rpm\":12000,\"cutting\":true,\"n_teeth\":4}",
                     spindle, (long long)t_ns);
    add(redis, spindle, text, (size_t)n, 1);
    add(redis, spindle, block, make_block(block, spindle, "vib", t_ns, samples[0]), 2);
    n = snprintf(text, sizeof text, "{\"v\":1,\"kind\":\"tick\",\"spindle\":\"%s\",\"t_ns\":%lld}", spindle,
                 (long long)(t_ns + block_ns));
    add(redis, spindle, text, (size_t)n, 3);
    fclose(redis);
    return 0;
}
