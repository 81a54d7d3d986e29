"""A milling shop from first principles, seeded, with labelled faults.

Live source of the demo and ground truth of the tests. From the bottom up: `cutting` (force of every tooth),
`structure` and `bearing` (what the housing makes of it), `drive` (current, load, temperature), `wear` (of edges),
`program` (tools, cuts, NC program), `jobs` (which of them), `variety` (what differs and is no fault), `faults`, `plan`,
`moments` and `scenario` (what goes wrong when), `lives` (of tools), `everyday` (a healthy shop), `motion` and `process`
(all that in time), `machine` (one spindle and its sensors), `shop` (several, as blocks and contexts), `write`
(recordings).

It is a model: magnitudes are plausible for a 15 kW machining centre, none was fitted to a machine. Figures measured
on it say whether the engine works, not how well it does in a shop; real recordings are for that.
"""

from replay.simulate.everyday import variety_plan
from replay.simulate.faults import FaultKind, PlannedFault
from replay.simulate.lives import lived, lives_end_s, tool_life_plan
from replay.simulate.moments import order_faults
from replay.simulate.plan import ShopPlan
from replay.simulate.program import Preset
from replay.simulate.scenario import demo_plan, plan_from_options
from replay.simulate.shop import Shop
from replay.simulate.variety import Variety
from replay.simulate.wear import ToolLife
from replay.simulate.write import START_NS, WEAR_LIMIT, simulate

__all__ = [
    "START_NS",
    "WEAR_LIMIT",
    "FaultKind",
    "PlannedFault",
    "Preset",
    "Shop",
    "ShopPlan",
    "ToolLife",
    "Variety",
    "demo_plan",
    "lived",
    "lives_end_s",
    "order_faults",
    "plan_from_options",
    "simulate",
    "tool_life_plan",
    "variety_plan",
]
