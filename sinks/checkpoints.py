"""What was learnt, into Redis: at the end of the flow, where the barriers bring the states of all steps."""

from __future__ import annotations

import logging
from collections.abc import MutableMapping, Sequence
from typing import Any

from engine.barriers import Reconfigure, Snapshot
from engine.checkpoint import OWNER, Checkpoint, Position
from engine.clock import monotonic_s
from engine.config import Config
from sinks.streams import Kept, RedisAlerts

_log = logging.getLogger(__name__)


class Checkpoints:
    """Makes a checkpoint of each barrier that its source sent.

    Parameters
    ----------
    out : RedisAlerts
        Takes the alerts of the same flow, before this: what led up to a checkpoint is stored first.
    positions : MutableMapping[tuple[str, int], Position]
        Where each barrier stands in its stream, from the source; what has arrived is taken out.
    config : Config
        What decides; declares the spindles.
    steps : sequence of str
        Whose states make a checkpoint; one that lacks any is none.
    owner : str
        Of the source: `engine.sources.redis_streams.RedisStreams.owner`.
    """

    def __init__(
        self,
        out: RedisAlerts,
        positions: MutableMapping[tuple[str, int], Position],
        config: Config,
        steps: Sequence[str],
        owner: str,
    ) -> None:
        self._out, self._positions, self._steps, self._owner = out, positions, frozenset(steps), owner
        self._prefix = config.redis.prefix
        self._config_hash = dict.fromkeys((spindle.name for spindle in config.spindles), config.hash)
        self.n_failed = 0
        """Barriers that lacked a step's state."""
        self.sizes: dict[str, int] = {}
        """Bytes of each spindle's newest."""
        self.kept_s: dict[str, float] = {}
        """When each spindle's newest was made, monotonic."""
        self._learning = {spindle.name: config.learning_hash(spindle) for spindle in config.spindles}

    def write(self, records: Sequence[Any]) -> None:
        """Take barriers; pass over the rest."""
        for record in records:
            if type(record) is Snapshot and record.owner == OWNER:
                self._arrived(record)
            elif type(record) is Reconfigure:
                self._config_hash[record.spindle] = record.config.hash

    def _arrived(self, barrier: Snapshot) -> None:
        position = self._positions.pop((barrier.spindle, barrier.number))
        states = {step: state for step, state in barrier.states if step in self._steps}
        if len(states) < len(self._steps):
            self.n_failed += 1
            _log.error(
                "%s: no checkpoint: there is no state of %s", barrier.spindle, self._steps - set(states)
            )
            return
        name = barrier.spindle
        learning_hash = self._learning[name]
        data = Checkpoint(position, barrier.t_ns, self._config_hash[name], learning_hash, states).encode()
        self.sizes[name], self.kept_s[name] = len(data), monotonic_s()
        self._out.keep(Kept(self._prefix, name, data, position.n_ticks, self._owner, position.n))
