"""What a comparison of two configurations says: each alert, each labelled fault, and their sums."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from engine.clock import NS_PER_S
from engine.errors import RecordingError
from replay.compare.alerts import SAME_SCORE, Pair, ToldAlert
from replay.outcome import FaultOutcome
from sinks.files import written_whole

TRUE, FALSE, UNKNOWN = "true", "false", "not labelled"


@dataclass(frozen=True, slots=True)
class Change:
    """One alert under both configurations.

    Parameters
    ----------
    recording : str
        Its folder's name; empty in a journal.
    start_ns : int or None
        Of the recording.
    pair : Pair
        A's alert and B's.
    truth_a, truth_b : str
        ``true``: a labelled fault explains it; ``false``: none does, and the labels are complete; ``not labelled``:
        cannot be told. Empty where that side has no alert.
    """

    recording: str
    start_ns: int | None
    pair: Pair
    truth_a: str
    truth_b: str

    @property
    def alert(self) -> ToldAlert:
        """A's alert, or B's if A has none."""
        alert = self.pair.a or self.pair.b
        assert alert is not None
        return alert

    @property
    def truth(self) -> str:
        """What the labels say of `alert`."""
        return self.truth_a or self.truth_b

    @property
    def later_s(self) -> float:
        """By how much B tells later than A, stream time; NaN if one of them does not tell."""
        a, b = self.pair
        return math.nan if a is None or b is None else (b.opened_ns - a.opened_ns) / NS_PER_S

    @property
    def kinds(self) -> tuple[str, ...]:
        """``gained``, ``lost``, ``same``, or how it moved: ``earlier`` or ``later``, ``class``, ``score``."""
        a, b = self.pair
        if a is None:
            return ("gained",)
        if b is None:
            return ("lost",)
        moved = []
        if a.opened_ns != b.opened_ns:
            moved.append("earlier" if b.opened_ns < a.opened_ns else "later")
        if a.fault != b.fault:
            moved.append("class")
        if abs(a.score - b.score) > SAME_SCORE * max(a.score, b.score):
            moved.append("score")
        return tuple(moved) or ("same",)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        a, b = self.pair
        return {
            "recording": self.recording,
            "kinds": list(self.kinds),
            "later_s": None if math.isnan(self.later_s) else round(self.later_s, 3),
            "a": None if a is None else {**a.as_dict(self.start_ns), "truth": self.truth_a},
            "b": None if b is None else {**b.as_dict(self.start_ns), "truth": self.truth_b},
        }


@dataclass(frozen=True, slots=True)
class FaultChange:
    """One labelled fault under both configurations."""

    recording: str
    spindle: str
    a: FaultOutcome
    b: FaultOutcome

    def as_dict(self) -> dict[str, Any]:
        """Return plain values; times in seconds from the recording's start."""
        label = self.a.label
        return {
            "recording": self.recording,
            "spindle": self.spindle,
            "fault": label.fault,
            "start_s": label.start_s,
            "end_s": label.end_s,
            "a": _found(self.a),
            "b": _found(self.b),
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """What becomes different if A is exchanged for B.

    Parameters
    ----------
    a, b : str
        What they are called.
    hash_a, hash_b : str
        Of the configurations; of a journal, those on the alerts, several joined by a comma.
    within_s : float
        As for `replay.compare.alerts.match_alerts`.
    duration_s : float
        Stream time compared.
    changes : tuple of Change
        Every alert of either side exactly once.
    faults : tuple of FaultChange
        What became of the labelled faults.
    notes : tuple of str
        What a reader must know besides.
    """

    a: str
    b: str
    hash_a: str
    hash_b: str
    within_s: float
    duration_s: float
    changes: tuple[Change, ...]
    faults: tuple[FaultChange, ...] = ()
    notes: tuple[str, ...] = ()

    def of(self, kind: str) -> tuple[Change, ...]:
        """Changes of one kind (`Change.kinds`)."""
        return tuple(change for change in self.changes if kind in change.kinds)

    def as_dict(self) -> dict[str, Any]:
        """Return what ``compare.json`` holds."""
        kinds = ("same", "gained", "lost", "earlier", "later", "class", "score")
        return {
            "a": {"config": self.a, "config_hash": self.hash_a},
            "b": {"config": self.b, "config_hash": self.hash_b},
            "within_s": self.within_s,
            "duration_s": round(self.duration_s, 6),
            "counts": {kind: len(self.of(kind)) for kind in kinds},
            "gained": count_truths(change.truth for change in self.of("gained")),
            "lost": count_truths(change.truth for change in self.of("lost")),
            "faults_found": {
                "n": len(self.faults),
                "a": sum(fault.a.found.found for fault in self.faults),
                "b": sum(fault.b.found.found for fault in self.faults),
            },
            "changes": [change.as_dict() for change in self.changes],
            "faults": [fault.as_dict() for fault in self.faults],
            "notes": list(self.notes),
        }

    def write(self, out: Path) -> None:
        """Write ``compare.json``.

        Parameters
        ----------
        out : Path
            Its folder; made if missing.

        Raises
        ------
        RecordingError
            It cannot be written.
        """
        try:
            out.mkdir(parents=True, exist_ok=True)
            with written_whole(out / "compare.json") as part:
                part.write_bytes(orjson.dumps(self.as_dict(), option=orjson.OPT_INDENT_2))
        except OSError as error:
            raise RecordingError(f"{out}: cannot be written: {error}") from error


def count_truths(told: Iterable[str]) -> dict[str, int]:
    """Count what the labels say.

    Examples
    --------
    >>> count_truths(["true", "not labelled", "true"])
    {'n': 3, 'true': 2, 'false': 0, 'not_labelled': 1}
    """
    found = list(told)
    counts = {truth.replace(" ", "_"): found.count(truth) for truth in (TRUE, FALSE, UNKNOWN)}
    return {"n": len(found), **counts}


def _found(outcome: FaultOutcome) -> dict[str, Any]:
    told = outcome.as_dict()
    return {key: told[key] for key in ("detected", "delay_s", "early")}
