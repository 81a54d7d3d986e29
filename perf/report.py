"""Measure figures, hold them against their budgets, and say it: as JSON or as a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from perf.budgets import Budget
from perf.figures import Bench, FailedError, Figure, Measured, NotMeasurableError


class Peer(msgspec.Struct, frozen=True):
    """What a figure is compared with, and its value where it was measured too."""

    name: str
    value: float | None


class Result(msgspec.Struct, frozen=True):
    """One line of the report.

    Parameters
    ----------
    value : float, optional
        None if it could not be measured.
    ratio : float, optional
        ``value / peer.value``.
    ok : bool, optional
        Within budget and nothing wrong; None without a budget or a value that could be measured here.
    note : str
        Why there is no value, what is wrong, or what to know beside the number.
    """

    id: str
    value: float | None
    unit: str
    peer: Peer | None
    ratio: float | None
    budget: Budget | None
    ok: bool | None
    note: str


def measure_all(figures: Iterable[Figure], budgets: Mapping[str, Budget], bench: Bench) -> Iterator[Result]:
    """Measure one figure after the other; a failure is that figure's result, not the end."""
    for figure in figures:
        budget = budgets.get(figure.id)
        try:
            yield _judge(figure, figure.measure(bench), budget)
        except NotMeasurableError as reason:
            yield _without_value(figure, budget, None, str(reason))
        except FailedError as failure:
            yield _without_value(figure, budget, False, str(failure))


def _judge(figure: Figure, measured: Measured, budget: Budget | None) -> Result:
    # A figure may well be a NumPy number, which JSON does not know.
    value, peer = float(measured.value), None if measured.peer is None else float(measured.peer)
    ok = None if budget is None else budget.allows(value)
    if measured.wrong:
        ok = False
    return Result(
        id=figure.id,
        value=value,
        unit=figure.unit,
        peer=Peer(figure.peer, peer) if figure.peer else None,
        ratio=value / peer if peer else None,
        budget=budget,
        ok=ok,
        note="; ".join(filter(None, (measured.wrong, measured.note))),
    )


def _without_value(figure: Figure, budget: Budget | None, ok: bool | None, note: str) -> Result:
    peer = Peer(figure.peer, None) if figure.peer else None
    return Result(figure.id, None, figure.unit, peer, None, budget, ok, note)


def print_table(results: Sequence[Result], machine: Mapping[str, object]) -> None:
    """Print the report for people, on stdout."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table()
    for heading in ("figure", "value", "budget", "peer", "ratio", "ok"):
        table.add_column(heading, no_wrap=True)
    for result in results:
        verdict = {True: "[green]yes[/]", False: "[bold red]NO[/]", None: "-"}[result.ok]
        table.add_row(
            result.id,
            _number(result.value, result.unit),
            _budget(result.budget),
            _number(result.peer.value, result.unit) if result.peer else "",
            _number(result.ratio, ""),
            verdict,
        )
    console.print(table)
    for result in results:
        said = [f"peer: {result.peer.name}"] if result.peer else []
        said += [result.note] if result.note else []
        console.print(f"{result.id}: {'; '.join(said)}", highlight=False, markup=False)
    console.print(
        f"{machine['cpu']}, {machine['cores']} cores, Python {machine['python']}, load {machine['load_1min']}"
    )


def _number(value: float | None, unit: str) -> str:
    return "-" if value is None else f"{value:.4g} {unit}".strip()


def _budget(budget: Budget | None) -> str:
    if budget is None:
        return ""
    return f"≤ {budget.max:g}" if budget.max is not None else f"≥ {budget.min:g}"
