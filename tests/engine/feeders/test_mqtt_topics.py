import json
import re

import numpy as np
import pytest
from desk import T0, Desk
from hypothesis import given
from hypothesis import strategies as st

from engine.clock import NS_PER_S
from engine.config import parse_config
from engine.errors import ConfigError
from engine.feeders.mqtt import take
from engine.feeders.mqtt_link import Message
from engine.feeders.mqtt_topics import MqttFeed, Route
from engine.feeders.settings import feed_table
from engine.records import Block, Context, Tick
from engine.wire import encode
from perf.service_process import shop_items
from replay.feed import site_text

SITE = """
[feeds.mqtt]
host = "127.0.0.1"
[[feeds.mqtt.topics]]
topic = "shop/+/state"
spindle = "{1}"
time = "t"
rate = "hz"
values = { "drive.load" = "load", S = { context = "rpm" }, tool = { context = "tool" }, x = "vib_x", y = "vib_y" }
[[feeds.mqtt.topics]]
topic = "M1/temp"
spindle = "M1"
values = { value = "load" }
[[feeds.mqtt.topics]]
topic = "raw/+/#"
spindle = "{1}"
format = "float32"
group = "vib"
interleaved = true
[[feeds.mqtt.topics]]
topic = "wire/#"
format = "wire"
[[feeds.mqtt.topics]]
topic = "own/+"
spindle = "{1}"
format = "wire"
"""
SPINDLES = "".join(
    f"""
[[spindles]]
name = "{name}"
[[spindles.groups]]
name = "load"
kind = "scalar"
sample_rate_hz = 10.0
channels = [{{ name = "load" }}]
[[spindles.groups]]
name = "vib"
kind = "waveform"
sample_rate_hz = 1000.0
channels = [{{ name = "vib_x" }}, {{ name = "vib_y" }}]
"""
    for name in ("M1", "M2")
)
CONFIG = parse_config(SITE + SPINDLES)


class Shop(Desk):
    """Hears messages."""

    def __init__(self, config=CONFIG, hold_s=0.0):
        super().__init__(config, hold_s)
        topics = feed_table(config, "mqtt", MqttFeed).topics
        self.routes = [Route(topic, config, f"feeds.mqtt.topics[{n}]") for n, topic in enumerate(topics)]

    def hear(self, topic, payload, **more):
        message = Message(
            topic, payload if isinstance(payload, bytes) else json.dumps(payload).encode(), **more
        )
        take(message, self.routes, ["M1", "M2"], self.feed)
        return self.data()


def test_an_object_becomes_channels_and_context_in_its_own_time():
    shop = Shop()
    told = {
        "t": T0 / 1e9 - 2.5,
        "drive": {"load": 42.0, "temp": 1},
        "S": 3000,
        "x": [1, 2],
        "y": [3, 4],
        "hz": 500,
    }
    context, load, vib = shop.hear("shop/M2/state", told)
    assert context == Context("M2", T0 - 2_500_000_000, rpm=3000.0)
    assert (load.spindle, load.group, load.t_ns, load.samples[0, 0]) == ("M2", "load", context.t_ns, 42.0)
    assert (vib.group, vib.t_ns, vib.sample_rate_hz, vib.samples.tolist()) == (
        "vib",
        context.t_ns,
        500.0,
        [[1, 2], [3, 4]],
    )
    assert shop.feed.counts == {"messages": 1, "sent": 3}


def test_a_bare_number_is_a_value_in_the_time_of_its_arrival():
    shop = Shop()
    shop.s = 3.0
    (block,) = shop.hear("M1/temp", 21.5)
    assert (block.t_ns, block.samples[0, 0]) == (T0 + 3 * NS_PER_S, 21.5)


def test_interleaved_floats_are_a_block_that_ends_when_it_came():
    shop = Shop()
    (block,) = shop.hear("raw/M1/a/b", np.arange(6, dtype="<f4").tobytes())
    assert block.samples.tolist() == [[0, 2, 4], [1, 3, 5]]
    assert block.end_ns == T0


def test_a_gateway_that_speaks_wire_messages_changes_nothing_of_what_a_shop_measures():
    spindles, items = shop_items(2.0, 2)
    topics = '[[feeds.mqtt.topics]]\ntopic = "wire"\nformat = "wire"\n'
    shop = Shop(parse_config(site_text(spindles, "redis://x", "p") + f'[feeds.mqtt]\nhost = "h"\n{topics}'))
    shop.s = 10.0
    for item in items:
        take(Message("wire", encode(item)), shop.routes, [], shop.feed)
    assert [encode(item) for item in shop.items] == [encode(item) for item in items]
    assert {type(item) for item in items} == {Block, Context, Tick}


def test_wire_messages_pass_and_another_spindle_than_the_topics_is_foreign():
    shop = Shop()
    tick = Tick("M1", T0)
    take(Message("wire/x", encode(tick)), shop.routes, [], shop.feed)
    take(Message("own/M2", encode(tick)), shop.routes, [], shop.feed)
    assert shop.items == [tick]
    assert shop.feed.counts == {"messages": 2, "sent": 1, "foreign": 1}


