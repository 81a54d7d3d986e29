import re

import msgspec
import pytest

from engine.config import parse_config
from engine.errors import ConfigError
from engine.feeders.settings import Target, Values, feed_table, find_slots, find_spindle
from engine.site import Table

SITE = """
[[spindles]]
name = "M1"
[[spindles.groups]]
name = "load"
kind = "scalar"
sample_rate_hz = 10.0
channels = [{ name = "spindle_load" }, { name = "temp" }]
"""


class Toy(Table, frozen=True):
    port: int
    values: Values = msgspec.field(default_factory=dict)


def test_values_are_channels_or_fields_of_the_context():
    config = parse_config(SITE)
    slots = find_slots(
        {"a": "temp", "b": Target(context="rpm", factor=60.0)}, config.spindles[0], "feeds.toy.values"
    )
    assert (slots["a"].group.name, slots["a"].row) == ("load", 1)
    assert slots["b"] == (None, 0, "rpm", 60.0)


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("", "wanted a table [feeds.toy]"),
        ("[feeds.toy]\nport = 'x'", "Expected `int`, got `str` - at `$.feeds.toy.port`"),
        ("[feeds.toy]\nport = 1\nprot = 2", "unknown field `prot` - at `$.feeds.toy`"),
        (
            "[feeds.toy]\nport = 1\nvalues = { a = { context = 'mood' } }",
            "at `$.feeds.toy.values[...].context`",
        ),
    ],
)
def test_a_table_that_cannot_be_used_is_told_with_its_path(table, told):
    with pytest.raises(ConfigError, match=re.escape(told)):
        feed_table(parse_config(f"{table}\n{SITE}"), "toy", Toy)


def test_a_feed_needs_spindles():
    with pytest.raises(ConfigError, match="spindles"):
        feed_table(parse_config("[feeds.toy]\nport = 1"), "toy", Toy)


@pytest.mark.parametrize("target", ["vib_x", Target(), Target(channel="temp", context="rpm")])
def test_a_target_that_is_none_is_told_with_its_path(target):
    with pytest.raises(ConfigError, match=re.escape("at `$.feeds.toy.values.a`")):
        find_slots({"a": target}, parse_config(SITE).spindles[0], "feeds.toy.values")


def test_a_spindle_that_is_not_declared_is_told():
    with pytest.raises(ConfigError, match=re.escape("got 'M2' - at `$.feeds.toy.spindle`")):
        find_spindle(parse_config(SITE), "M2", "feeds.toy.spindle")
