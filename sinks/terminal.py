"""What `spindlewatch watch` prints: JSON lines for programs, a live table or plain lines for people."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypedDict, Unpack

import orjson
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from engine.clock import to_datetime
from engine.errors import UsageError
from sinks.watch import Position, Subscription

_N_ALERTS = 12
_STYLES = {"alerting": "bold red", "sensor": "yellow", "learning": "cyan", "ok": "green"}
_SHAPES = {"alerting": "▲", "sensor": "◆", "learning": "◌", "ok": "●"}  # colour is never the only sign


class Wanted(TypedDict, total=False):
    """What of a stream is wanted: parameters of `sinks.watch.Subscription`."""

    spindles: Sequence[str]
    faults: Sequence[str]
    after: Position | None
    token: str
    ca_file: str


def read_token(path: Path) -> str:
    """Read a token: the first line of a file.

    Raises
    ------
    UsageError
        It cannot be read, or there is nothing in it.
    """
    try:
        token = path.read_text().partition("\n")[0].strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot read the token: {error}") from error
    if not (token.isascii() and token.isprintable() and token):
        raise UsageError(f"{path}: wanted a token in its first line")
    return token


def print_json(url: str, **wanted: Unpack[Wanted]) -> None:
    """Print a line for each alert message: ``{"epoch", "seq", ...alert}``; trouble goes to stderr.

    Open alerts come first, unless it goes on behind one that the server knows.
    """
    epoch = ""
    recovered = False
    for message in Subscription(url, types=("alert",), on_lost=_complain, **wanted):
        if message["type"] == "hello":
            epoch, recovered = message["epoch"], message["recovered"]
        elif message["type"] == "snapshot" and not recovered:
            for entry in message["alerts"]:
                _print_line(epoch, entry)
        elif message["type"] == "alert":
            _print_line(epoch, message)


def show_table(url: str, **wanted: Unpack[Wanted]) -> None:
    """Show a live table; without a terminal, a line for each alert message, and trouble on stderr."""
    console = Console()
    if not console.is_terminal:
        for message in Subscription(url, types=("alert",), on_lost=_complain, **wanted):
            if message["type"] == "alert":
                console.print(_line(message["alert"]), soft_wrap=True)
        return
    screen = Screen(url, only=(*wanted.get("spindles", ()), *wanted.get("faults", ())))
    subscription = Subscription(url, types=("alert", "state"), on_lost=screen.lost, **wanted)
    with Live(screen, console=console, auto_refresh=True, refresh_per_second=4):
        for message in subscription:
            screen.take(message)


class Screen:
    """What a terminal shows: a line per spindle, then the newest alerts. Kept as long as the program runs.

    Parameters
    ----------
    url : str
        Shown on top.
    only : sequence of str
        Spindles and faults that it is confined to; shown on top.
    """

    def __init__(self, url: str, only: Sequence[str] = ()) -> None:
        self._url, self._only = url, only
        self._trouble = "connecting"
        self._states: dict[str, dict[str, Any]] = {}
        self._alerts: dict[str, dict[str, Any]] = {}

    def lost(self, why: str) -> None:
        """Note that there is no connection."""
        self._trouble = f"no connection: {why}"

    def take(self, message: dict[str, Any]) -> None:
        """Take a message of the stream."""
        kind = message["type"]
        if kind == "hello":
            self._trouble = ""
            if not message["recovered"]:  # another journal: its snapshot is what holds
                self._alerts.clear()
        elif kind == "snapshot":
            self._states = {state["spindle"]: state for state in message["states"]}
            for entry in message["alerts"]:
                self._note(entry["alert"])
        elif kind == "state":
            self._states[message["state"]["spindle"]] = message["state"]
        elif kind == "alert":
            self._note(message["alert"])

    def __rich__(self) -> Group:
        """Lay out the screen."""
        head = Text(f"spindlewatch {self._url}  ")
        if self._only:
            head.append(f"only {', '.join(self._only)}  ", style="cyan")
        head.append(self._trouble or "connected", style="bold yellow" if self._trouble else "green")
        return Group(head, self._spindle_table(), self._alert_table())

    def _note(self, alert: dict[str, Any]) -> None:
        self._alerts.pop(alert["id"], None)  # the newest message goes to the end
        self._alerts[alert["id"]] = alert
        while len(self._alerts) > _N_ALERTS:
            del self._alerts[next(iter(self._alerts))]

    def _spindle_table(self) -> Table:
        table = Table("spindle", "state", "score", "regime", "learnt", box=None, header_style="dim")
        for name, state in sorted(self._states.items()):
            condition = state["condition"]
            sign = Text(f"{_SHAPES.get(condition, '?')} {condition}", style=_STYLES.get(condition, ""))
            learnt = f"{state['learned']}/{state['wanted']}"
            cuts, of_cuts = state.get("cuts", (0, 0))  # an older server has none
            if of_cuts:
                learnt += f", {cuts}/{of_cuts} cuts"
            table.add_row(Text(name), sign, _score(state["score"]), Text(state["regime"]), learnt)
        return table

    def _alert_table(self) -> Table:
        table = Table("since (UTC)", "alert", "fault", "what", box=None, header_style="dim")
        for alert in reversed(self._alerts.values()):
            style = "dim" if alert["state"] == "closed" else "bold red"
            table.add_row(
                _time(alert["onset_ns"]),
                Text(alert["state"], style=style),
                Text(alert["fault"]),
                Text(alert["text"]["en"]),
            )
        return table


def _print_line(epoch: str, entry: dict[str, Any]) -> None:
    line = {"epoch": epoch, "seq": entry["seq"], **entry["alert"]}
    sys.stdout.buffer.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
    sys.stdout.buffer.flush()


def _line(alert: dict[str, Any]) -> Text:
    return Text(f"{_time(alert['t_ns'])} {alert['state']:7} {alert['text']['en']}")


def _score(score: float | None) -> str:
    return "-" if score is None or math.isnan(score) else f"{score:.2f}"


def _time(t_ns: int) -> str:
    return to_datetime(t_ns).strftime("%H:%M:%S")


def _complain(why: str) -> None:
    print(f"spindlewatch: no connection, trying again: {why}", file=sys.stderr)
