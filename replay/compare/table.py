"""A comparison as tables for people. As data it is its ``as_dict``."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from engine.clock import NS_PER_S, to_datetime
from replay.compare.result import Change, Comparison, count_truths

_N_LISTED = 40
"""Changes listed one by one; all of them are in ``compare.json``."""
_COUNTED = ("same", "gained", "lost", "earlier", "later", "class", "score")


def print_comparison(comparison: Comparison) -> None:
    """Print counts per tool and class, then the alerts that changed, then what became of the labelled faults.

    Parameters
    ----------
    comparison : Comparison
        What was found.
    """
    console = Console()
    if not console.is_terminal:
        console = Console(width=160)
    console.print(f"A = {comparison.a} ({comparison.hash_a or 'no alerts'})", highlight=False)
    console.print(f"B = {comparison.b} ({comparison.hash_b or 'no alerts'})", highlight=False)
    if comparison.changes:
        console.print(_counts(comparison))
    changed = [change for change in comparison.changes if change.kinds != ("same",)]
    if changed:
        console.print(_list(changed[:_N_LISTED]))
    if len(changed) > _N_LISTED:
        console.print(f"... and {len(changed) - _N_LISTED} more, in --json and compare.json")
    for line in summary_lines(comparison):
        console.print(line, highlight=False)


def summary_lines(comparison: Comparison) -> list[str]:
    """Sum a comparison up in sentences.

    Parameters
    ----------
    comparison : Comparison
        What was found.

    Returns
    -------
    list of str
        One line each.
    """
    gained, lost = comparison.of("gained"), comparison.of("lost")
    n_moved = sum(change.kinds[0] not in ("same", "gained", "lost") for change in comparison.changes)
    lines = [
        f"{comparison.duration_s:.0f} s compared: {len(comparison.of('same'))} alerts the same, {n_moved} moved, "
        f"{len(gained)} gained{_truths(gained)}, {len(lost)} lost{_truths(lost)}"
    ]
    faults = comparison.faults
    if faults:
        n_a, n_b = (sum(getattr(fault, side).found.found for fault in faults) for side in "ab")
        lines.append(f"labelled faults found: A {n_a} of {len(faults)}, B {n_b} of {len(faults)}")
    for fault in faults:
        if fault.a.found.found != fault.b.found.found:
            finder = "A" if fault.a.found.found else "B"
            label = fault.a.label
            lines.append(
                f"found by {finder} alone: {label.fault} at {label.start_s:g} s of {fault.recording}"
            )
    return lines + [f"note: {note}" for note in comparison.notes]


def _truths(changes: Sequence[Change]) -> str:
    counts = count_truths(change.truth for change in changes)
    if not counts["true"] and not counts["false"]:
        return ""
    unknown = f", {counts['not_labelled']} not labelled" if counts["not_labelled"] else ""
    return f" ({counts['true']} true, {counts['false']} false{unknown})"


def _counts(comparison: Comparison) -> Table:
    table = Table(title="Alerts by tool and class", title_justify="left")
    for heading in ("spindle", "tool", "class"):
        table.add_column(heading)
    for heading in ("A", "B", *_COUNTED):
        table.add_column(heading, justify="right")
    rows: dict[tuple[str, str, str], list[Change]] = {}
    for change in comparison.changes:
        alert = change.alert
        rows.setdefault((alert.spindle, alert.tool, alert.fault), []).append(change)
    for key, changes in sorted(rows.items()):
        n_a, n_b = (sum(change.pair[side] is not None for change in changes) for side in (0, 1))
        counts = [[change for change in changes if kind in change.kinds] for kind in _COUNTED]
        told = [f"{len(found) or '-'}" for found in counts]
        for position in (_COUNTED.index("gained"), _COUNTED.index("lost")):
            told[position] += _truths(counts[position])
        table.add_row(*key, str(n_a), str(n_b), *told)
    return table


def _list(changes: Sequence[Change]) -> Table:
    table = Table(title="What changed", title_justify="left")
    for heading in ("recording", "spindle", "tool"):
        table.add_column(heading)
    table.add_column("at", justify="right")
    for heading in ("change", "class", "score", "by the labels"):
        table.add_column(heading)
    for change in changes:
        alert, (a, b) = change.alert, change.pair
        at = to_datetime(alert.opened_ns).isoformat(" ", "seconds")
        if change.start_ns is not None:
            at = f"{(alert.opened_ns - change.start_ns) / NS_PER_S:.2f} s"
        classes = dict.fromkeys(side.fault for side in (a, b) if side is not None)
        scores = dict.fromkeys(_score(side.score) for side in (a, b) if side is not None)
        table.add_row(
            change.recording,
            alert.spindle,
            alert.tool,
            at,
            _kinds(change),
            " → ".join(classes),
            " → ".join(scores),
            " → ".join(dict.fromkeys(truth for truth in (change.truth_a, change.truth_b) if truth)),
        )
    return table


def _kinds(change: Change) -> str:
    by = {kind: f"{kind} by {abs(change.later_s):.2f} s" for kind in ("earlier", "later")}
    return ", ".join(by.get(kind, kind) for kind in change.kinds)


def _score(score: float) -> str:
    return "-" if math.isnan(score) else f"{score:.2f}"
