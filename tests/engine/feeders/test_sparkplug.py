import json
import re

import numpy as np
import pytest
from desk import T0, Desk
from hypothesis import given
from hypothesis import strategies as st
from mosquitto import Feeder

from engine import redis_keys
from engine.clock import NS_PER_S
from engine.config import parse_config
from engine.errors import ConfigError
from engine.feeders.mqtt_link import Message
from engine.feeders.settings import feed_table
from engine.feeders.sparkplug import Nodes
from engine.feeders.sparkplug_nodes import SparkplugFeed
from engine.feeders.sparkplug_payload import read_payload, write_payload
from engine.feeders.stamps import Now, read_now
from engine.records import Block, Context, Tick
from engine.wire import decode
from perf.real_redis import wait_until

FEED = """
[feeds.sparkplug]
host = "127.0.0.1"
port = {port}
host_id = "watch"
[[feeds.sparkplug.devices]]
group = "shop"
node = "edge"
device = "M1"
spindle = "M1"
values = {{ "Axis/Load" = "load", Tool = {{ context = "tool" }}, Vib = "vib_x" }}
[[feeds.sparkplug.devices]]
group = "shop"
node = "edge"
spindle = "M1"
values = {{ Temp = "temp" }}
"""
SPINDLES = """
[[spindles]]
name = "M1"
[[spindles.groups]]
name = "load"
kind = "scalar"
sample_rate_hz = 10.0
channels = [{ name = "load" }]
[[spindles.groups]]
name = "temp"
kind = "scalar"
sample_rate_hz = 10.0
channels = [{ name = "temp" }]
[[spindles.groups]]
name = "vib"
kind = "waveform"
sample_rate_hz = 1000.0
channels = [{ name = "vib_x" }]
"""
CONFIG = parse_config(FEED.format(port=1) + SPINDLES)
BIRTH = [
    {"name": "Axis/Load", "alias": 5, "datatype": 3, "int_value": 40},
    {"name": "Tool", "alias": 6, "datatype": 12, "string_value": "T1"},
    {"name": "Vib", "alias": 7, "datatype": 30, "bytes_value": np.arange(4, dtype="<f4").tobytes()},
    {"name": "Other", "alias": 8, "datatype": 12, "string_value": "x"},
]
NODE_BIRTH = [
    {"name": "bdSeq", "datatype": 8, "long_value": 3},
    {"name": "Temp", "alias": 1, "float_value": 21.0},
]


class Shop(Desk):
    """Hears edge nodes."""

    def __init__(self, config=CONFIG):
        super().__init__(config, np.inf)
        self.nodes = Nodes(feed_table(config, "sparkplug", SparkplugFeed), config)

    def hear(self, kind, seq, *metrics, device="M1"):
        topic = f"spBv1.0/shop/{kind}/edge" + (f"/{device}" if kind[0] == "D" else "")
        self.nodes.take(Message(topic, write_payload(T0 + self.ns, seq, list(metrics))), self.feed)
        return self.data()

    def asked(self):
        """Commands that are due."""
        return [command.topic for command in self.nodes.commands(Now(T0 + self.ns, self.ns), self.feed)]

    def born(self):
        self.hear("NBIRTH", 0, *NODE_BIRTH)
        return self.hear("DBIRTH", 1, *BIRTH)


REBIRTH = ["spBv1.0/shop/NCMD/edge"]


def kinds(items):
    return [item.group if isinstance(item, Block) else type(item).__name__ for item in items]


def test_a_birth_tells_values_and_data_means_them_by_alias():
    shop = Shop()
    assert kinds(shop.born()) == ["Context", "load", "vib"]
    shop.s = 1.0
    (load,) = shop.hear("DDATA", 2, {"alias": 5, "int_value": 0xFFFFFFFF})
    assert (load.t_ns, load.samples[0, 0]) == (T0 + NS_PER_S, -1.0)
    (tool,) = shop.hear("DDATA", 3, {"alias": 6, "string_value": "T2"}, {"alias": 8, "string_value": "y"})
    assert (tool.tool, shop.feed.counts["malformed"]) == ("T2", 0)


