"""Access to a gateway as a process of its own: its configuration, its health, its log, its audit trail."""

import json
import signal
import ssl
import subprocess
import sys

import orjson
import pytest
from told import alert
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from engine import redis_keys
from perf.gateway_process import Gateway
from perf.real_redis import wait_until
from sinks.address import Address
from sinks.alert_json import alert_as_dict
from sinks.tokens import Role, add_token, remove_token
from sinks.watch import Subscription

WRONG = "sw_" + "y" * 43


@pytest.fixture
def gateway(redis_server, tmp_path):
    gateway = Gateway(redis_server, tmp_path / "gateway")
    yield gateway
    gateway.kill_all()


@pytest.fixture
def certificate(tmp_path):
    cert, key = tmp_path / "mill.pem", tmp_path / "mill.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=mill", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)],
        check=True, capture_output=True,
    )  # fmt: skip
    return cert, key


def test_gateway_beyond_this_machine_lets_in_who_has_a_token_and_tells_of_all_others(
    gateway, redis_server, tmp_path, certificate
):
    tokens = tmp_path / "tokens.json"
    token = add_token(tokens, "hall", Role.VIEWER, 0)
    cert, key = certificate
    access = f'[access]\ntokens_file = "{tokens}"\ntls_cert = "{cert}"\ntls_key = "{key}"\n'
    gateway.configure(f'[hub]\nhost = "0.0.0.0"\n{access}[log]\nlevel = "debug"\n')
    gateway.start()
    gateway.wait_until_ready()
    address = Address("127.0.0.1", gateway.address.port, tls=True)
    trust = ssl.create_default_context(cafile=str(cert))

    with redis_server.client() as redis:
        redis.xadd(redis_keys.alerts("shop"), {"alert": orjson.dumps(alert_as_dict(alert(1)))})
    wait_until(lambda: gateway.beats[-1].counters["journaled_total"] == 1)
    subscription = Subscription(address.stream_url, token=token, ca_file=str(cert))
    messages = iter(subscription)
    assert next(message for message in messages if message["type"] == "snapshot")["alerts"][0]["seq"] == 1
    for headers in (
        {"Authorization": f"Bearer {WRONG}"},
        {"Host": "evil.example"},
        {"Origin": "https://evil.example"},
    ):
        with (
            pytest.raises(InvalidStatus),
            connect(address.stream_url, proxy=None, ssl=trust, additional_headers=headers),
        ):
            pass
    with connect(address.stream_url, proxy=None, ssl=trust) as stranger:
        stranger.send(json.dumps({"type": "auth", "token": WRONG}))
        stranger.recv()
        with pytest.raises(ConnectionClosed) as closed:
            stranger.recv()
    assert closed.value.rcvd.code == 3500

    def refused():
        return gateway.beats[-1].by_reason["refused"]

    wait_until(lambda: (refused().get("token"), refused().get("host"), refused().get("origin")) == (2, 1, 1))
    remove_token(tokens, "hall")
    wait_until(lambda: refused()["ended"] == 1)
    subscription.close()
    gateway.end()
    for secret in (token, WRONG, "BEGIN"):
        assert secret not in gateway.log()
    command = [sys.executable, "-m", "engine.cli", "audit", "--journal", str(gateway.journal), "--json"]
    told = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["audit"]
    assert [(one["who"], one["what"], one["outcome"]) for one in told] == [
        ("hall", "connect", "ok"),
        ("", "connect", "token refused"),
        ("", "connect", "token refused"),
        ("", "token removed", "ok"),
        ("hall", "connect", "ended: its token holds no more"),
    ]


def test_other_access_needs_a_restart_and_a_bad_certificate_changes_nothing(gateway, tmp_path, certificate):
    tokens = tmp_path / "tokens.json"
    add_token(tokens, "hall", Role.VIEWER, 0)
    cert, key = certificate
    access = f'[access]\ntls_cert = "{cert}"\ntls_key = "{key}"\n'
    gateway.configure(access)
    process = gateway.start()
    gateway.wait_until_ready()

    gateway.configure(f'{access}tokens_file = "{tokens}"\n')
    process.send_signal(signal.SIGHUP)
    wait_until(lambda: "`access` differs: that needs a restart" in gateway.log())
    gateway.configure(access)
    cert.write_text("no PEM")
    process.send_signal(signal.SIGHUP)
    wait_until(lambda: "TLS cannot be used" in gateway.log())

    assert gateway.beats[-1].reloaded == 0
    assert gateway.beats[-1].ready


def test_gateway_that_could_not_keep_its_promise_does_not_start(gateway, tmp_path):
    for site, told in (
        ('[hub]\nhost = "0.0.0.0"\n', "hub.host"),
        (f'[access]\ntokens_file = "{tmp_path}/none.json"\n', "spindlewatch token add"),
        (f'[access]\ntls_cert = "{tmp_path}/none.pem"\n', "access.tls_cert"),
    ):
        gateway.configure(site)
        assert gateway.start().wait(30) == 2
        assert told in gateway.log().splitlines()[-1]
        assert "Traceback" not in gateway.log()
