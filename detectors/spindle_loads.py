"""Whether all loads of a spindle have stepped up: a tool that enters the material, where nobody tells of it."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from statistics import median
from typing import Any, NamedTuple

from detectors.base import Floats
from engine.clock import NS_PER_S

HOLD_NS = NS_PER_S
"""How long a change is watched before it is known whether the loads stepped up with it and stay: longer than a blow
rings, shorter than any cut."""
_BEFORE_NS, _SETTLE_NS = 2 * NS_PER_S, NS_PER_S // 2
_RISE = 1.1
"""Over the highest just before. Friction and imbalance move a current by a percent and a vibration by several
(`operators.channel_gate`)."""
_N_LEAST = 3  # levels on either side without which nothing is said
_N_KEPT = 40  # four seconds at ten a second: what is before, and what is held


class LoadFeatures(NamedTuple):
    """Where a group's vectors say how hard the spindle works.

    Parameters
    ----------
    means, deviations : tuple[int, ...]
        Positions of ``mean`` and ``std`` of each ``dc_coupled`` channel that is a load.
    """

    means: tuple[int, ...]
    deviations: tuple[int, ...]


class SpindleLoads:
    """The last seconds of a spindle's loads, of all its groups.

    A spindle that begins to cut takes more power, and shakes more, from then on. Damage of a bearing shakes more and
    takes next to no power; a blow is over at once. So a step of all loads together that stays is the spindle's work,
    and what changes with it is no trouble by itself.

    It misleads where a load steps up because of the trouble: a clamp that drags, a wrong tool. It cannot see cuts that
    take less than a tenth more than the air. Loads that nobody declared ``dc_coupled`` do not count: a vibration alone
    tells a cut from damage no better than the change that is to be explained.

    State: 40 times and levels for each group with loads.
    """

    __slots__ = ("_groups",)

    def __init__(self) -> None:
        self._groups: dict[str, deque[tuple[int, tuple[float, ...]]]] = {}

    @property
    def any(self) -> bool:
        """Whether a load has been seen."""
        return bool(self._groups)

    def add(self, group: str, where: LoadFeatures, t_ns: int, values: Floats) -> None:
        """Take the loads of a vector that is fit to be judged.

        Parameters
        ----------
        group : str
            Whose vector.
        where : LoadFeatures
            Of the group; not empty.
        t_ns : int
            End of the vector's window.
        values : float64[n_features]
            In the features' units; passed over if a load is NaN.
        """
        levels = tuple(
            math.hypot(values[mean], values[deviation])
            for mean, deviation in zip(where.means, where.deviations, strict=True)
        )
        if not math.isnan(sum(levels)):
            self._groups.setdefault(group, deque(maxlen=_N_KEPT)).append((t_ns, levels))

    def rose(self, since_ns: int) -> bool:
        """Say whether every load has been higher ever since than just before.

        Parameters
        ----------
        since_ns : int
            End of the first window that showed the change, at least `HOLD_NS` ago.

        Returns
        -------
        bool
            False also if no load is known on both sides.
        """
        found = [step for kept in self._groups.values() for step in _steps(kept, since_ns)]
        return bool(found) and all(step >= _RISE for step in found)

    def save(self) -> Any:
        """State for recovery."""
        return {group: list(kept) for group, kept in self._groups.items()}

    def restore(self, state: Any) -> None:
        """Continue from `save`."""
        self._groups = {
            group: deque(((t_ns, tuple(levels)) for t_ns, levels in kept), maxlen=_N_KEPT)
            for group, kept in state.items()
        }


def _steps(kept: Sequence[tuple[int, tuple[float, ...]]], since_ns: int) -> list[float]:
    """By what factor each load of a group has risen, NaN where that is unknown; empty without both sides."""
    # Windows that end a little before the first that showed it may hold its beginning.
    early_ns = since_ns - _SETTLE_NS
    before = [levels for t_ns, levels in kept if since_ns - _BEFORE_NS <= t_ns <= early_ns]
    after = [levels for t_ns, levels in kept if t_ns > since_ns + _SETTLE_NS]
    if min(len(before), len(after)) < _N_LEAST:
        return []
    pairs = zip(zip(*before, strict=True), zip(*after, strict=True), strict=True)
    return [
        median(later) / highest if (highest := max(earlier)) > 0.0 else math.nan for earlier, later in pairs
    ]
