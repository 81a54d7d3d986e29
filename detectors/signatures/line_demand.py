"""How far a line must rise before an edge counts as broken."""

from __future__ import annotations

from typing import NamedTuple


class Demand(NamedTuple):
    """What is asked for, without and with a burst.

    Run-out moves the line by 0.12 from clamping to clamping and not at all within a cut, so that a rise by 0.55 (a
    factor of 1.7) within a cut, or by 0.9 (2.5) over earlier cuts, is far from it; a burst at its onset is half of the
    evidence.
    """

    rise: float  # logarithm, within a cut
    from_cuts: float  # logarithm, over earlier cuts: clampings and, at worst, inserts differ
    from_few: float  # the same, while there were less than four
    n_sigma: float  # of the line's own unrest
    n_windows: int  # in a row: a step of the load leaks into two
    certainty: float


CALM = Demand(0.55, 0.9, 1.2, 6.0, 3, 0.7)
AFTER_BURST = Demand(0.30, 0.45, 0.7, 4.0, 2, 0.8)
