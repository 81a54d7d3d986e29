import json

import numpy as np
from mosquitto import Feeder

from engine import redis_keys
from engine.records import Block, Context
from engine.wire import decode
from perf.real_redis import wait_until

SITE = """
[redis]
url = "{redis}"
prefix = "shop"
[feeds.mqtt]
host = "127.0.0.1"
port = {port}
status_topic = "feeder/1"
[[feeds.mqtt.topics]]
topic = "shop/+/state"
spindle = "{{1}}"
values = {{ load = "load", S = {{ context = "rpm" }} }}
[[feeds.mqtt.topics]]
topic = "shop/+/vib"
spindle = "{{1}}"
format = "float32"
group = "vib"
[[spindles]]
name = "M1"
[[spindles.groups]]
name = "load"
kind = "scalar"
sample_rate_hz = 10.0
channels = [{{ name = "load" }}]
[[spindles.groups]]
name = "vib"
kind = "waveform"
sample_rate_hz = 1000.0
channels = [{{ name = "vib_x" }}]
"""


def site(tmp_path, port, redis="redis://127.0.0.1:1"):
    path = tmp_path / "site.toml"
    path.write_text(SITE.format(port=port, redis=redis))
    return path


def stream(server, name):
    with server.client() as redis:
        return [fields for _id, fields in redis.xrange(name)]


def test_what_a_broker_hears_is_in_redis_and_what_cannot_be_used_among_the_dead_letters(
    broker, redis_server, tmp_path
):
    feeder = Feeder("mqtt", "--config", site(tmp_path, broker.port, redis_server.url), "--json")
    key = redis_keys.stream_in("shop", "M1")
    try:
        with broker.client("feeder/1") as client:
            wait_until(lambda: client.came)
            client.publish("shop/M1/state", b"\xff{", 1)
            client.publish("shop/M1/state", json.dumps({"load": 42.0, "S": 3000}), 1)
            client.publish("shop/M1/vib", np.arange(100, dtype="<f4").tobytes(), 1)
            wait_until(lambda: len(stream(redis_server, key)) >= 4)  # a tick, too
    finally:
        status, out, told = feeder.end()
    items = [decode(fields[b"d"]) for fields in stream(redis_server, key)]
    assert next(item.rpm for item in items if isinstance(item, Context)) == 3000.0
    assert [item.samples.shape for item in items if isinstance(item, Block)] == [(1, 1), (1, 100)]
    (dead,) = stream(redis_server, redis_keys.dead_letters("shop"))
    assert (dead[b"reason"], dead[b"entry"], dead[b"head"]) == (b"malformed", b"shop/M1/state", b"\xff{")
    result = json.loads(out)
    assert (status, result["feed"]["malformed"], result["feed"]["sent"]) == (0, 1, len(items))
    assert result["redis"] == {"sent": len(items)}, told


def test_a_dry_run_prints_what_would_be_sent_and_ends(broker, tmp_path):
    feeder = Feeder("mqtt", "--config", site(tmp_path, broker.port), "--dry-run", "2")
    with broker.client("feeder/1") as client:
        wait_until(lambda: client.came)
        client.publish("shop/M1/state", json.dumps({"load": 42.0, "S": 3000}), 1)
        status, out, told = feeder.wait()
    context, block = map(json.loads, out.splitlines())
    assert (status, context["rpm"], block["group"], block["first"]) == (0, 3000.0, "load", [[42.0]]), told


def test_a_site_that_cannot_be_used_is_one_line(tmp_path):
    path = tmp_path / "site.toml"
    path.write_text('[feeds.mqtt]\nhost = "h"\n[[spindles]]\nname = "M1"\ngroups = []')
    status, out, told = Feeder("mqtt", "--config", path).wait()
    assert (status, out, told.count("\n")) == (2, "", 1)
    assert told.startswith(f"spindlewatch: {path}: ")
