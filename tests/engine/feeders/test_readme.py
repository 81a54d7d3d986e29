import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from engine.config import parse_config
from engine.feeders.csv_rows import CsvFeed, CsvRows
from engine.feeders.mqtt_topics import MqttFeed, Route
from engine.feeders.mtconnect_table import MtconnectTable
from engine.feeders.opcua_table import OpcuaTable
from engine.feeders.settings import feed_table
from engine.feeders.sparkplug_nodes import SparkplugFeed, find_devices

TEXT = (Path(__file__).resolve().parents[3] / "engine/feeders/README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```toml\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
SPINDLE = """
[[spindles]]
name = "M1"
groups = [
  { name = "load", kind = "scalar", sample_rate_hz = 10.0, channels = [{ name = "spindle_load" }, { name = "temp" }] },
  { name = "vib", kind = "waveform", sample_rate_hz = 1000.0, channels = [{ name = "vib_x" }] },
]
"""
TABLES = {
    "mqtt": MqttFeed,
    "sparkplug": SparkplugFeed,
    "csv": CsvFeed,
    "mtconnect": MtconnectTable,
    "opcua": OpcuaTable,
}


def name_of(example):
    (name,) = tomllib.loads(example)["feeds"]
    return name


@pytest.mark.parametrize("example", EXAMPLES, ids=name_of)
def test_an_example_can_be_used_as_it_stands(example):
    config, name = parse_config(example + SPINDLE), name_of(example)
    table = feed_table(config, name, TABLES[name])
    if isinstance(table, MqttFeed):
        assert all(Route(topic, config, "") for topic in table.topics)
    elif isinstance(table, SparkplugFeed):
        assert find_devices(table, config)
    elif isinstance(table, CsvFeed):
        assert all(CsvRows(file, config, "") for file in table.files)
    assert msgspec.to_builtins(table)


def test_every_feed_has_an_example():
    assert sorted(map(name_of, EXAMPLES)) == sorted(TABLES)
