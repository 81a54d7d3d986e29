"""Faults superposed on healthy recordings, so that detection can be measured where the truth is known.

From the bottom up: `orders` (what is asked for), `story` (the contexts as functions of time), `channels` (what a
channel measures), `slabs` (samples however they were cut), `levels` (what is normal around the onset), `models`,
`bearing` and `sensors` (what each fault adds), `plan` (when, and what a recording cannot carry), `write` (a
copy of the recording with labelled faults). Beside them the bench: `trials`, `judging`, `sources`, `bench`,
`table` and `page` ask how many of them the flow finds.
"""

from replay.inject.orders import Injection, Order, parse_order
from replay.inject.plan import Placed
from replay.inject.write import inject

__all__ = ["Injection", "Order", "Placed", "inject", "parse_order"]
