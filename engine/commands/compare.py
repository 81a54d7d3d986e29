"""What another configuration would have done."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.commands.options import PATH, json_option, print_json
from engine.errors import UsageError

if TYPE_CHECKING:
    from engine.config import Config
    from replay.compare.result import Comparison


@click.command()
@click.argument("paths", nargs=-1, type=PATH, metavar="A.toml B.toml RECORDING...")
@click.option(
    "--journal", type=PATH, help="In place of recordings: what was told, and what its shadow would have told."
)
@click.option("--out", type=PATH, help="Folder for compare.json.")
@click.option(
    "--within",
    "within_s",
    type=click.FloatRange(min=0),
    default=2.0,
    show_default=True,
    help="Alerts that begin so many seconds apart are the same; so are those that overlap.",
)
@json_option
def compare(
    paths: tuple[Path, ...], journal: Path | None, out: Path | None, within_s: float, as_json: bool
) -> None:
    """Compare the alerts of two configurations over recordings: gained, lost, moved, and which of them are true.

    `default` stands for the default configuration. Each recording is replayed by itself. With --journal, the alerts of
    a running engine (A) are compared with those of its shadow (B).
    """
    from replay.compare.journal import compare_journal
    from replay.compare.table import print_comparison

    if journal is None:
        result = _compare_replays(paths, within_s)
    elif paths:
        raise UsageError(f"compare: got --journal and {len(paths)} paths, wanted one or the other")
    else:
        result = compare_journal(journal, within_s)
    if out is not None:
        result.write(out)
    if as_json:
        print_json(result.as_dict())
    else:
        print_comparison(result)


def _compare_replays(paths: tuple[Path, ...], within_s: float) -> Comparison:
    from replay.compare.session import compare_configs
    from replay.recording import Recording

    if len(paths) < 3:
        raise UsageError(
            f"compare: got {len(paths)} paths, wanted two configurations and at least one recording"
        )
    a, b, *folders = paths
    configs = _config(a), _config(b)
    recordings = [Recording.open(folder) for folder in folders]
    bar = click.progressbar(length=2 * len(recordings), file=sys.stderr, hidden=not sys.stderr.isatty())
    with bar:
        return compare_configs(
            recordings,
            *configs,
            names=(str(a), str(b)),
            within_s=within_s,
            on_replay=lambda: bar.update(1),
        )


def _config(path: Path) -> Config:
    """Load a configuration; ``default`` is none that lies anywhere."""
    from engine.config import load_config

    return load_config(None if str(path) == "default" else path)
