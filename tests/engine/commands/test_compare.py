from __future__ import annotations

import orjson
from click.testing import CliRunner
from healthy import write_healthy

from engine.cli import cli
from engine.errors import ConfigError, UsageError


def test_the_result_is_printed_as_json_and_written(tmp_path):
    rec, site = write_healthy(tmp_path / "M1"), tmp_path / "b.toml"
    site.write_text("[judge]\non = 2.0\n")
    arguments = ["compare", "default", str(site), str(rec), "--json", "--out", str(tmp_path / "out")]

    result = CliRunner().invoke(cli, arguments)

    assert result.exit_code == 0, result.output
    told = orjson.loads(result.stdout)
    assert told == orjson.loads((tmp_path / "out" / "compare.json").read_bytes())
    assert (told["a"]["config"], told["b"]["config"]) == ("default", str(site))
    assert told["a"]["config_hash"] != told["b"]["config_hash"]


def test_fewer_paths_than_needed_are_wrong_usage():
    result = CliRunner().invoke(cli, ["compare", "default", "default"])

    assert isinstance(result.exception, UsageError)
    assert "got 2 paths, wanted two configurations and at least one recording" in str(result.exception)


def test_a_configuration_that_is_not_there_is_named(tmp_path):
    result = CliRunner().invoke(cli, ["compare", "default", str(tmp_path / "no.toml"), str(tmp_path)])

    assert isinstance(result.exception, ConfigError)
    assert "no.toml: cannot be read" in str(result.exception)
