"""What a spindle's subscribers are told of its cover: every fault class once, watched or not, and why not."""

from __future__ import annotations

from collections.abc import Iterable

from engine.verdicts import Cover, FaultClass, Why

# The reason that is nearest to being watched says most: "learning" is better news than "no suitable channel".
_NEAREST = (
    Why.LEARNING,
    Why.UNSTEADY,
    Why.NOT_CUTTING,
    Why.CUTTING,
    Why.STANDS,
    Why.SAMPLES,
    Why.CONTEXT,
    Why.TEETH,
    Why.RPM,
    Why.GEOMETRY,
    Why.RESOLUTION,
    Why.RATE,
    Why.UNIT,
    Why.CHANNEL,
)
_RANK = {"": -1} | {str(why): rank for rank, why in enumerate(_NEAREST)}


def merge_cover(covers: Iterable[Iterable[Cover]]) -> tuple[Cover, ...]:
    """Merge what the signatures of all sensor groups of a spindle say.

    Parameters
    ----------
    covers : iterable of iterable of Cover
        One for each group.

    Returns
    -------
    tuple of Cover
        Each fault class that anybody looks for once, in the order of `engine.verdicts.FaultClass`: watched if any
        signature watches it, else the reason that is nearest to that.
    """
    best: dict[FaultClass, Cover] = {}
    for cover in (cover for group in covers for cover in group):
        known = best.get(cover.fault)
        if known is None or _RANK[cover.why] < _RANK[known.why]:
            best[cover.fault] = cover
    return tuple(best[fault] for fault in FaultClass if fault in best)
