"""Which recordings are judged by what the others chose: folds of whole recordings, never of windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from engine.errors import UsageError
from replay.recording import Recording

GroupBy = Literal["spindle", "folder", "recording"]


@dataclass(frozen=True, slots=True)
class Folds:
    """Recordings, numbered as given, cut into parts.

    Parameters
    ----------
    groups : tuple[int, ...]
        Of each recording: which run it comes from. Recordings of one run are never parted.
    parts : tuple[tuple[int, ...], ...]
        Each fold's recordings, ascending; together all of them, once each.
    """

    groups: tuple[int, ...]
    parts: tuple[tuple[int, ...], ...]

    def others(self, fold: int) -> tuple[int, ...]:
        """Recordings outside a fold, ascending: what may choose for it."""
        return tuple(i for i in range(len(self.groups)) if i not in self.parts[fold])


def cut_folds(recordings: Sequence[Recording], n_folds: int, group_by: GroupBy) -> Folds:
    """Cut recordings into folds that are alike in faults, number and length.

    Parameters
    ----------
    recordings : sequence of Recording
        In an order of their own: the result depends on it only where recordings are equally long.
    n_folds : int
        2 or more; as many as there are groups if these are fewer.
    group_by : str
        What comes from one run and must stay together: recordings of one ``spindle``, of one ``folder``, or each
        ``recording`` for itself. The last is honest only if no two of them hold the same stretch of time: copies
        with injected faults, or faults spliced behind one healthy signal, are one run.

    Returns
    -------
    Folds
        The same for the same recordings.

    Raises
    ------
    UsageError
        Fewer than two groups: nothing would be left to choose from.
    """
    names: dict[str, int] = {}
    groups = tuple(names.setdefault(_group_of(recording, group_by), len(names)) for recording in recordings)
    if len(names) < 2:
        raise UsageError(
            f"wanted recordings of two {group_by}s or more, to choose on some and judge on others: got "
            f"{len(recordings)} of one ({next(iter(names), 'none')}); --group-by says what belongs together"
        )
    members = [[i for i, group in enumerate(groups) if group == g] for g in range(len(names))]

    def size(own: Sequence[int]) -> tuple[int, int, float]:
        n_faults = sum(len(recordings[i].faults) for i in own)
        return n_faults, len(own), sum(recordings[i].duration_s for i in own)

    parts: list[list[int]] = [[] for _ in range(min(n_folds, len(names)))]
    # Largest first, each to the fold that has least: faults are what is scarce.
    for own in sorted(members, key=size, reverse=True):
        min(parts, key=size).extend(own)
    return Folds(groups, tuple(tuple(sorted(part)) for part in parts))


def _group_of(recording: Recording, group_by: GroupBy) -> str:
    if group_by == "spindle":
        return recording.spindle.name
    return str(recording.path.resolve().parent if group_by == "folder" else recording.path.resolve())
