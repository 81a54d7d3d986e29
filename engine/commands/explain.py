"""Why one alert was raised, and what would have kept it from that."""

from __future__ import annotations

from pathlib import Path

import click

from engine.commands.options import PATH, config_option, json_option, print_json
from engine.errors import UsageError


@click.command()
@click.argument("alert_id")
@click.argument("recordings", nargs=-1, type=PATH)
@click.option("--journal", type=PATH, help="Where the alert was told: the journal of a running engine, ...")
@click.option("--replay", "out", type=PATH, help="... or the folder that a replay wrote to.")
@click.option("--language", type=click.Choice(["en", "ko"]), default="en", show_default=True)
@config_option
@json_option
def explain(
    alert_id: str,
    recordings: tuple[Path, ...],
    journal: Path | None,
    out: Path | None,
    language: str,
    config_path: Path | None,
    as_json: bool,
) -> None:
    """Say why an alert was raised, and the smallest changes that would have prevented it, with what else they lose.

    With RECORDINGS, of which one raises the alert, every change is tried out by replays; without, it is concluded from
    what was told. --config is the configuration that decided.
    """
    from engine.config import load_config
    from replay.explain.recorded import explain_recorded, find_alert, read_journal, read_replay
    from replay.explain.session import explain_replayed
    from replay.explain.table import explanation_lines
    from replay.recording import Recording

    if journal is not None and out is not None:
        raise UsageError("explain: got --journal and --replay, wanted one of them")
    config = load_config(config_path)
    told = read_journal(journal) if journal is not None else read_replay(out) if out is not None else None
    if told is not None:
        find_alert(alert_id, told.alerts)
    if recordings:
        result = explain_replayed(alert_id, [Recording.open(path) for path in recordings], config)
    elif told is not None:
        result = explain_recorded(alert_id, told, config)
    else:
        raise UsageError("explain: wanted --journal, --replay or RECORDINGS, got none of them")
    if as_json:
        print_json(result.as_dict())
    else:
        for line in explanation_lines(result, language):
            click.echo(line)