@pytest.mark.parametrize(
    ("topic", "payload", "reason"),
    [
        ("shop/M3/state", {"S": 1}, "unknown"),
        ("elsewhere", {"S": 1}, "unknown"),
        ("shop/M1/state", {"other": 1}, "malformed"),
        ("shop/M1/state", {"S": 1, "t": "yesterday"}, "malformed"),
        ("shop/M1/state", {"x": [1.0], "hz": 0}, "malformed"),
        ("shop/M1/state", {"S": 1, "t": T0 + 10**12}, "ahead"),
        ("shop/M1/state", b'{"S": NaN}', "malformed"),
        ("shop/M1/state", b'{"S": 1', "malformed"),
        ("shop/M1/state", b"[" * 100_000, "malformed"),
        ("shop/M1/state", dict.fromkeys(map(str, range(2000)), 1), "malformed"),
        ("raw/M1", b"1234567", "malformed"),
        ("raw/M1", b"", "malformed"),
        ("wire/M1", b"SPWB", "malformed"),
        ("M1/temp", b"\xff\xfe", "malformed"),
    ],
)
def test_a_message_that_cannot_be_used_is_one_dead_letter_and_the_next_is_heard(topic, payload, reason):
    shop = Shop()
    assert shop.hear(topic, payload) == []
    assert [letter.reason for letter in shop.letters] == [reason]
    assert shop.letters[0].origin.startswith(topic)
    assert len(shop.hear("M1/temp", 1.0)) == 1


@given(
    st.sampled_from(
        ["shop/M1/state", "M1/temp", "raw/M1/x", "wire/1", "own/M1", "own/", "shop//state", "\n"]
    ),
    st.one_of(
        st.binary(max_size=64),
        st.dictionaries(
            st.sampled_from(["t", "hz", "S", "tool", "x", "y", "drive"]),
            st.one_of(
                st.none(), st.integers(), st.floats(), st.text(), st.lists(st.floats()), st.just({"load": 1})
            ),
        ).map(lambda told: json.dumps(told).encode()),
    ),
    st.booleans(),
)
def test_no_message_whatever_it_holds_raises(topic, payload, is_retained):
    shop = Shop()
    shop.hear(topic, payload, is_retained=is_retained)
    assert shop.feed.counts["messages"] == 1


def test_a_retained_value_of_unknown_age_is_no_sample_but_may_be_what_the_machine_does():
    shop = Shop()
    told = shop.hear("shop/M1/state", {"drive": {"load": 1.0}, "tool": 7}, is_retained=True)
    assert [(type(item), item.tool) for item in told] == [(Context, "7")]
    assert shop.feed.counts == {"messages": 1, "undated": 1, "retained": 1, "sent": 1}


def test_when_the_connection_is_lost_nothing_holds_any_longer():
    shop = Shop(hold_s=np.inf)
    shop.hear("shop/M1/state", {"drive": {"load": 1.0}, "tool": 7})
    shop.s = 1.0
    shop.feed.beat()
    assert [type(item) for item in shop.data()] == [Block]
    take(Message(""), shop.routes, ["M1", "M2"], shop.feed)
    assert [item.tool for item in shop.data()] == [None]
    shop.s = 2.0
    shop.feed.beat()
    assert shop.data() == []


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ('topic = "a+"\nspindle = "M1"\nvalues = { v = "load" }', "topics[0].topic`"),
        ('topic = "a/#/b"\nspindle = "M1"\nvalues = { v = "load" }', "topics[0].topic`"),
        (
            'topic = "a"\nspindle = "M9"\nvalues = { v = "load" }',
            "got 'M9' - at `$.feeds.mqtt.topics[0].spindle`",
        ),
        (
            'topic = "a"\nspindle = "M1"\nvalues = { v = "x" }',
            "got 'x' - at `$.feeds.mqtt.topics[0].values.v`",
        ),
        (
            'topic = "+"\nspindle = "{1}"\nvalues = { v = "x" }',
            "got 'x' - at `$.feeds.mqtt.topics[0].values.v`",
        ),
        ('topic = "a"\nspindle = "M1"', "at `$.feeds.mqtt.topics[0].values`"),
        (
            'topic = "a"\nspindle = "M1"\nformat = "float32"\ngroup = "load"',
            "at `$.feeds.mqtt.topics[0].group`",
        ),
        ('topic = "a"\nqos = 3', "unknown field `qos` - at `$.feeds.mqtt.topics[0]`"),
    ],
)
def test_a_topic_that_cannot_be_used_is_told_with_its_path(wrong, told):
    with pytest.raises(ConfigError, match=re.escape(told)):
        Shop(parse_config(f'[feeds.mqtt]\nhost = "h"\n[[feeds.mqtt.topics]]\n{wrong}\n{SPINDLES}'))
