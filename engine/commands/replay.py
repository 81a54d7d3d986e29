"""Recordings through the flow."""

from __future__ import annotations

from pathlib import Path

import click

from engine.commands.options import PATH, config_option, json_option, print_json
from engine.errors import UsageError


@click.command()
@click.argument("recordings", nargs=-1, required=True, type=PATH)
@click.option(
    "--out", "out", type=PATH, required=True, help="Folder for summary.json, alerts.jsonl, scores.parquet."
)
@click.option("--pace", default="max", show_default=True, help="max, real, or a factor such as 10.")
@click.option(
    "--kpi", is_flag=True, help="Also kpi.json: tool changes in time, stops avoided, latency, false alerts."
)
@click.option(
    "--score",
    is_flag=True,
    help="Also evaluation.json: recall, delays, false alerts, NAB, VUS, by fault class and tier.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Processes; each takes whole recordings. Alerts do not depend on it.",
)
@click.option("--cold", is_flag=True, help="Incidents from nothing, not from the state that they begin with.")
@config_option
@json_option
def replay(
    recordings: tuple[Path, ...],
    out: Path,
    pace: str,
    kpi: bool,
    score: bool,
    jobs: int,
    cold: bool,
    config_path: Path | None,
    as_json: bool,
) -> None:
    """Run recordings through the very flow that runs live."""
    from engine.config import load_config
    from replay.session import replay_recordings

    summary = replay_recordings(
        recordings,
        out,
        load_config(config_path),
        pace=_parse_pace(pace),
        show_progress=not as_json,
        with_kpi=kpi,
        n_jobs=jobs,
        cold=cold,
    )
    evaluation = None
    if score:
        from replay.evaluate.files import score_replay

        evaluation = score_replay(recordings, out)
    if as_json:
        told = {} if evaluation is None else {"evaluation": evaluation.as_dict()}
        print_json(summary.as_dict() | told)
    else:
        summary.print_table()
        for outcome in summary.incidents:
            click.echo(outcome.line())
        for line in summary.kpi.lines() if summary.kpi is not None else ():
            click.echo(line)
        if evaluation is not None:
            from replay.evaluate.told import print_evaluation

            print_evaluation(evaluation)


def _parse_pace(text: str) -> float | None:
    """None = as fast as possible."""
    if text == "max":
        return None
    try:
        pace = 1.0 if text == "real" else float(text.removeprefix("x").removeprefix("×"))
    except ValueError:
        pace = 0.0
    if not 0.0 < pace < float("inf"):
        raise UsageError(f"--pace: got {text!r}, wanted max, real, or a factor greater than 0 such as 10")
    return pace
