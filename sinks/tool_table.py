"""The cutting edges of a journal, for the command line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.errors import UsageError
from sinks.journal import Journal

_WIDTH = 110  # whatever the terminal's: a number that is cut off is worse than one that wraps
_STATES = {"learning": "learning", "in_use": "in use", "change": "CHANGE", "changed": "changed"}


def read_tools(path: Path, spindle: str | None = None, *, with_old: bool = False) -> list[dict[str, Any]]:
    """Read tool lives from a journal.

    Parameters
    ----------
    path : Path
        Of the journal.
    spindle : str, optional
        Only this one's.
    with_old : bool
        Edges that have been changed, too.

    Returns
    -------
    list of dict
        As `sinks.tool_history.read` gives them.

    Raises
    ------
    UsageError
        There is no such file.
    SpindlewatchError
        It is no journal.
    """
    if not path.is_file():
        raise UsageError(f"--journal {path}: there is no such file")
    journal = Journal(path)
    try:
        lives = journal.lives(spindle)
    finally:
        journal.close()
    return [life for life in lives if with_old or life["state"] != "changed"]


def print_tools(lives: Sequence[dict[str, Any]]) -> None:
    """Print a table, one line for each edge; blank = cannot be said."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("spindle", "tool", "edge"):
        table.add_column(heading, no_wrap=True)
    for heading in ("cuts", "minutes", "wear", "cuts left", "due at cut"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("state", no_wrap=True)
    for life in lives:
        wear, due = life["wear"], life["recommended_cuts"]
        table.add_row(
            life["spindle"],
            life["tool"],
            f"{life['edge']} (inferred)" if life["inferred"] else life["edge"],
            str(life["n_cuts"]),
            f"{life['cutting_s'] / 60.0:.1f}",
            "" if wear is None else f"{100.0 * wear:.0f} %",
            _left(life),
            "" if due is None else str(due),
            _STATES[life["state"]],
        )
    console = Console()
    console.width = max(console.width, _WIDTH)
    console.print(table if lives else "no tool has cut yet")


def _left(life: dict[str, Any]) -> str:
    """Cuts left, with the interval that should hold nine times in ten."""
    likely, low, high = (life[key] for key in ("remaining_cuts", "remaining_low", "remaining_high"))
    if likely is None or life["state"] in ("learning", "changed"):
        return ""
    return f"{likely:.0f} ({low:.0f} to {'?' if high is None else format(high, '.0f')})"
