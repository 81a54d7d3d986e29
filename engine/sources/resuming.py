"""Where a spindle goes on after a restart, and who may go on with it."""

from __future__ import annotations

import logging

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


def noted_tick(line: bytes, position: Position) -> tuple[str, int] | None:
    """Read a tick that was made before a crash.

    Parameters
    ----------
    line : bytes
        As `NotedTicks` wrote it.
    position : Position
        Of the checkpoint.

    Returns
    -------
    (str, int) or None
        After which entry, and its time; None if the checkpoint knows it, or it is none.
    """
    try:
        entry, t_ns, number = line.decode().split("|")
        return (entry, int(t_ns)) if int(number) > position.n_ticks else None
    except ValueError:
        return None


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
