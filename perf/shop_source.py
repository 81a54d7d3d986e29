"""A simulated shop as an unpaced source: as fast as it can be computed."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from msgspec.structs import replace

from engine.clock import NS_PER_S
from engine.declared import SensorGroup, Spindle
from engine.records import Block, Context, Tick
from replay.simulate import Shop

Item = tuple[str, Block | Context | Tick]

_STEP_S = 1.0


class _Part(StatefulSourcePartition[Item, None]):
    def __init__(self, batches: Iterator[list[Item]]) -> None:
        self._batches = batches

    def next_batch(self) -> list[Item]:
        return next(self._batches)  # its StopIteration is how a source ends

    def snapshot(self) -> None:
        return None


class ShopSource(FixedPartitionedSource[Item, None]):
    """Everything a simulated shop sends, second by second.

    Parameters
    ----------
    shop : Shop
        Not advanced yet.
    start_ns : int
        Its second 0.
    duration_s : float
        Whole seconds.
    n_vib : int
        Accelerometers that are heard, the first ones.
    """

    def __init__(self, shop: Shop, start_ns: int, duration_s: float, n_vib: int = 2) -> None:
        self._shop, self._start_ns, self._duration_s, self._n_vib = shop, start_ns, duration_s, n_vib

    @property
    def spindles(self) -> list[Spindle]:
        """As declared, with the accelerometers that are heard."""
        return [
            replace(spindle, groups=tuple(map(self._heard, spindle.groups)))
            for spindle in self._shop.spindles
        ]

    def _heard(self, group: SensorGroup) -> SensorGroup:
        return replace(group, channels=group.channels[: self._n_vib]) if group.name == "vib" else group

    def list_parts(self) -> list[str]:
        """One partition: the shop."""
        return ["shop"]

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> _Part:  # noqa: ARG002
        """Begin at second 0."""
        return _Part(self._batches())

    def _cut(self, item: Block | Context) -> Block | Context:
        if not isinstance(item, Block) or item.group != "vib":
            return item
        return dataclasses.replace(item, samples=item.samples[: self._n_vib])

    def _batches(self) -> Iterator[list[Item]]:
        n_steps = round(self._duration_s / _STEP_S)
        for step in range(1, n_steps + 1):
            items: list[Item] = [
                (item.spindle, self._cut(item)) for item in self._shop.advance(step * _STEP_S)
            ]
            t_ns = self._start_ns + round(step * _STEP_S * NS_PER_S)
            ticks = [Tick(spindle.name, t_ns, last=step == n_steps) for spindle in self._shop.spindles]
            yield items + [(tick.spindle, tick) for tick in ticks]
