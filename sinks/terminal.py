"""What `spindlewatch watch` prints: JSON lines for programs, a live table or plain lines for people."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import Any

import orjson
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from engine.clock import to_datetime
from sinks.watch import Subscription

_N_ALERTS = 12
_STYLES = {"alerting": "bold red", "sensor": "yellow", "learning": "cyan", "ok": "green"}
_SHAPES = {"alerting": "▲", "sensor": "◆", "learning": "◌", "ok": "●"}  # colour is never the only sign


def print_json(url: str, spindles: Sequence[str]) -> None:
    """Print a line for each alert message: ``{"epoch", "seq", ...alert}``; trouble goes to stderr."""
    epoch = ""
    recovered = False
    for message in Subscription(url, spindles=spindles, types=("alert",), on_lost=_complain):
        if message["type"] == "hello":
            epoch, recovered = message["epoch"], message["recovered"]
        elif message["type"] == "snapshot" and not recovered:
            for entry in message["alerts"]:
                _print_line(epoch, entry)
        elif message["type"] == "alert":
            _print_line(epoch, message)


def show_table(url: str, spindles: Sequence[str]) -> None:
    """Show a live table; without a terminal, a line for each alert message."""
    console = Console()
    screen = Screen(url)
    subscription = Subscription(url, spindles=spindles, on_lost=screen.lost)
    if not console.is_terminal:
        for message in subscription:
            if message["type"] == "alert":
                console.print(_line(message["alert"]))
        return
    with Live(screen, console=console, auto_refresh=True, refresh_per_second=4):
        for message in subscription:
            screen.take(message)


class Screen:
    """What a terminal shows: a line per spindle, then the newest alerts. Kept as long as the program runs.

    Parameters
    ----------
    url : str
        Shown on top.
    """

    def __init__(self, url: str) -> None:
        self._url = url
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
        table = Table("since (UTC)", "alert", "what", box=None, header_style="dim")
        for alert in reversed(self._alerts.values()):
            style = "dim" if alert["state"] == "closed" else "bold red"
            table.add_row(
                _time(alert["onset_ns"]), Text(alert["state"], style=style), Text(alert["text"]["en"])
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
