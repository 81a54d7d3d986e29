"""An evaluation as a table and a few lines for people."""

from __future__ import annotations

import math

from rich.console import Console
from rich.table import Table

from replay.evaluate.counts import EventScores
from replay.evaluate.evaluation import Evaluation
from replay.evaluate.nab import STANDARD
from replay.evaluate.ranges import BUFFER_ROWS, MISSING, package

_COLUMNS = (
    "faults",
    "found",
    "before",
    "delay s p50",
    "p90",
    "right class",
    "alerts",
    "false",
    "per normal h",
    "per day",
    "NAB",
)


def print_evaluation(evaluation: Evaluation) -> None:
    """Print scores: a row for all, each fault class and each tier, then what the figures rest on.

    Parameters
    ----------
    evaluation : Evaluation
        From `replay.evaluate.evaluate`.
    """
    console = Console()
    console = console if console.is_terminal else Console(width=160)
    table = Table(title="Scores", title_justify="left")
    table.add_column("")
    for heading in _COLUMNS:
        table.add_column(heading, justify="right")
    _add_row(table, evaluation, "overall", evaluation.overall)
    table.add_section()
    for name, scores in evaluation.by_class.items():
        _add_row(table, evaluation, name, scores)
    table.add_section()
    for name, scores in evaluation.by_tier.items():
        _add_row(table, evaluation, name, scores)
    console.print(table)
    for line in lines(evaluation):
        console.print(line, highlight=False, soft_wrap=True)


def lines(evaluation: Evaluation) -> list[str]:
    """Say what the table does not hold, a line for each.

    Parameters
    ----------
    evaluation : Evaluation
        From `replay.evaluate.evaluate`.

    Returns
    -------
    list of str
        English.
    """
    overall, told = evaluation.overall, []
    for name, words in (("recall", "found"), ("precision", "alerts that a label explains")):
        if name in evaluation.intervals_95:
            low, high = evaluation.intervals_95[name]
            told.append(f"{words}: {getattr(overall, name):.1%} (95 %: {low:.1%} to {high:.1%})")
    if not math.isnan(overall.false_share):
        told.append(
            f"in a false alert: {overall.false_s / 3600:.2f} h of {overall.normal_s / 3600:.2f} normal h"
            f" ({overall.false_share:.1%})"
        )
    if overall.unlabelled_s > 0:
        told.append(
            f"labels not complete: {overall.n_unlabelled} alerts in {overall.unlabelled_s / 3600:.2f} h, true or not"
        )
    told += _of_rows(evaluation)
    told.append(
        f"intervals: bootstrap over {evaluation.unit}, n = {evaluation.n_units}"
        if evaluation.n_units
        else "intervals: too few recordings and faults for a bootstrap; exact ones only"
    )
    if evaluation.excluded_s > 0:
        told.append(
            f"left out: {evaluation.excluded_s:.0f} s of teach-in, {evaluation.n_before} labels within it"
        )
    return told


def _of_rows(evaluation: Evaluation) -> list[str]:
    points = evaluation.points
    if not evaluation.ranges:
        return []
    told = []
    if not math.isnan(points.f1):
        told.append(
            f"rows: F1 {points.f1:.3f} (an alert that never ends: {points.always_on.f1:.3f}), "
            f"{points.false_alert_rate:.1%} of normal rows alert, {points.missed_alert_rate:.1%} of faulty rows do not"
        )
    if not package():
        return [*told, f"VUS and ranges: {MISSING}"]
    measured = [own for own in evaluation.ranges if not math.isnan(own.vus_pr)]
    if measured:
        rows_s = sorted({own.row_s for own in measured})
        lengths = f"{rows_s[0]:g}" if len(rows_s) == 1 else f"{rows_s[0]:g} to {rows_s[-1]:g}"
        told.append(
            f"VUS-PR {evaluation.mean('vus_pr'):.3f}, VUS-ROC {evaluation.mean('vus_roc'):.3f}; ranges: "
            f"precision {evaluation.mean('range_precision'):.3f}, recall {evaluation.mean('range_recall'):.3f} "
            f"(means of {len(measured)} recordings; {package()}, rows of {lengths} s, buffer {BUFFER_ROWS} rows)"
        )
    left = sum(own.n_warming_up + own.n_unknown for own in evaluation.ranges)
    every = left + sum(own.n_rows for own in evaluation.ranges)
    told.append(
        f"rows left out because a baseline was being learnt, or nothing could be said: {left} of {every}"
    )
    return told


def _add_row(table: Table, evaluation: Evaluation, name: str, scores: EventScores) -> None:
    table.add_row(
        name,
        str(scores.n_faults),
        str(scores.n_found) if scores.n_faults else "-",
        str(scores.n_early) if scores.n_faults else "-",
        _number(scores.delay_median_s, 2),
        _number(scores.delay_p90_s, 2),
        f"{scores.n_right} of {scores.n_named}" if scores.n_named else "-",
        str(scores.n_alerts),
        str(scores.n_false),
        _number(scores.false_per_hour, 2),
        _number(scores.false_per_machine_day, 1),
        _number(evaluation.nab.get(name, {}).get(STANDARD.name, math.nan), 1),
    )


def _number(value: float, digits: int) -> str:
    return "-" if math.isnan(value) else f"{value:.{digits}f}"
