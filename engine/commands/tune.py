"""Better settings, found on recordings and judged on others."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from engine.commands.options import PATH, config_option, json_option, print_json


@click.command()
@click.argument("recordings", nargs=-1, required=True, type=PATH)
@click.option(
    "--out", type=PATH, required=True, help="Folder for tuned.toml, tune.json, study.json, pareto.csv."
)
@click.option(
    "--trials",
    type=click.IntRange(1),
    default=100,
    show_default=True,
    help="To choose from, the base included.",
)
@click.option("--study", type=PATH, help="SQLite file that keeps the trials: an interrupted tuning goes on.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True, help="Processes.")
@click.option(
    "--group-by",
    type=click.Choice(["spindle", "folder", "recording"]),
    default="spindle",
    show_default=True,
    help="Recordings that are never parted into choosing and judging.",
)
@config_option
@json_option
def tune(
    recordings: tuple[Path, ...],
    out: Path,
    trials: int,
    study: Path | None,
    seed: int,
    jobs: int,
    group_by: Literal["spindle", "folder", "recording"],
    config_path: Path | None,
    as_json: bool,
) -> None:
    """Search [tune.space] for settings that cost less by [tune.cost], cross-validated by recording.

    Says what the tuned configuration costs on recordings that did not choose it, beside the one it began with.
    """
    from replay.tune.session import tune_recordings

    try:
        result = tune_recordings(
            recordings,
            out,
            config_path,
            n_trials=trials,
            n_jobs=jobs,
            study=study,
            seed=seed,
            group_by=group_by,
            show_progress=not as_json,
        )
    except KeyboardInterrupt:
        if study is not None:
            click.echo(f"spindlewatch: interrupted; the same command goes on from {study}", err=True)
        raise
    if as_json:
        print_json(result.as_dict())
        return
    from replay.tune.table import print_tuning

    print_tuning(result)
