"""What subscribers are sent. JSON text, except waveforms; the schema is in this package's README.

NaN becomes null: "cannot say". Times are UTC nanoseconds, beyond what a JavaScript number holds exactly; good enough
to show, not to compare. Compare sequence numbers.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from engine.records import Block, Channel, SpindleState, Verdict
from sinks.journal import Entry

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


def snapshot(seq: int, active: Iterable[Entry], states: Iterable[dict[str, Any]]) -> bytes:
    """Everything that holds now: open alerts and spindle states; alert messages after number ``seq`` follow."""
    alerts = [{"seq": entry.seq, "alert": orjson.Fragment(entry.json)} for entry in active]
    return orjson.dumps({"type": "snapshot", "seq": seq, "alerts": alerts, "states": list(states)})


def alert(entry: Entry, sent_ns: int | None) -> bytes:
    """An alert message with its number; ``sent_ns`` is None when it is replayed from the journal."""
    told = {"type": "alert", "seq": entry.seq, "sent_ns": sent_ns, "alert": orjson.Fragment(entry.json)}
    return orjson.dumps(told)


def encode(message: dict[str, Any]) -> bytes:
    """JSON of a message that is kept as plain values."""
    return orjson.dumps(message)


def state(state: SpindleState, groups: Sequence[str], now_ns: int | None) -> dict[str, Any]:
    """One spindle at a glance.

    Parameters
    ----------
    state : SpindleState
        From the judge.
    groups : sequence of str
        Sensor groups whose waveforms can be subscribed to.
    now_ns : int or None
        Wall time; ``lag_ms`` says how far the stream is behind it, null if wall time means nothing.

    Returns
    -------
    dict
        Plain values, to be encoded alone or within a snapshot.
    """
    return {
        "type": "state",
        "spindle": state.spindle,
        "t_ns": state.t_ns,
        "lag_ms": None if now_ns is None else round((now_ns - state.t_ns) / 1e6, 1),
        "condition": state.condition,
        "regime": state.regime,
        "learned": state.learned,
        "wanted": state.wanted,
        "score": state.score,
        "open_alerts": state.open_alerts,
        "troubles": dict(state.troubles),
        "groups": groups,
    }


def score(verdict: Verdict) -> bytes:
    """The highest score of a spindle since its last such message."""
    score = verdict.score
    return orjson.dumps(
        {
            "type": "score",
            "spindle": score.spindle,
            "group": score.group,
            "t_ns": score.t_ns,
            "regime": score.regime.label,
            "tier": score.tier,
            "score": score.score,
            "ready": score.ready,
            "alerting": verdict.alerting,
            "top_feature": score.top_feature,
        }
    )


def heartbeat(head: int, now_ns: int | None) -> bytes:
    """The link is alive, even if the flow is silent; ``head`` is the newest sequence number stored."""
    return orjson.dumps({"type": "heartbeat", "head": head, "now_ns": now_ns})


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
        uint32 length of the header, header (JSON, padded with blanks to a multiple of four bytes), then
        float32[n_channels, n_points], all little-endian. ``points_hz`` is the rate of the points. If ``envelope``
        is true, points come in pairs, minimum and maximum of a stretch of samples, so that no peak is lost.
    """
    points, envelope = decimate(block.samples)
    n_channels, n_points = points.shape
    header = orjson.dumps(
        {
            "type": "waveform",
            "waveform": f"{block.spindle}/{block.group}",
            "t_ns": block.t_ns,
            "duration_ns": block.end_ns - block.t_ns,
            "sample_rate_hz": block.sample_rate_hz,
            "points_hz": block.sample_rate_hz * n_points / max(block.samples.shape[1], 1),
            "envelope": envelope,
            "channels": [{"name": channel.name, "unit": channel.unit} for channel in channels],
            "n_channels": n_channels,
            "n_points": n_points,
        }
    )
    header += b" " * (-len(header) % 4)
    return struct.pack("<I", len(header)) + header + points.astype("<f4", copy=False).tobytes()


def decimate(samples: NDArray[np.float32]) -> tuple[NDArray[np.float32], bool]:
    """Reduce samples to at most 2048 points without losing a peak.

    Parameters
    ----------
    samples : float32[n_channels, n_samples]
        NaN where missing.

    Returns
    -------
    float32[n_channels, n_points], bool
        The samples themselves, or pairs of minimum and maximum (True). NaN only where a whole stretch is missing.

    Examples
    --------
    >>> points, envelope = decimate(np.zeros((1, 5000), np.float32))
    >>> points.shape, envelope
    ((1, 2048), True)
    """
    n_channels, n_samples = samples.shape
    if n_samples <= MAX_POINTS:
        return samples, False
    n_pairs = MAX_POINTS // 2
    edges = np.arange(n_pairs) * n_samples // n_pairs
    points = np.empty((n_channels, 2 * n_pairs), np.float32)
    points[:, 0::2] = np.fmin.reduceat(samples, edges, axis=1)
    points[:, 1::2] = np.fmax.reduceat(samples, edges, axis=1)
    return points, True
