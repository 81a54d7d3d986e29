from __future__ import annotations

import orjson
import pytest
from click.testing import CliRunner
from healthy import write_healthy

from engine.cli import cli
from engine.config import load_config
from engine.errors import UsageError
from replay.session import replay_recordings

SITE = (
    "[diagnosis]\nenabled = false\n[dynamic]\nenabled = false\n"
    '[[limits]]\nfeature = "vib_x.rms"\nabove = 0.3\n'
)


@pytest.fixture(scope="module")
def replayed(tmp_path_factory):
    """Arguments that name the site's configuration, the replay's folder, the recording, and the alert."""
    folder = tmp_path_factory.mktemp("explain")
    rec, site = write_healthy(folder / "M1"), folder / "site.toml"
    site.write_text(SITE)
    summary = replay_recordings([rec], folder / "out", load_config(site))
    (alert,) = summary.outcomes[0].alerts
    return str(site), str(folder / "out"), str(rec), alert.id


def run(*arguments: str):
    return CliRunner().invoke(cli, ["explain", *arguments])


def test_with_recordings_remedies_are_verified(replayed):
    site, out, rec, alert_id = replayed

    result = run(alert_id, rec, "--replay", out, "--config", site, "--json")

    told = orjson.loads(result.stdout)
    assert (told["alert"]["id"], told["recordings"]) == (alert_id, ["M1"])
    assert told["remedies"]
    assert all(remedy["verified"] for remedy in told["remedies"])
    assert set(told["remedies"][0]["words"]) == {"en", "ko"}


def test_without_recordings_nothing_is(replayed):
    site, out, _, alert_id = replayed

    result = run(alert_id, "--replay", out, "--config", site, "--language", "ko")

    assert result.exit_code == 0
    assert "확인되지 않음" in result.output
    assert "재생으로 확인됨" not in result.output


def test_another_configuration_than_the_one_that_decided_is_told(replayed):
    _, out, _, alert_id = replayed

    result = run(alert_id, "--replay", out)

    assert f"explained under {load_config().hash}" in result.output


@pytest.mark.parametrize("sources", [[], ["--journal", "j", "--replay", "o"]])
def test_there_must_be_one_source(sources):
    result = run("M1:process:1", *sources)

    assert isinstance(result.exception, UsageError)


def test_an_alert_that_is_not_there_is_one_clear_error(replayed):
    _, out, _, _ = replayed

    result = run("M1:process:7", "--replay", out)

    assert isinstance(result.exception, UsageError)
    assert "wanted the id of one of 1 alerts" in str(result.exception)
