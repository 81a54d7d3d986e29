"""A tuning as a table for people."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from replay.tune.result import TuneResult


def print_tuning(result: TuneResult) -> None:
    """Print the base beside the tuned configuration, out of sample first; then what changed, and the verdict.

    Parameters
    ----------
    result : TuneResult
        What was found.
    """
    told = result.as_dict()
    table = Table(
        title=f"{result.n_trials} trials, {len(result.recordings)} recordings", title_justify="left"
    )
    table.add_column("")
    for heading in (f"cost, {result.weights.unit}", "missed", "median delay s", "false alerts", "open for h"):
        table.add_column(heading, justify="right")
    for name, key in (
        ("base", "base"),
        ("tuned, out of sample", "out_of_sample"),
        ("tuned, on what it was chosen by", "in_sample"),
    ):
        table.add_row(name, *_cells(told[key]))
    console = Console()
    console = console if console.is_terminal else Console(width=160)
    console.print(table)
    for key, values in told["changed"].items():
        console.print(f"{key}: {values['base']} -> {values['tuned']}", highlight=False, markup=False)
    console.print(result.says, highlight=False, markup=False)


def _cells(figures: dict[str, Any]) -> list[str]:
    delay_s = figures["delay_median_s"]
    return [
        f"{figures['cost']:.0f}",
        f"{figures['n_missed']} of {figures['n_faults']}",
        "-" if delay_s is None else f"{delay_s:.1f}",
        str(figures["n_false"]),
        f"{figures['false_alert_h']:.2f}",
    ]
