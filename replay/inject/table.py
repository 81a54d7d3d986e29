"""The bench as a table for people."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from replay.intervals import wilson

if TYPE_CHECKING:
    from replay.inject.bench import BenchResult


def print_bench(result: BenchResult) -> None:
    """Print one row for each fault and severity, then false alerts and what was not carried.

    Parameters
    ----------
    result : BenchResult
        What was found.
    """
    table = Table(title="Injected faults", title_justify="left")
    table.add_column("fault")
    for heading in (
        "severity",
        "trials",
        "detected %",
        "95 % interval",
        "median delay s",
        "p90 s",
        "p99 s",
        "right class %",
    ):
        table.add_column(heading, justify="right")
    for cell in result.cells:
        n, found = len(cell.trials), cell.n_detected
        low, high = wilson(found, n)
        delays = [f"{cell.delay_s(percent):.2f}" if found else "-" for percent in (50, 90, 99)]
        table.add_row(
            cell.fault,
            f"{cell.severity:g}",
            str(n),
            f"{100 * found / n:.1f}",
            f"{100 * low:.0f} to {100 * high:.0f}",
            *delays,
            f"{100 * cell.n_right / found:.0f}" if found else "-",
        )
    console = Console()
    console = console if console.is_terminal else Console(width=160)
    console.print(table)
    for line in calm_lines(result):
        console.print(f"false alerts, {line}", highlight=False)
    console.print(f"configuration {result.config_hash}", highlight=False)
    for line in result.outcome.refused:
        console.print(f"not carried: {line}", highlight=False)


def calm_lines(result: BenchResult) -> list[str]:
    """Say how many alerts were false, a line for each kind of recording."""
    lines = []
    for source, calm in result.calm().items():
        low, high = calm["per_machine_day_95"]
        lines.append(
            f"{source}: {calm['n']} in {calm['watched_h']:.2f} h, {calm['per_machine_day']:.2f} per machine-day "
            f"(95 %: {low:.2f} to {high:.2f})"
        )
    return lines


@contextmanager
def bench_progress(wanted: bool) -> Iterator[Callable[[float], None]]:
    """Give a function to tell the share that is done; it draws a bar on stderr if that is a terminal."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not (wanted and console.is_terminal)) as progress:
        task = progress.add_task("trying faults", total=1.0)
        yield lambda share: progress.update(task, completed=share)
