from __future__ import annotations

from click.testing import CliRunner

from engine.cli import cli
from engine.config import load_config, parse_config
from engine.errors import ConfigError, UsageError
from replay.compare.journal import compare_journal
from sinks.shadow import read_spans, shadow_beside


def demo(*arguments):
    return CliRunner().invoke(cli, ["demo", "--port", "0", "--spindles", "1", "--json", *map(str, arguments)])


def test_a_demo_with_a_shadow_notes_what_it_watched_beside_its_journal(tmp_path):
    journal, site = tmp_path / "j.sqlite3", tmp_path / "b.toml"
    site.write_text("[judge]\non = 2.0\n")

    result = demo("--duration", 2, "--journal", journal, "--shadow", site)

    assert result.exit_code == 0, result.output
    (span,) = read_spans(shadow_beside(journal))
    assert (span.live_hash, span.config_hash) == (
        load_config().hash,
        parse_config(site.read_text()).hash,
    )
    assert span.until_ns > span.began_ns
    assert span.trouble == ""
    assert compare_journal(journal).changes == ()


def test_a_shadow_without_a_journal_is_wrong_usage(tmp_path):
    result = demo("--duration", 1, "--shadow", tmp_path / "b.toml")

    assert isinstance(result.exception, UsageError)
    assert "wanted --journal too" in str(result.exception)


def test_a_shadow_that_does_not_fit_ends_the_demo_before_it_begins(tmp_path):
    site = tmp_path / "b.toml"
    site.write_text('[[limits]]\nfeature = "nothing.rms"\nabove = 1.0\n')

    result = demo("--duration", 60, "--journal", tmp_path / "j.sqlite3", "--shadow", site)

    assert isinstance(result.exception, ConfigError)
    assert "shadow configuration" in str(result.exception)
