"""An earlier replay held against the labels."""

from __future__ import annotations

from pathlib import Path

import click

from engine.commands.options import PATH, json_option, print_json


@click.command()
@click.argument("recordings", nargs=-1, required=True, type=PATH)
@click.option("--scores", "out", type=PATH, required=True, help="What a replay of them wrote: its --out.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the bootstrap intervals.")
@json_option
def score(recordings: tuple[Path, ...], out: Path, seed: int, as_json: bool) -> None:
    """Score an earlier replay against faults.csv, without replaying: evaluation.json and a table.

    For labels that were corrected afterwards. `replay --score` does both at once.
    """
    from replay.evaluate.files import score_replay
    from replay.evaluate.told import print_evaluation

    evaluation = score_replay(recordings, out, seed=seed)
    if as_json:
        print_json(evaluation.as_dict())
    else:
        print_evaluation(evaluation)
