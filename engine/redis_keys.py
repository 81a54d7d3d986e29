"""What stands where in Redis: the names of all keys, by the configured prefix.

One stream per spindle, written by one sender: so that its entries can carry ids of their own, and how spindles are
spread over processes never changes where their data is.
"""

from __future__ import annotations


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


def checkpoint(prefix: str, spindle: str) -> str:
    """What was learnt of one spindle, and up to which entry of its stream."""
    return f"{prefix}:checkpoint:{spindle}"


def ticks(prefix: str, spindle: str) -> str:
    """List of the ticks that the engine itself made for a silent stream since the last checkpoint."""
    return f"{prefix}:ticks:{spindle}"


def dead_letters(prefix: str) -> str:
    """Stream of the entries that could not be used, newest kept."""
    return f"{prefix}:dead"