def test_a_metric_keeps_its_own_time_but_at_birth_what_holds_holds_now():
    old_ms = T0 // 10**6 - 60_000
    shop = Shop()
    shop.hear("NBIRTH", 0, *NODE_BIRTH)
    (load,) = shop.hear(
        "DBIRTH", 1, {"name": "Axis/Load", "alias": 5, "datatype": 9, "float_value": 1, "timestamp": old_ms}
    )
    assert load.t_ns == T0
    shop.s = 1.0
    (load,) = shop.hear("DDATA", 2, {"alias": 5, "float_value": 2, "timestamp": T0 // 10**6 + 250})
    assert load.t_ns == T0 + NS_PER_S // 4
    assert (
        shop.hear("DDATA", 3, {"alias": 5, "float_value": 3, "timestamp": old_ms, "is_historical": True})
        == []
    )


def test_data_before_its_birth_is_not_understood_and_the_node_is_asked_now_and_then():
    shop = Shop()
    assert shop.hear("DDATA", 17, {"alias": 5, "int_value": 1}) == []
    assert shop.asked() == REBIRTH
    assert shop.asked() == []
    shop.s = 9.9
    assert shop.asked() == []
    shop.s = 10.1
    assert shop.asked() == REBIRTH
    shop.born()
    shop.s = 100.0
    assert shop.asked() == []
    assert shop.feed.counts["unborn"] == 1


def test_a_missing_message_may_have_been_a_birth_so_data_waits_for_the_next_one():
    shop = Shop()
    shop.born()
    assert shop.asked() == []
    assert shop.hear("DDATA", 3, {"alias": 5, "int_value": 1}) == []
    assert shop.hear("DDATA", 4, {"alias": 5, "int_value": 1}) == []
    assert shop.asked() == REBIRTH
    shop.s = 1.0
    assert kinds(shop.born()) == ["load", "vib"]  # the tool is the same
    assert kinds(shop.hear("DDATA", 2, {"alias": 5, "int_value": 1})) == []
    assert (shop.feed.counts["gap"], shop.feed.counts["thinned"]) == (1, 1)


def test_what_was_said_holds_until_a_node_was_asked_twice_in_vain():
    shop = Shop()
    shop.born()
    shop.hear("NDATA", 9)
    for shop.s, wanted in ((0.2, True), (5.0, True), (10.3, False)):
        shop.asked()
        shop.feed.beat()
        assert ("load" in kinds(shop.data())) is wanted


def test_a_repeated_message_counts_once_and_numbers_go_round():
    shop = Shop()
    shop.born()
    for number in range(2, 600):
        shop.s = number
        for _ in range(2):
            shop.hear("DDATA", number % 256, {"alias": 5, "int_value": number})
    assert (shop.feed.counts["repeated"], shop.feed.counts["gap"]) == (598, 0)
    assert shop.asked() == []


@pytest.mark.parametrize(
    ("kind", "metrics", "silent"),
    [
        ("NDEATH", [{"name": "bdSeq", "long_value": 3}], {"load", "temp"}),
        ("NDEATH", [{"name": "bdSeq", "long_value": 2}], set()),
        ("DDEATH", [], {"load"}),
    ],
)
def test_who_is_dead_is_silent_but_a_death_of_an_earlier_connection_is_none(kind, metrics, silent):
    shop = Shop()
    shop.born()
    shop.hear(kind, 2, *metrics)
    shop.s = 1.0
    shop.feed.beat()
    assert set(kinds(shop.data())) == {"load", "temp"} - silent
    assert shop.asked() == []


def test_a_lost_connection_ends_everything_and_every_node_is_asked_again():
    shop = Shop()
    shop.born()
    shop.nodes.take(Message(""), shop.feed)
    assert [item.tool for item in shop.data()] == [None]
    assert shop.asked() == REBIRTH
    shop.s = 1.0
    shop.feed.beat()
    assert shop.data() == []


def test_a_device_that_is_not_mapped_only_counts_and_one_that_was_not_born_is_asked():
    shop = Shop()
    shop.hear("NBIRTH", 0, *NODE_BIRTH)
    assert shop.hear("DBIRTH", 1, *BIRTH, device="M2") == []
    assert shop.asked() == []
    assert shop.hear("DDATA", 2, {"alias": 5, "int_value": 1}) == []
    assert shop.asked() == REBIRTH


def test_a_metric_that_cannot_be_used_is_a_dead_letter_and_its_neighbours_go_on():
    shop = Shop()
    shop.born()
    shop.s = 1.0
    (load,) = shop.hear(
        "DDATA",
        2,
        {"alias": 7, "bytes_value": b"123"},
        {"alias": 6, "bytes_value": b""},
        {"alias": 5, "int_value": 1},
    )
    assert (load.samples[0, 0], shop.feed.counts["malformed"]) == (1.0, 2)
    shop.nodes.take(Message("spBv1.0/shop/DDATA/edge/M1", b"\xff\xff"), shop.feed)
    shop.s = 2.0
    assert kinds(shop.hear("DDATA", 3, {"alias": 5, "int_value": 2})) == ["load"]
    assert [letter.reason for letter in shop.letters] == ["malformed"] * 3


METRICS = st.lists(
    st.fixed_dictionaries(
        {"datatype": st.integers(0, 40)},
        optional={
            "name": st.sampled_from(["Axis/Load", "Tool", "Vib", "bdSeq", "Temp", "\n"]),
            "alias": st.integers(0, 9),
            "timestamp": st.integers(0, 2**63),
            "int_value": st.integers(0, 2**32 - 1),
            "string_value": st.text(max_size=5),
            "bytes_value": st.binary(max_size=9),
            "is_null": st.booleans(),
        },
    ),
    max_size=4,
)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["NBIRTH", "DBIRTH", "NDATA", "DDATA", "NDEATH", "DDEATH", "NCMD", "X"]),
            st.one_of(st.none(), st.integers(0, 3)),
            METRICS,
        ),
        max_size=8,
    ),
    st.binary(max_size=20),
)
def test_no_message_whatever_it_holds_raises(told, raw):
    shop = Shop()
    for kind, seq, metrics in told:
        shop.hear(kind, seq, *metrics)
        shop.nodes.take(Message(f"spBv1.0/shop/{kind}/edge/M1", raw), shop.feed)
        shop.s += 1.0
        shop.feed.beat()
        shop.asked()


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ('spindle = "M1"', 'spindle = "M9"', "got 'M9' - at `$.feeds.sparkplug.devices[0].spindle`"),
        ('"vib_x"', '"vib_y"', "got 'vib_y' - at `$.feeds.sparkplug.devices[0].values.Vib`"),
        ('device = "M1"', "", "got '' twice - at `$.feeds.sparkplug.devices[1].device`"),
        ('node = "edge"', 'node = "a/b"', "at `$.feeds.sparkplug.devices[0].node`"),
    ],
)
def test_a_device_that_cannot_be_mapped_is_told_with_its_path(before, after, told):
    with pytest.raises(ConfigError, match=re.escape(told)):
        Shop(parse_config(FEED.format(port=1).replace(before, after, 1) + SPINDLES))


