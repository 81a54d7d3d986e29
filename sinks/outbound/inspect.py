"""What `spindlewatch notify` does: one test to one target, and how far all have been told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson

from engine.clock import WallClock
from engine.config import Config
from engine.errors import UsageError
from engine.targets import Target
from engine.verdicts import Alert, AlertState, FaultClass, Tier
from sinks.alert_json import alert_as_dict
from sinks.journal import Entry, Journal
from sinks.outbound.base import Delivery, rfc3339
from sinks.outbound.outbound import courier_to
from sinks.outbound.store import DeadLetter, Position, PositionFile, beside

_SHOWN = 5  # dead letters of each target


def send_test(config: Config, name: str) -> str:
    """Bring a target what is marked as a test.

    Parameters
    ----------
    config : Config
        With its ``[[notify]]``.
    name : str
        Of the target; its filters are not asked.

    Returns
    -------
    str
        Id of what arrived.

    Raises
    ------
    SpindlewatchError
        No such target, or why it did not arrive.
    """
    clock = WallClock()
    targets = {target.name: target for target in config.notify}
    if name not in targets:
        raise UsageError(f"wanted one of the targets {', '.join(targets)}, got {name!r}")
    courier = courier_to(targets[name], config.redis.prefix, clock)
    alert = _test_alert(config, clock.now_ns())
    entry = Entry(0, alert.spindle, alert.fault, orjson.dumps(alert_as_dict(alert)))
    delivery = Delivery(entry, alert, "", is_test=True)
    try:
        courier.bring(delivery, None)
    finally:
        courier.close()
    return delivery.key


def read_targets(config: Config) -> list[dict[str, Any]]:
    """How far each target has been told, and what it did not take.

    Parameters
    ----------
    config : Config
        With its ``[[notify]]``.

    Returns
    -------
    list of dict
        Plain values, in the order of the configuration. ``seq`` is None for a target that has not begun.

    Raises
    ------
    SpindlewatchError
        A file that cannot be read.
    """
    path = Path(config.journal.path)
    head = 0
    if path.exists():
        with closing(Journal(path)) as journal:
            head = journal.head()
    if not beside(path).exists():
        return [_row(target, None, head, ()) for target in config.notify]
    with closing(PositionFile(beside(path))) as file:
        return [
            _row(target, file.position(target.name), head, file.dead_letters(target.name, _SHOWN))
            for target in config.notify
        ]


def print_targets(targets: Sequence[Mapping[str, Any]]) -> None:
    """Print a table, one line for each target, and below it what was not taken lately.

    Parameters
    ----------
    targets : sequence of mapping
        As `read_targets` gives them.
    """
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("target", "kind"):
        table.add_column(heading, no_wrap=True)
    for heading in ("told up to", "of", "sent", "given up", "left out"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in targets:
        numbers = [row[key] for key in ("seq", "head", "n_sent", "n_given_up", "n_left_out")]
        table.add_row(row["target"], row["kind"], *("" if one is None else str(one) for one in numbers))
    console = Console(width=110, markup=False, highlight=False, emoji=False)
    console.print(table)
    for row in targets:
        for letter in row["dead_letters"]:
            console.print(
                f"{row['target']}: number {letter['seq']} given up {letter['at']}: {letter['error']}"
            )


def _row(
    target: Target, position: Position | None, head: int, letters: Sequence[DeadLetter]
) -> dict[str, Any]:
    known = position or Position("", 0)
    return {
        "target": target.name,
        "kind": type(target).__struct_config__.tag,
        "seq": None if position is None else position.seq,
        "head": head,
        "n_sent": known.n_sent,
        "n_given_up": known.n_given_up,
        "n_left_out": known.n_left_out,
        "dead_letters": [
            {"seq": letter.seq, "at": rfc3339(letter.at_ns), "error": letter.error} for letter in letters
        ],
    }


def _test_alert(config: Config, now_ns: int) -> Alert:
    spindle = config.spindles[0].name if config.spindles else "test"
    return Alert(
        id=f"{spindle}:test:{now_ns}",
        spindle=spindle,
        group="test",
        fault=FaultClass.PROCESS,
        state=AlertState.OPENED,
        tier=Tier.ABSOLUTE,
        regime="",
        onset_ns=now_ns,
        t_ns=now_ns,
        score=1.0,
        detail="test",
        reasons=(),
        text_en="This is a test of spindlewatch. Nothing is the matter.",
        text_ko="spindlewatch 시험 메시지입니다. 이상은 없습니다.",
        config_hash=config.hash,
        judged_ns=now_ns,
    )
