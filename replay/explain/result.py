"""What an explanation says: why an alert was raised, what would have prevented it, and what else that would lose."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.config import Config
from engine.records import Said
from engine.verdicts import Reason
from operators.explain_words import explain_change, explain_cost, explain_opening, explain_reason
from replay.compare.alerts import ToldAlert
from replay.compare.result import FALSE, TRUE, UNKNOWN, Change


@dataclass(frozen=True, slots=True)
class Other:
    """Another alert that a change would lose or gain.

    Parameters
    ----------
    recording : str
        Its folder's name; empty if only messages are known.
    alert : ToldAlert
        Which.
    truth : str
        What the labels say: ``true``, ``false`` or ``not labelled``.
    """

    recording: str
    alert: ToldAlert
    truth: str

    @classmethod
    def of(cls, change: Change) -> Other:
        """Take the alert of a change of a comparison."""
        return cls(change.recording, change.alert, change.truth)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        told = self.alert
        return {"recording": self.recording, "id": told.id, "fault": told.fault, "truth": self.truth}


@dataclass(frozen=True, slots=True)
class Remedy:
    """What became of the attempt to keep an alert from being raised by one setting.

    Parameters
    ----------
    key : str
        The setting.
    now, to : Any
        What it is, and what would have done; None: nothing would.
    verified : bool
        A replay with ``to`` has shown that the alert is gone, and ``lost`` and ``gained`` are of replays too. If not,
        they are concluded from what was told: ``lost`` is then the most that can be lost.
    smallest : bool
        A replay with hardly less has shown that the alert stays.
    lost, gained : tuple of Other
        Other alerts that the same change would lose or raise.
    n_later : int
        Other alerts that the same change would tell later.
    faults_lost : tuple of str
        Labelled faults that would not be found any more; that of the alert itself among them.
    instead : str
        If nothing would have done: the class that the alert would have at the farthest value; empty: its own.
    """

    key: str
    now: Any
    to: Any
    verified: bool
    smallest: bool
    lost: tuple[Other, ...] = ()
    gained: tuple[Other, ...] = ()
    n_later: int = 0
    faults_lost: tuple[str, ...] = ()
    instead: str = ""

    def n_lost(self, truth: str) -> int:
        """Other alerts lost of which the labels say so."""
        return sum(other.truth == truth for other in self.lost)

    @property
    def cost(self) -> tuple[bool, int, int, int, int, int]:
        """What to sort by: what works first, then what loses least that is true or may be."""
        n_faults, n_true = len(self.faults_lost), self.n_lost(TRUE)
        return self.to is None, n_faults, n_true, self.n_lost(UNKNOWN), len(self.gained), self.n_later

    @property
    def said(self) -> tuple[Said, Said | None]:
        """The change, and what it costs, in words."""
        to = None if self.to is None else shown(self.to)
        change = explain_change(
            self.key,
            shown(self.now),
            to,
            verified=self.verified,
            smallest=self.smallest,
            instead=self.instead,
        )
        if to is None:
            return change, None
        counts = [self.n_lost(truth) for truth in (TRUE, FALSE, UNKNOWN)]
        return change, explain_cost(counts[0], counts[1], counts[2], len(self.gained), self.n_later)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        change, cost = self.said
        return {
            "key": self.key,
            "now": self.now,
            "to": self.to,
            "verified": self.verified,
            "smallest": self.smallest,
            "lost": [other.as_dict() for other in self.lost],
            "gained": [other.as_dict() for other in self.gained],
            "n_later": self.n_later,
            "faults_lost": list(self.faults_lost),
            "instead": self.instead,
            "words": _both(change),
            "cost_words": None if cost is None else _both(cost),
        }


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why an alert was raised, and what would have kept it from being raised.

    Parameters
    ----------
    alert : ToldAlert
        Which.
    truth : str
        What the labels say of it: ``true``, ``false`` or ``not labelled``.
    config : Config
        What decided, or the one asked about.
    recordings : tuple of str
        Replayed; empty: everything is concluded from what was told.
    remedies : tuple of Remedy
        The cheapest first.
    notes : tuple of Said
        What a reader must know besides.
    """

    alert: ToldAlert
    truth: str
    config: Config
    recordings: tuple[str, ...]
    remedies: tuple[Remedy, ...]
    notes: tuple[Said, ...] = ()

    @property
    def opening(self) -> Said:
        """Why it opened."""
        first, judge = self.alert.messages[0], self.config.judge
        score = math.nan if first["score"] is None else first["score"]
        return explain_opening(
            first["fault"], first["tier"], score, judge.on, judge.on_delay_vectors, judge.immediate
        )

    @property
    def worst(self) -> Mapping[str, Any]:
        """The message with the highest score."""
        scores = [-math.inf if m["score"] is None else m["score"] for m in self.alert.messages]
        return self.alert.messages[scores.index(max(scores))]

    @property
    def reasons(self) -> list[tuple[Reason, Said]]:
        """Features behind it as it was worst, in figures and in words."""
        found = [_reason(entry) for entry in self.worst["reasons"]]
        return [(reason, explain_reason(reason)) for reason in found]

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "alert": {**self.alert.as_dict(), "truth": self.truth},
            "text": self.worst["text"],
            "opening": _both(self.opening),
            "reasons": [
                {**{key: _plain(value) for key, value in reason._asdict().items()}, "words": _both(said)}
                for reason, said in self.reasons
            ],
            "config_hash": self.config.hash,
            "recordings": list(self.recordings),
            "remedies": [remedy.as_dict() for remedy in self.remedies],
            "notes": [_both(note) for note in self.notes],
        }


def shown(value: Any) -> str:
    """A setting's value as it is written in a configuration.

    Examples
    --------
    >>> shown(1.25), shown(True), shown("mean")
    ('1.25', 'true', 'mean')
    """
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def by_cost(remedies: Sequence[Remedy]) -> tuple[Remedy, ...]:
    """The cheapest first; what does not work last."""
    return tuple(sorted(remedies, key=lambda remedy: remedy.cost))


def _reason(entry: Mapping[str, Any]) -> Reason:
    """A reason as it was before it became JSON, where null means NaN."""
    told: dict[str, Any] = {key: math.nan if value is None else value for key, value in entry.items()}
    return Reason(**told)


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value


def _both(said: Said) -> dict[str, str]:
    return said._asdict()
