// Sends one spindle's data from Node.js, without any library:  node send.mjs 127.0.0.1 6379 M1
// Layout of the messages: ../wire.py. One writer for each spindle; in the order of time; a tick each half second at least.

import net from "node:net";

const [host, port, spindle] = process.argv.slice(2);
const stream = `spindlewatch:in:${spindle}`; // [redis] prefix, "in", [[spindles]] name
const N_KEPT = 3000; // entries: as many as are sent in the longest time that the engine may be away
const RATE_HZ = 25600;
const N_SAMPLES = 256;

/** A block: a header of 32 bytes, names, samples as float32, channel after channel; NaN = missing. */
function block(group, tNs, rateHz, channels) {
  const names = Buffer.from(spindle + group, "utf8");
  const first = 32 + Math.ceil(names.length / 4) * 4;
  const n = channels[0].length;
  const message = Buffer.alloc(first + 4 * channels.length * n);
  message.write("SPWB", 0, "latin1");
  message.writeUInt8(1, 4); // version
  message.writeUInt8(Buffer.byteLength(spindle), 6);
  message.writeUInt8(Buffer.byteLength(group), 7);
  message.writeBigInt64LE(tNs, 8); // UTC nanoseconds of the first sample
  message.writeDoubleLE(rateHz, 16);
  message.writeUInt16LE(channels.length, 24);
  message.writeUInt32LE(n, 28);
  names.copy(message, 32);
  channels.forEach((samples, c) => samples.forEach((x, i) => message.writeFloatLE(x, first + 4 * (c * n + i))));
  return message;
}

/** A context or a tick. JSON.stringify cannot write a BigInt, and a Number is too short for nanoseconds. */
function json(kind, tNs, fields = {}) {
  const text = JSON.stringify({ v: 1, kind, spindle, t_ns: 0, ...fields });
  return Buffer.from(text.replace('"t_ns":0', `"t_ns":${tNs}`), "utf8");
}

/** A command of Redis, as it goes over the wire. */
function command(...parts) {
  const bytes = parts.map((part) => (Buffer.isBuffer(part) ? part : Buffer.from(String(part))));
  const framed = bytes.flatMap((part) => [Buffer.from(`$${part.length}\r\n`), part, Buffer.from("\r\n")]);
  return Buffer.concat([Buffer.from(`*${bytes.length}\r\n`), ...framed]);
}

const blockNs = BigInt((N_SAMPLES * 1e9) / RATE_HZ);
const tNs = BigInt(Date.now()) * 1000000n - blockNs;
const phase = Array.from({ length: N_SAMPLES }, (_, i) => (2 * Math.PI * 400 * i) / RATE_HZ);
const messages = [
  json("context", tNs, { tool: "T7", program: "O1001", rpm: 12000, cutting: true, n_teeth: 4 }),
  block("vib", tNs, RATE_HZ, [phase.map(Math.sin), phase.map((x) => 0.5 * Math.cos(x))]),
  json("tick", tNs + blockNs),
];

const socket = net.connect(Number(port), host, () => {
  // n counts the entries on, so that the engine sees what is lost; a sender that starts anew begins with 1.
  messages.forEach((d, i) => socket.write(command("XADD", stream, "MAXLEN", "~", N_KEPT, "*", "d", d, "n", i + 1)));
});
socket.setTimeout(5000, () => socket.destroy(new Error("no answer")));
socket.on("error", (error) => {
  console.error(`redis: ${error.message}`); // away: keep what was not answered, and send it again
  process.exit(1);
});
let answers = "";
socket.on("data", (chunk) => {
  answers += chunk;
  if (/^-/m.test(answers)) socket.destroy(new Error(answers.match(/^-(.*)\r\n/m)?.[1] ?? answers));
  else if (answers.split("\r\n").length > 2 * messages.length) socket.end(); // each: $length, id
});
