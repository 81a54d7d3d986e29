"""What subscribers are sent. JSON text, except waveforms; the schema is in this package's README.

NaN becomes null: "cannot say". Times are UTC nanoseconds, beyond what a JavaScript number holds exactly; good enough
to show, not to compare. Compare sequence numbers.
"""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import numpy as np
import orjson
from numpy.typing import NDArray

from engine.declared import Channel, Spindle
from engine.records import Block
from engine.verdicts import Cover, SpindleState
from sinks.contract.shapes import ScoresMessage, StateMessage
from sinks.decoding import or_nan, read_json
from sinks.journal import Entry
from sinks.mailbox import ShownScore

VERSION = 1
MAX_POINTS = 2048


def hello(epoch: str, head: int, oldest: int, recovered: bool) -> bytes:
    """First message: which journal this is, and whether the resume asked for is possible.

    Parameters
    ----------
    epoch : str
        Of the journal.
    head, oldest : int
        Newest and oldest sequence number stored.
    recovered : bool
        False: forget what was known; the snapshot is all there is.
    """
    told = {"type": "hello", "version": VERSION, "epoch": epoch, "head": head, "oldest": oldest}
    return orjson.dumps(told | {"recovered": recovered})


def auth_required() -> bytes:
    """Before anything else, where it is not known yet who listens: a token is wanted."""
    return orjson.dumps({"type": "auth_required"})


def snapshot(
    seq: int, active: Iterable[Entry], states: Iterable[SpindleState], spindles: Iterable[Spindle]
) -> bytes:
    """Everything that holds now.

    Parameters
    ----------
    seq : int
        Alert messages after this number follow.
    active : iterable of Entry
        Newest message of every open alert.
    states : iterable of SpindleState
        Newest of every spindle.
    spindles : iterable of Spindle
        As declared: sensor groups, channels, units, rates.
    """
    alerts = [{"seq": entry.seq, "alert": orjson.Fragment(entry.json)} for entry in active]
    declared = orjson.Fragment(msgspec.json.encode(list(spindles)))
    return orjson.dumps(
        {
            "type": "snapshot",
            "seq": seq,
            "alerts": alerts,
            "states": list(map(_state, states)),
            "spindles": declared,
        }
    )


def alert(entry: Entry, sent_ns: int | None) -> bytes:
    """An alert message with its number; ``sent_ns`` is None when it is replayed from the journal."""
    told = {"type": "alert", "seq": entry.seq, "sent_ns": sent_ns, "alert": orjson.Fragment(entry.json)}
    return orjson.dumps(told)


def state(state: SpindleState) -> bytes:
    """One spindle at a glance."""
    return orjson.dumps({"type": "state", "state": _state(state)})


def _state(state: SpindleState) -> dict[str, Any]:
    told = dataclasses.asdict(state)
    told["troubles"] = {str(kind): n for kind, n in state.troubles}  # orjson wants plain keys
    told["cover"] = [cover._asdict() for cover in state.cover]
    return told


def scores(scores: Iterable[ShownScore]) -> bytes:
    """The highest score of each sensor group since the last such message."""
    return orjson.dumps({"type": "scores", "scores": list(scores)})


def heartbeat(head: int, now_ns: int | None) -> bytes:
    """The link is alive, even if the flow is silent; ``t_ns`` is the server's wall time, if that means anything."""
    return orjson.dumps({"type": "heartbeat", "head": head, "t_ns": now_ns})


def result(command_id: int | str | None, error: str | None = None) -> bytes:
    """Answer to a command; an error says what was got and what was wanted."""
    told: dict[str, Any] = {"type": "result", "id": command_id, "ok": error is None}
    return orjson.dumps(told if error is None else told | {"error": error})


def waveform(block: Block, channels: Sequence[Channel]) -> bytes:
    """Encode samples as a binary message.

    Parameters
    ----------
    block : Block
        What to show.
    channels : sequence of Channel
        As declared; empty if unknown.

    Returns
    -------
    bytes
        uint32 length of the header, header (JSON, padded with blanks so that what follows is aligned to four bytes),
        then for each channel float32[n], or minima float32[n] and maxima float32[n] if ``envelope``; all
        little-endian. Points are ``step_s`` apart.
    """
    points, n = decimate(block.samples)
    n_channels, n_samples = block.samples.shape
    names = [channel.name for channel in channels] or [str(row + 1) for row in range(n_channels)]
    header = orjson.dumps(
        {
            "type": "waveform",
            "spindle": block.spindle,
            "group": block.group,
            "t_ns": block.t_ns,
            "sample_rate_hz": block.sample_rate_hz,
            "channels": names,
            "units": [channel.unit for channel in channels] or [""] * n_channels,
            "n": n,
            "step_s": n_samples / n / block.sample_rate_hz if n else 1.0 / block.sample_rate_hz,
            "envelope": points.shape[1] > n,
        }
    )
    header += b" " * (-len(header) % 4)
    return struct.pack("<I", len(header)) + header + points.astype("<f4", copy=False).tobytes()


def decimate(samples: NDArray[np.float32]) -> tuple[NDArray[np.float32], int]:
    """Reduce samples to at most 2048 points without losing a peak.

    Parameters
    ----------
    samples : float32[n_channels, n_samples]
        NaN where missing.

    Returns
    -------
    float32[n_channels, n] or float32[n_channels, 2 n], int
        The samples themselves, or minima followed by maxima of n equal stretches; and n. NaN only where a whole
        stretch is missing.

    Examples
    --------
    >>> points, n = decimate(np.zeros((1, 5000), np.float32))
    >>> points.shape, n
    ((1, 2048), 1024)
    """
    n_samples = samples.shape[1]
    if n_samples <= MAX_POINTS:
        return samples, n_samples
    n = MAX_POINTS // 2
    edges = np.arange(n) * n_samples // n
    return np.hstack([np.fmin.reduceat(samples, edges, axis=1), np.fmax.reduceat(samples, edges, axis=1)]), n


_live_decoder = msgspec.json.Decoder(StateMessage | ScoresMessage)


def live_from_json(data: bytes) -> list[SpindleState | ShownScore]:
    """Read back what `state` or `scores` wrote.

    Parameters
    ----------
    data : bytes
        One message.

    Returns
    -------
    list of SpindleState or ShownScore
        One state, or all scores.

    Raises
    ------
    WireError
        Anything else.
    """
    told = read_json(_live_decoder, data, "state or scores")
    if isinstance(told, ScoresMessage):
        fields = [msgspec.structs.asdict(score) for score in told.scores]
        return [ShownScore(**{**one, "score": or_nan(one["score"])}) for one in fields]
    found = msgspec.structs.asdict(told.state)
    found["score"] = or_nan(told.state.score)
    found["troubles"] = tuple(told.state.troubles.items())
    found["cover"] = tuple(Cover(one.fault, one.signature, one.why) for one in told.state.cover)
    return [SpindleState(**found)]
