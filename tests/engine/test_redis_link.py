import shutil
import socket
import subprocess

import pytest
from redis.exceptions import RedisError
from told import alert

from engine.config import parse_config
from engine.errors import UsageError
from engine.redis_link import connect
from perf.real_redis import wait_until
from sinks.streams import RedisAlerts


@pytest.mark.parametrize(
    "url",
    ["redis://shop:hush@host:port/0", "redis://shop:hu/sh@host/0", "http://shop:hush@host", "hush:x@host"],
)
def test_an_address_that_is_none_is_one_error_without_its_password(url):
    with pytest.raises(UsageError, match="wanted redis://host:port/db") as found:
        connect(url)
    assert "hu" not in str(found.value)


def _configured(**keys):
    return parse_config("[redis]\n" + "".join(f"{key} = {value!r}\n" for key, value in keys.items())).redis


def test_a_password_in_a_file_opens_a_redis_that_wants_one(redis_server, tmp_path):
    with redis_server.client() as redis:
        redis.config_set("requirepass", "hush")
    (tmp_path / "password").write_text("hush\n")

    with connect(redis_server.url) as without, pytest.raises(RedisError):
        without.ping()
    with connect(_configured(url=redis_server.url, password_file=str(tmp_path / "password"))) as redis:
        assert redis.ping()
        assert "hush" not in str(redis)


@pytest.mark.parametrize(
    ("content", "told"), [(b"", "empty"), (b"\xff\xfehush", "no UTF-8"), (None, "No such")]
)
def test_a_password_that_cannot_be_read_is_one_error_without_it(tmp_path, content, told):
    if content is not None:
        (tmp_path / "password").write_bytes(content)
    redis = _configured(url="redis://127.0.0.1/0", password_file=str(tmp_path / "password"))
    with pytest.raises(UsageError, match=told) as found:
        connect(redis)
    assert "hush" not in str(found.value)
    assert found.value.__context__ is None or found.value.__suppress_context__  # nor does a traceback


def test_a_file_of_certificates_that_is_missing_is_one_error(tmp_path):
    redis = _configured(url="rediss://127.0.0.1/0", ca_file=str(tmp_path / "ca.pem"))
    with pytest.raises(UsageError, match=r"ca\.pem: wanted a file of certificates"):
        connect(redis)


@pytest.fixture
def by_tls(tmp_path):
    """The port of a Redis that speaks TLS only, and the certificate by which to trust it."""
    for program in ("redis-server", "openssl"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not on the PATH")
    key, certificate = tmp_path / "redis.key", tmp_path / "redis.crt"
    made = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "1",
        "-subj",
        "/CN=localhost",
    ]
    made += ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", certificate]
    subprocess.run(made, check=True, capture_output=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = ["redis-server", "--port", "0", "--tls-port", str(port), "--bind", "127.0.0.1", "--save", ""]
    command += ["--tls-cert-file", certificate, "--tls-key-file", key, "--tls-auth-clients", "no"]
    command += ["--dir", tmp_path, "--requirepass", "hush"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    yield port, certificate
    process.kill()
    process.wait()


def test_a_redis_that_speaks_tls_is_trusted_by_its_certificate_and_takes_what_is_sent(by_tls, tmp_path):
    port, certificate = by_tls
    (tmp_path / "password").write_text("hush\n")
    known = {"url": f"rediss://127.0.0.1:{port}/0", "password_file": str(tmp_path / "password")}
    trusting = _configured(**known, ca_file=str(certificate))

    def answers():
        with connect(trusting) as redis:
            try:
                return redis.ping()
            except RedisError:
                return False

    wait_until(answers)
    sink = RedisAlerts(trusting, "alerts")
    sink.write([alert(1)])
    sink.close()
    with connect(trusting) as redis, connect(_configured(**known)) as trusting_nobody:
        assert redis.xlen("alerts") == 1
        with pytest.raises(RedisError, match="CERTIFICATE_VERIFY_FAILED"):
            trusting_nobody.ping()