def test_a_real_broker_an_edge_node_and_a_rebirth(broker, redis_server, tmp_path):
    site = tmp_path / "site.toml"
    redis = f'[redis]\nurl = "{redis_server.url}"\nprefix = "shop"\n'
    site.write_text(redis + FEED.format(port=broker.port) + SPINDLES)
    key = redis_keys.stream_in("shop", "M1")

    def stored():
        with redis_server.client() as client:
            items = [decode(fields[b"d"]) for _id, fields in client.xrange(key)]
        return [item for item in items if not isinstance(item, Tick)]

    def commands(edge):
        return [read_payload(payload).metrics[0] for topic, payload in edge.came if "NCMD" in topic]

    def publish(edge, kind, seq, *metrics):
        where = f"spBv1.0/shop/{kind}/edge" + ("/M1" if kind[0] == "D" else "")
        now_ns = read_now().utc_ns
        edge.publish(where, write_payload(now_ns, seq, list(metrics)), 0)

    with broker.client("spBv1.0/shop/NCMD/edge", "spBv1.0/STATE/watch") as edge:
        feeder = Feeder("sparkplug", "--config", site, "--json")
        try:
            wait_until(lambda: commands(edge))  # it was here first, so it is asked
            assert (commands(edge)[0].name, commands(edge)[0].raw) == ("Node Control/Rebirth", True)
            publish(edge, "NBIRTH", 0, *NODE_BIRTH)
            publish(edge, "DBIRTH", 1, *BIRTH)
            wait_until(lambda: any(isinstance(item, Context) and item.tool == "T1" for item in stored()))
            publish(edge, "DDATA", 3, {"alias": 6, "string_value": "T9"})
            wait_until(lambda: len(commands(edge)) == 2)
        finally:
            status, out, told = feeder.end()
        wait_until(lambda: json.loads(edge.came[-1][1])["online"] is False)
    states = [json.loads(payload) for topic, payload in edge.came if "STATE" in topic]
    assert [state["online"] for state in states] == [True, False]
    assert len({state["timestamp"] for state in states}) == 1
    assert (status, json.loads(out)["feed"]["gap"]) == (0, 1), told
    assert {"load", "temp", "vib"} <= {item.group for item in stored() if isinstance(item, Block)}
