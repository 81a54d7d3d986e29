"""What columns beside the signals say of each row: what the machine did, and whether all was well."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from engine.clock import NS_PER_S
from engine.records import Context
from replay.faults import Fault
from replay.importers.drafts import snake_case
from replay.importers.mapping import ContextSpec, LabelSpec
from replay.importers.rows import Rows

LABEL = "label"
# A speed is told anew once it has moved by both: a controller's reading trembles.
_RPM_STEP = 20.0
_RPM_STEP_PART = 0.02
_FALSE = {"0", "false", "no", "off", "n", "아니오"}
_TRUE = {"1", "true", "yes", "on", "y", "예"}


class RowContexts:
    """Contexts wherever they change.

    Parameters
    ----------
    spindle : str
        Whose.
    spec : ContextSpec
        How the feed is scaled; which columns there are is read from the rows.
    """

    def __init__(self, spindle: str, spec: ContextSpec) -> None:
        self._spindle, self._spec = spindle, spec
        self._last: Context | None = None
        self._last_row: tuple[object, ...] = ()
        self.n_unclear = 0
        """Cells of speed, feed and cutting that were neither blank nor understood."""

    def contexts(self, rows: Rows) -> Iterator[Context]:
        """Give the contexts that begin in some more rows."""
        columns = {name: column for name, column in rows.texts.items() if name != LABEL}
        if not columns:
            return
        changed = np.zeros(len(rows), np.bool_)
        for column in columns.values():
            changed[1:] |= column[1:] != column[:-1]
        changed[0] = True
        for index in np.flatnonzero(changed).tolist():
            row = {name: column[index] for name, column in columns.items()}
            if tuple(row.values()) == self._last_row:
                continue
            self._last_row = tuple(row.values())
            context = self._context(int(rows.times_ns[index]), row)
            if self._last is None or self._differs(context, self._last):
                self._last = context
                yield context

    def _context(self, t_ns: int, row: dict[str, str | None]) -> Context:
        feed = self._number(row.get("feed"))
        return Context(
            self._spindle,
            t_ns,
            tool=row.get("tool"),
            program=row.get("program"),
            section=row.get("section"),
            rpm=self._number(row.get("rpm")),
            feed_mm_min=None if feed is None else feed * self._spec.feed_to_mm_min,
            cutting=self._truth(row.get("cutting")),
        )

    def _differs(self, now: Context, last: Context) -> bool:
        if now.rpm is None or last.rpm is None:
            return replace(now, t_ns=0) != replace(last, t_ns=0)
        moved = abs(now.rpm - last.rpm) > max(_RPM_STEP, _RPM_STEP_PART * abs(last.rpm))
        return moved or replace(now, t_ns=0, rpm=0.0) != replace(last, t_ns=0, rpm=0.0)

    def _number(self, text: str | None) -> float | None:
        if text is None:
            return None
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not np.isfinite(value) or value < 0:
            self.n_unclear += 1
            return None
        return value

    def _truth(self, text: str | None) -> bool | None:
        if text is None:
            return None
        plain = text.lower()
        if plain in _FALSE or plain in _TRUE:
            return plain in _TRUE
        self.n_unclear += 1
        return None


class RowLabels:
    """Runs of rows that a label calls faulty.

    Parameters
    ----------
    spec : LabelSpec
        What is normal.
    """

    def __init__(self, spec: LabelSpec) -> None:
        self._spec = spec
        self._normal = {text.lower() for text in spec.normal}
        self._runs: list[tuple[int, int, str]] = []
        self._open: tuple[int, str] | None = None
        self._last_ns = 0
        self.n_blank = 0
        """Rows that nobody labelled."""

    def add(self, times_ns: NDArray[np.int64], labels: NDArray[np.object_]) -> None:
        """Take the labels of more rows; texts or None."""
        changes = np.flatnonzero(np.concatenate(([True], labels[1:] != labels[:-1]))).tolist()
        for first, end in zip(changes, [*changes[1:], len(labels)], strict=True):
            label = labels[first]
            self.n_blank += (end - first) * (label is None)
            faulty = label is not None and label.lower() not in self._normal
            if self._open and (not faulty or label != self._open[1]):
                self._close()
            if faulty and self._open is None:
                self._open = int(times_ns[first]), label
            self._last_ns = int(times_ns[end - 1])

    def faults(self, start_ns: int) -> list[Fault]:
        """Intervals, seconds from ``start_ns``; one that reaches the last row has no end."""
        found = [
            Fault((a - start_ns) / NS_PER_S, (b - start_ns) / NS_PER_S, self._name(label), f"label {label}")
            for a, b, label in self._runs
        ]
        if self._open:
            t_ns, label = self._open
            found.append(Fault((t_ns - start_ns) / NS_PER_S, None, self._name(label), f"label {label}"))
        return found

    def _close(self) -> None:
        assert self._open is not None
        self._runs.append((self._open[0], self._last_ns, self._open[1]))
        self._open = None

    def _name(self, label: str) -> str:
        plain = snake_case(label)
        return self._spec.fault or ("anomaly" if not plain or plain[0].isdigit() or plain in _TRUE else plain)
