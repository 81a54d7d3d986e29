import json

import pytest
from click.testing import CliRunner
from tunable import CHEAP, tunables

from engine.cli import cli, main
from engine.config import load_config


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tunable")
    (folder / "site.toml").write_text(CHEAP)
    return folder / "site.toml", tunables(folder)


def tune(*arguments):
    return CliRunner().invoke(cli, ["tune", *map(str, arguments)], catch_exceptions=False)


def test_tune_prints_the_verdict_and_leaves_a_configuration(shop, tmp_path):
    site, paths = shop

    ran = tune(*paths, "--out", tmp_path / "out", "--trials", 5, "--config", site)

    assert ran.exit_code == 0
    told = json.loads((tmp_path / "out" / "tune.json").read_text())
    assert told["says"] in " ".join(ran.output.split())
    assert "out of sample" in ran.output
    assert load_config(tmp_path / "out" / "tuned.toml").hash == told["tuned_config_hash"]


def test_json_is_all_that_is_printed_and_what_the_file_holds(shop, tmp_path):
    site, paths = shop

    ran = tune(*paths, "--out", tmp_path / "out", "--trials", 1, "--config", site, "--json")

    assert json.loads(ran.stdout) == json.loads((tmp_path / "out" / "tune.json").read_text())


def test_one_trial_is_the_base_and_says_so(shop, tmp_path):
    site, paths = shop

    told = json.loads(tune(*paths, "--out", tmp_path, "--trials", 1, "--config", site, "--json").stdout)

    assert told["changed"] == {}
    assert told["base"] == told["out_of_sample"] == told["in_sample"]
    assert "tuned.toml is the base" in told["says"]


def test_an_interrupted_tuning_ends_with_130_and_says_how_to_go_on(shop, tmp_path, monkeypatch, capfd):
    def interrupted(*_):
        raise KeyboardInterrupt

    arguments = [*shop[1], "--out", tmp_path / "out", "--study", tmp_path / "s.sqlite3"]
    monkeypatch.setattr("replay.tune.search.Search.run", interrupted)
    monkeypatch.setattr("sys.argv", ["spindlewatch", "tune", *map(str, arguments)])

    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == 130
    assert "goes on from" in capfd.readouterr().err
    assert not list((tmp_path / "out").iterdir())


def test_a_space_with_an_unknown_key_is_one_line_and_status_2(shop, tmp_path, monkeypatch, capfd):
    (tmp_path / "site.toml").write_text('[tune.space]\n"judge.onn" = { low = 1, high = 2 }\n')
    arguments = [*shop[1], "--out", tmp_path / "out", "--config", tmp_path / "site.toml"]
    monkeypatch.setattr("sys.argv", ["spindlewatch", "tune", *map(str, arguments)])

    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert "judge.onn" in line
    assert not (tmp_path / "out").exists()
