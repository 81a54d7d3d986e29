"""What stands where in Redis: the names of all keys, by the configured prefix, and how a stream's entries are ordered.

One stream per spindle, written by one sender: so that its entries can carry ids of their own, and how spindles are
spread over processes never changes where their data is.
"""

from __future__ import annotations

from collections.abc import Mapping


def stream_in(prefix: str, spindle: str) -> str:
    """Stream of one spindle's blocks, contexts and ticks.

    Parameters
    ----------
    prefix : str
        ``[redis] prefix``.
    spindle : str
        As declared.

    Returns
    -------
    str
        Each entry has the fields ``d``, one message of `engine.wire`, and perhaps ``n``, the running number of the
        stream's entries from 1, by which a receiver recognises loss and repetition.

    Examples
    --------
    >>> stream_in("spindlewatch", "M1")
    'spindlewatch:in:M1'
    """
    return f"{prefix}:in:{spindle}"


def alerts(prefix: str) -> str:
    """Stream of alert messages: `sinks.streams.RedisAlerts`."""
    return f"{prefix}:alerts"


def lives(prefix: str) -> str:
    """Stream of what became of tools' edges: ``life``, JSON as `sinks.tool_history.life_as_dict`."""
    return f"{prefix}:lives"


def states(prefix: str) -> str:
    """Hash: of each spindle the newest ``state`` message of `sinks.messages`."""
    return f"{prefix}:states"


def live(prefix: str) -> str:
    """Channel of ``state`` and ``scores`` messages (`sinks.messages`): for whoever listens at the moment."""
    return f"{prefix}:live"


def baselines(prefix: str, spindle: str) -> str:
    """Hash of what was learnt of sections that have no room in memory: `sinks.redis_baselines`."""
    return f"{prefix}:baselines:{spindle}"


def baselines_used(prefix: str, spindle: str) -> str:
    """Sorted set: when each of `baselines` was used last, counted."""
    return f"{prefix}:baselines_used:{spindle}"


def checkpoint(prefix: str, spindle: str) -> str:
    """What was learnt of one spindle, and up to which entry of its stream."""
    return f"{prefix}:checkpoint:{spindle}"


def ticks(prefix: str, spindle: str) -> str:
    """List of the ticks that the engine itself made for a silent stream since the last checkpoint."""
    return f"{prefix}:ticks:{spindle}"


def owners(prefix: str) -> str:
    """Hash: which run of an engine process watches each spindle; the one that began last."""
    return f"{prefix}:owners"


def positions(prefix: str) -> str:
    """Hash: of each spindle the running number up to which its stream is needed no more, whatever happens."""
    return f"{prefix}:positions"


def dead_letters(prefix: str) -> str:
    """Stream of the entries that could not be used, newest kept."""
    return f"{prefix}:dead"


def entry_key(entry: bytes | str) -> tuple[int, int]:
    """Order of an entry's id.

    Parameters
    ----------
    entry : bytes or str
        ``milliseconds-sequence``, as Redis gives it.

    Returns
    -------
    tuple of int
        Comparable.

    Examples
    --------
    >>> entry_key("1700000000000-10") > entry_key(b"1700000000000-9")
    True
    """
    text = entry.decode() if isinstance(entry, bytes) else entry
    ms, _, sequence = text.partition("-")
    return int(ms), int(sequence)


def running_number(fields: Mapping[bytes, bytes]) -> int:
    """Read the running number of an entry.

    Parameters
    ----------
    fields : Mapping[bytes, bytes]
        Whatever somebody stored.

    Returns
    -------
    int
        From 1; 0 where there is none that can be read.

    Examples
    --------
    >>> running_number({b"n": b"17"}), running_number({b"n": b"many"}), running_number({})
    (17, 0, 0)
    """
    text = fields.get(b"n", b"")
    return int(text) if text.isdigit() and len(text) < 19 else 0
