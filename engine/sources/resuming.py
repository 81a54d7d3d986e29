"""Where a spindle goes on after a restart, and who may go on with it."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from redis import Redis
from redis.client import Pipeline

from engine import checkpoint, redis_keys
from engine.checkpoint import Checkpoint, Position
from engine.config import Config
from engine.declared import Spindle
from engine.errors import CheckpointError, SpindlewatchError

# Written down only by whoever watches the spindle; a Redis that was emptied knows nobody.
_NOTE_TICK = """
if (redis.call('HGET', KEYS[2], ARGV[2]) or ARGV[3]) ~= ARGV[3] then
    return 0
end
return redis.call('RPUSH', KEYS[1], ARGV[1])
"""

_log = logging.getLogger(__name__)


class NotedTicks:
    """Ticks that the engine makes for silent streams, written down before they count: a replay makes them again.

    Parameters
    ----------
    redis : Redis
        Where to.
    prefix, owner : str
        ``[redis] prefix``; the run of the process that watches.
    """

    def __init__(self, redis: Redis, prefix: str, owner: str) -> None:
        self._prefix, self._owner = prefix, owner
        self._script = redis.register_script(_NOTE_TICK)

    def note(self, pipe: Pipeline, spindle: str, position: Position, t_ns: int) -> None:
        """Write down the next tick at a position; the answer is 0 if another process watches the spindle now."""
        keys = [redis_keys.ticks(self._prefix, spindle), redis_keys.owners(self._prefix)]
        line = f"{position.entry}|{t_ns}|{position.n_ticks + 1}"
        self._script(keys, [line, spindle, self._owner], client=pipe)


def noted_ticks(lines: Sequence[bytes], position: Position) -> list[tuple[str, int]]:
    """Read the ticks that were made before a crash.

    Parameters
    ----------
    lines : sequence of bytes
        As `NotedTicks` wrote them, in order; whatever else is among them is passed over.
    position : Position
        Of the checkpoint.

    Returns
    -------
    list of (str, int)
        After which entry, and their time; without those that the checkpoint knows. Of several with one number the
        last: the others were noted by a Redis that could not say so, and not made.
    """
    found: dict[int, tuple[str, int]] = {}
    for line in lines:
        try:
            entry, t_ns, number = line.decode().split("|")
            found[int(number)] = entry, int(t_ns)
        except ValueError:
            continue
    return [tick for number, tick in found.items() if number > position.n_ticks]


def checked(data: bytes | None, spindle: Spindle, config: Config) -> Checkpoint | None:
    """Read a checkpoint and make sure that this program, so configured, can go on from it.

    Parameters
    ----------
    data : bytes or None
        As stored; None = there is none.
    spindle : Spindle
        Declared.
    config : Config
        That is to hold.

    Returns
    -------
    Checkpoint or None
        None if there is none.

    Raises
    ------
    CheckpointError
        It cannot be read, or what it knows was learnt otherwise.
    """
    if data is None:
        return None
    name = spindle.name
    found, wanted = checkpoint.decode(data, name), config.learning_hash(spindle)
    if found.learning_hash != wanted:
        raise CheckpointError(
            f"checkpoint of {name!r}: learnt under {found.learning_hash}, this configuration is {wanted}: the "
            "spindle, or more than [judge], [[limits]] and the budget of false alerts, differs. Take the old one, or "
            "start with --fresh to learn anew"
        )
    if found.config_hash != config.hash:
        _log.warning("%s: goes on under other limits: %s, before %s", name, config.hash, found.config_hash)
    return found


def ousted(spindle: str) -> SpindlewatchError:
    """Make the error of a process whose spindle another one has begun to watch."""
    return SpindlewatchError(
        f"{spindle}: another process watches it now, started later: of this one nothing more is kept. "
        "Is the same shard started twice?"
    )
