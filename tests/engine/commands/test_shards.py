import orjson
import pytest
from click.testing import CliRunner

from engine.cli import cli
from engine.errors import UsageError

SPINDLE = """
[[spindles]]
name = "{name}"
[[spindles.groups]]
name = "vib"
kind = "waveform"
sample_rate_hz = {rate_hz}
channels = [{{ name = "vib_x" }}, {{ name = "vib_y" }}]
"""
SHOP = "".join(
    SPINDLE.format(name=name, rate_hz=rate_hz)
    for name, rate_hz in (("M1", 50_000.0), ("M2", 25_000.0), ("M3", 20_000.0))
)
CLUSTER = '[service]\nshards = 2\n[cluster]\naddresses = ["10.0.0.1:2101", "10.0.0.2:2101"]\nhere = [1]\n'


def _run(path, text, *options):
    path.write_text(text)
    result = CliRunner().invoke(cli, ["shards", "--config", str(path), *options])
    if result.exception:
        raise result.exception
    return result.output


def test_each_spindle_is_told_with_its_process_its_host_and_its_load(tmp_path):
    told = orjson.loads(_run(tmp_path / "site.toml", CLUSTER + SHOP, "--json"))["shards"]

    assert [shard["spindles"] for shard in told] == [["M1"], ["M2", "M3"]]
    assert [shard["address"] for shard in told] == ["10.0.0.1:2101", "10.0.0.2:2101"]
    assert [shard["here"] for shard in told] == [False, True]
    assert [shard["load_ms_s"] for shard in told] == [0.1, 0.09]


def test_people_are_told_the_same(tmp_path):
    lines = _run(tmp_path / "site.toml", CLUSTER + SHOP).splitlines()
    assert lines == [
        "shard-0  10.0.0.1:2101  1 spindles  0.100 MS/s  (not on this host)",
        "  M1",
        "shard-1  10.0.0.2:2101  2 spindles  0.090 MS/s",
        "  M2",
        "  M3",
    ]


def test_a_file_that_declares_no_spindle_is_one_error(tmp_path):
    with pytest.raises(UsageError, match="wanted the spindles"):
        _run(tmp_path / "site.toml", "[service]\nshards = 2\n")
