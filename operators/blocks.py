"""check: what arrives becomes whole hops in time order, each with its context; trouble becomes outcomes.

A spindle's groups arrive interleaved as their senders please. This step holds the hops of one waveform group back
until the others have delivered as far, so everything downstream sees one order: that of stream time. A group that
stops delivering would hold the others for ever; ticks tell when it has been silent for too long, and then it is
no longer waited for. Scalar and duty-cycled groups are never waited for: the source's contract (items come in
the order of their end times) puts them in place.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from typing import Any

from bytewax.operators import KeyedStream

from engine.clock import NS_PER_S
from engine.config import Config
from engine.declared import SensorGroup, Spindle
from engine.records import Block, CheckedBlock, Context, SensorOutcome, Tick, Trouble
from operators import trouble_words
from operators.cutting_gate import CuttingGate
from operators.group_check import NEVER_NS, GroupCheck, Hop
from operators.regimes import RegimeTracker
from operators.scalar_check import ScalarCheck
from operators.step import AS_IT_IS, Running, stateful_step
from operators.waveform_check import WaveformCheck
from operators.windows import samples_per_hop

_CONTEXT = "context"  # as a group of its own in outcomes
_LATE_TOLD = 5  # late contexts in a row: the controller's clock is behind, and somebody should know

_FIRST, _HOP = 0, 1  # at equal times a context or an outcome comes before a hop


def check_blocks(
    step_id: str,
    items: KeyedStream[Any],
    spindles: Mapping[str, Spindle],
    config: Config,
    running: Running = AS_IT_IS,
) -> KeyedStream[Any]:
    """Turn blocks, contexts and ticks into checked blocks and sensor outcomes.

    Parameters
    ----------
    step_id : str
        Unique and stable; see `operators.step.stateful_step`.
    items : KeyedStream[Block | Context | Tick]
        As sources emit them.
    spindles : Mapping[str, Spindle]
        The declared spindles by name. Data of any other spindle is refused by the source.
    config : Config
        ``[check]`` and ``[waveform]``.
    running : Running
        As for `operators.step.stateful_step`.

    Returns
    -------
    KeyedStream[CheckedBlock | SensorOutcome]
        In stream time, per spindle.
    """
    # Bytewax does not tell a logic its key, so it learns its spindle from the first item.
    return stateful_step(step_id, items, lambda new: BlockCheck(spindles, new), config, running)


class BlockCheck:
    """The check of one spindle.

    State: for each group one hop of samples, plus what is held back: at most ``silent_s`` + ``max_block_s`` of
    data while one of several waveform groups is silent, next to nothing otherwise; the speeds of its sections
    (`operators.regimes`) and what tells a cut by its loads (`operators.cutting_gate`).

    Parameters
    ----------
    spindles : Mapping[str, Spindle]
        Declarations by name.
    config : Config
        ``[check]`` and ``[waveform]``.
    """

    __slots__ = (
        "_alive_ns",
        "_began_ns",
        "_block_ns",
        "_config",
        "_gate",
        "_groups",
        "_held",
        "_longest_ns",
        "_n_held",
        "_n_waited_for",
        "_name",
        "_order",
        "_regimes",
        "_settle_ns",
        "_spindles",
        "_tick_ns",
    )

    def __init__(self, spindles: Mapping[str, Spindle], config: Config) -> None:
        self._spindles, self._config = spindles, config
        self._settle_ns = int(config.learn.settle_s * NS_PER_S)
        self._block_ns = int(config.check.max_block_s * NS_PER_S)
        self._longest_ns = 2 * (int(config.check.silent_s * NS_PER_S) + self._block_ns)
        self._name: str | None = None
        self._groups: dict[str, GroupCheck] = {}
        self._order: dict[str, int] = {}
        self._n_waited_for = 0
        self._regimes = RegimeTracker(self._settle_ns)
        self._gate = CuttingGate(())
        self._held: list[tuple[int, int, int, int, Hop | Context | SensorOutcome]] = []
        self._n_held = 0
        self._began_ns: int | None = None  # the first tick
        self._tick_ns = 0  # the latest tick
        self._alive_ns: dict[str, int] = {}  # how far the source was at each group's last block

    def process(self, items: Sequence[Block | Context | Tick]) -> list[CheckedBlock | SensorOutcome]:
        """Check items of one spindle.

        Parameters
        ----------
        items : sequence of Block, Context and Tick
            In the order of their end times, as far as the senders keep it.

        Returns
        -------
        list of CheckedBlock and SensorOutcome
            In stream time.
        """
        out: list[CheckedBlock | SensorOutcome] = []
        for item in items:
            if self._name is None:
                self._open(item.spindle)
            if isinstance(item, Block):
                if self._on_block(item, out):
                    continue
            elif isinstance(item, Context):
                self._hold(item.t_ns, _FIRST, -1, item)
            else:
                self._on_tick(item)
                if item.last:
                    self._release(None, out)
                    continue
            self._release(self._watermark_ns(), out)
        return out

    def save(self) -> Any:
        """State for recovery."""
        groups = {name: check.save() for name, check in self._groups.items()}
        ticks = self._began_ns, self._tick_ns, dict(self._alive_ns)
        regimes = self._regimes.save(), self._gate.save()
        return self._name, groups, regimes, list(self._held), self._n_held, ticks

    def restore(self, state: Any) -> None:
        """Continue from `save`."""
        name, groups, regimes, self._held, self._n_held, ticks = state
        self._began_ns, self._tick_ns, self._alive_ns = ticks
        if name is not None:
            self._open(name)
        for group, saved in groups.items():
            self._groups[group].restore(saved)
        self._regimes.restore(regimes[0])
        self._gate.restore(regimes[1])

    def _open(self, name: str) -> None:
        self._name = name
        self._gate = CuttingGate(self._spindles[name].groups)
        for index, group in enumerate(self._spindles[name].groups):
            self._groups[group.name] = self._check_for(name, group)
            self._order[group.name] = index
            self._n_waited_for += group.kind == "waveform" and group.duty_cycle is None

    def _check_for(self, name: str, group: SensorGroup) -> GroupCheck:
        if group.kind == "scalar":
            return ScalarCheck(name, group, self._config.check)
        return WaveformCheck(name, group, self._config.check, samples_per_hop(group, self._config.waveform))

    def _on_block(self, block: Block, out: list[CheckedBlock | SensorOutcome]) -> bool:
        """Check a block and hold what it gives; True if that could go on at once, as nobody else is waited for."""
        check = self._groups.get(block.group)
        if check is None:
            known = ", ".join(self._groups)
            detail = trouble_words.unknown_group(block.group, known)
            outcome = SensorOutcome(
                block.spindle, block.group, Trouble.SHAPE, block.t_ns, block.t_ns, -1, None, detail, True
            )
            self._hold(block.t_ns, _FIRST, -1, outcome)
            return False
        # Not by ticks alone: where data flows nobody need tick, and the last one may be hours old.
        self._alive_ns[block.group] = max(block.end_ns, self._tick_ns, *self._alive_ns.values())
        found = check.accept(block)
        alone = self._n_waited_for == 1 and check.waited_for_ns is not None
        if alone and not self._held and not any(isinstance(item, SensorOutcome) for item in found):
            out.extend(self._meet(item) for item in found if isinstance(item, Hop))
            return True
        for item in found:
            if isinstance(item, Hop):
                self._hold(item.end_ns, _HOP, self._order[item.group], item)
            else:
                self._hold(item.t_ns, _FIRST, self._order[item.group], item)
        return False

    def _on_tick(self, tick: Tick) -> None:
        if tick.last:
            return
        if self._began_ns is None:
            self._began_ns = tick.t_ns
        self._tick_ns = max(self._tick_ns, tick.t_ns)
        for name, check in self._groups.items():
            alive_ns = max(self._alive_ns.get(name, 0), self._began_ns)
            if alive_ns > self._tick_ns:  # some group's clock is ahead
                alive_ns = self._alive_ns[name] = self._tick_ns
            silent = check.silence(self._began_ns, self._tick_ns - alive_ns)
            if silent is not None:
                self._hold(silent.t_ns, _FIRST, self._order[name], silent)

    def _watermark_ns(self) -> int | None:
        """Up to where every group that is waited for has delivered; None = wait for nobody.

        A group that has begun and lags further than any block is long has a clock of its own: no order between it and
        the others can be known, so nobody waits for it.
        """
        delivered = [t_ns for check in self._groups.values() if (t_ns := check.waited_for_ns) is not None]
        if not delivered:
            return None
        oldest_ns = max(delivered) - self._longest_ns
        watermark_ns = min(t_ns for t_ns in delivered if t_ns == NEVER_NS or t_ns >= oldest_ns)
        if len(delivered) == self._n_waited_for:
            return watermark_ns
        # Some group is silent. Should it come back, its block may begin as early as `max_block_s` before the tick.
        return min(watermark_ns, self._tick_ns - self._block_ns - 1)

    def _hold(self, t_ns: int, rank: int, order: int, item: Hop | Context | SensorOutcome) -> None:
        self._n_held += 1
        heapq.heappush(self._held, (t_ns, rank, order, self._n_held, item))

    def _release(self, watermark_ns: int | None, out: list[CheckedBlock | SensorOutcome]) -> None:
        while self._held and (watermark_ns is None or self._held[0][0] <= watermark_ns):
            item = heapq.heappop(self._held)[-1]
            if isinstance(item, Context):
                if not self._regimes.update(item):
                    out.append(self._late(item))
            elif isinstance(item, Hop):
                out.append(self._meet(item))
            else:
                out.append(item)

    def _meet(self, hop: Hop) -> CheckedBlock:
        """Give a hop the context that held at its end."""
        assert self._name is not None
        if not self._regimes.told:
            self._regimes.infer(self._gate.observe(hop), hop.end_ns)
        context, regime, since_ns = self._regimes.current(self._name, hop.end_ns)
        block = Block(self._name, hop.group, hop.start_ns, hop.sample_rate_hz, hop.samples, hop.received_ns)
        settled_ns = since_ns + self._settle_ns
        return CheckedBlock(
            block, hop.partials, context, regime, settled_ns, hop.contiguous, hop.usable, hop.learnable
        )

    def _late(self, context: Context) -> SensorOutcome:
        """Count a context that changed nothing, as a newer one holds already."""
        known, n_late = self._regimes.latest_ns, self._regimes.n_late
        return SensorOutcome(
            context.spindle,
            _CONTEXT,
            Trouble.LATE,
            known,
            context.t_ns,
            -1,
            None,
            trouble_words.late_context((known - context.t_ns) / NS_PER_S),
            n_late >= _LATE_TOLD,
            context.received_ns,
        )
