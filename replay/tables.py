"""Results as tables for people. Results as data are the ``as_dict`` of what is printed here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from replay.demo import DemoResult
    from replay.outcome import RecordingOutcome
    from replay.session import ReplaySummary


def _console() -> Console:
    """Make a console; without a terminal, as in a log, lines are long instead of folded at 80 characters."""
    console = Console()
    return console if console.is_terminal else Console(width=160)


def _found(n_found: int, outcome: RecordingOutcome) -> str:
    if outcome.faults:
        return f"{n_found} of {len(outcome.faults)}"
    return "healthy" if outcome.labelled else "no labels"


def print_replay(summary: ReplaySummary) -> None:
    """Print a replay: one row for each recording, then the totals.

    Parameters
    ----------
    summary : ReplaySummary
        What was found.
    """
    table = Table(title="Replay", title_justify="left")
    for heading in ("recording", "spindle"):
        table.add_column(heading)
    for heading in (
        "length s",
        "alerts",
        "sensor",
        "faults found",
        "alerting before",
        "median delay s",
        "false alerts",
    ):
        table.add_column(heading, justify="right")
    for outcome in summary.outcomes:
        found = [fault.found for fault in outcome.faults if fault.found.found]
        # An alert that was open already when the fault began says nothing about how fast one is found.
        delays = sorted(fault.delay_s for fault in found if not fault.early)
        n_sensor = sum(alert.fault == "sensor" for alert in outcome.alerts)
        table.add_row(
            outcome.recording,
            outcome.spindle,
            f"{outcome.duration_s:.1f}",
            str(outcome.n_alerts - n_sensor),
            str(n_sensor),
            _found(len(found), outcome),
            str(sum(fault.early for fault in found)) if outcome.faults else "-",
            f"{delays[len(delays) // 2]:.2f}" if delays else "-",
            str(len(outcome.unexplained)) if outcome.labelled else "-",
        )
    console = _console()
    console.print(table)
    console.print(
        f"{summary.duration_s:.1f} s replayed in {summary.wall_s:.2f} s: {summary.realtime_factor:.0f} x real time; "
        f"configuration {summary.config_hash}",
        highlight=False,
    )


def print_demo(result: DemoResult) -> None:
    """Print a finished demo: injected faults and what became of them, then latencies.

    Parameters
    ----------
    result : DemoResult
        What was injected, found and measured.
    """
    table = Table(title="Injected faults", title_justify="left")
    for heading in ("spindle", "fault"):
        table.add_column(heading)
    for heading in ("start s", "detected", "delay s"):
        table.add_column(heading, justify="right")
    for fault in result.faults:
        found = fault.outcome.found
        table.add_row(
            fault.spindle,
            fault.outcome.label.fault,
            f"{fault.outcome.label.start_s:.1f}",
            "yes" if found.found else "NO",
            f"{found.delay_s:.2f}" if found.found else "-",
        )
    console = _console()
    console.print(table)
    told = result.as_dict()
    latency = told["latency_ms"]
    console.print(
        f"{result.duration_s:.0f} s; false alerts: {told['false_alerts']}; sample to subscriber: "
        f"p50 {latency['p50']} ms, p99 {latency['p99']} ms, max {latency['max']} ms over {latency['n']} alerts",
        highlight=False,
    )
