"""The shape of every message of the stream, for reading back and for the contract; docstrings are its descriptions.

Alerts and reasons: `sinks.alert_json`, `sinks.decoding`; what subscribers send: `sinks.requests`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from engine.declared import Spindle
from engine.verdicts import Condition, FaultClass, Tier
from sinks.alert_json import AlertMessage
from sinks.decoding import Count, Message, Time


class AuthRequiredMessage(Message, frozen=True, tag="auth_required", tag_field="type"):
    """Before anything else, where a token is wanted and the handshake brought none: send yours within ten seconds."""


class HelloMessage(Message, frozen=True, tag="hello", tag_field="type"):
    """First message to whoever is let in, once: which journal this is, and whether what you knew still counts.

    Parameters
    ----------
    version : int
        Of the stream.
    epoch : str
        Of the journal; numbers of another mean nothing to it.
    head, oldest : int
        Newest and oldest sequence number stored.
    recovered : bool
        False: what you knew is void, start from the snapshot.
    """

    version: Literal[1]
    epoch: str
    head: Count
    oldest: Count
    recovered: bool


class CoverPart(Message, frozen=True):
    """Whether a fault class is being watched.

    Parameters
    ----------
    fault, signature : str
        What is watched for, and by whom.
    why : str
        Empty if it is being watched now, else the reason why not.
    """

    fault: FaultClass
    signature: str
    why: str


class StatePart(Message, frozen=True):
    """One spindle at a glance.

    Parameters
    ----------
    spindle : str
        Which.
    t_ns : int
        End of the newest window, UTC nanoseconds of stream time.
    condition : str
        The worst that holds.
    regime : str
        Label of what the spindle does.
    learned, wanted : int
        Vectors learned by the baseline of this regime, of how many.
    score : float
        Latest; 1.0 = limit; null if nothing can be said.
    open_alerts : tuple of str
        Ids.
    troubles : dict
        Outcomes of sensors so far, by kind.
    cover : tuple of CoverPart
        Every fault class that a signature looks for, once.
    cuts : tuple of int
        Good cuts of the section cut last that were learned, of how many; 0 of 0 if there are none to learn.
    """

    spindle: str
    t_ns: Time
    condition: Condition
    regime: str
    learned: Count
    wanted: Count
    score: float | None
    open_alerts: tuple[str, ...]
    troubles: dict[str, Count]
    cover: tuple[CoverPart, ...]
    cuts: tuple[Count, Count]


class ScorePart(Message, frozen=True):
    """The highest score of a sensor group since the last such message.

    Parameters
    ----------
    spindle, group : str
        Whose.
    t_ns : int
        End of its window, UTC nanoseconds of stream time.
    regime : str
        Label of what the spindle does.
    tier, detector : str
        What had to be known for it, and who says so.
    score : float
        1.0 = limit; null if nothing can be said.
    ready : bool
        False while this regime is still being learned.
    learned, wanted : int
        Vectors learned, of how many.
    top_feature : str
        The feature with the largest share; empty below 0.8.
    alerting : bool
        Whether an alert of this sensor group is open.
    """

    spindle: str
    group: str
    t_ns: Time
    regime: str
    tier: Tier
    detector: str
    score: float | None
    ready: bool
    learned: Count
    wanted: Count
    top_feature: str
    alerting: bool


class OpenAlert(Message, frozen=True):
    """Newest message of an alert that is open.

    Parameters
    ----------
    seq : int
        Its number in the journal.
    alert : AlertMessage
        It.
    """

    seq: Count
    alert: AlertMessage


class SnapshotMessage(Message, frozen=True, tag="snapshot", tag_field="type"):
    """Second message, once: everything that holds now, as far as it passes the filter.

    Parameters
    ----------
    seq : int
        Alert messages after this number follow.
    alerts : tuple of OpenAlert
        All that are open.
    states : tuple of StatePart
        The newest of every spindle.
    spindles : tuple of Spindle
        As declared.
    """

    seq: Count
    alerts: tuple[OpenAlert, ...]
    states: tuple[StatePart, ...]
    spindles: tuple[Spindle, ...]


class AlertTold(Message, frozen=True, tag="alert", tag_field="type"):
    """An alert message: first what was missed, then live, each once and in order of `seq`.

    Parameters
    ----------
    seq : int
        Its number in the journal; keep that of the last one you have dealt with, with `epoch` of the hello.
    sent_ns : int
        Wall time of the server, UTC nanoseconds; null when it is replayed from the journal.
    alert : AlertMessage
        The message.
    """

    seq: Count
    sent_ns: Time | None
    alert: AlertMessage


class StateMessage(Message, frozen=True, tag="state", tag_field="type"):
    """A spindle's state: when it changes, and once a second of stream time.

    Parameters
    ----------
    state : StatePart
        The newest.
    """

    state: StatePart


class ScoresMessage(Message, frozen=True, tag="scores", tag_field="type"):
    """Scores for an eye: at most ten such messages a second for each spindle; skipped for who is slow.

    Parameters
    ----------
    scores : tuple of ScorePart
        One for each sensor group that was scored.
    """

    scores: tuple[ScorePart, ...]


class HeartbeatMessage(Message, frozen=True, tag="heartbeat", tag_field="type"):
    """Every two seconds; ten seconds without any message is a broken connection.

    Parameters
    ----------
    head : int
        Newest sequence number stored.
    t_ns : int
        Wall time of the server, UTC nanoseconds; null if that means nothing.
    """

    head: Count
    t_ns: Time | None


class ResultMessage(Message, frozen=True, tag="result", tag_field="type"):
    """Answer to your command.

    Parameters
    ----------
    id : int or str
        Yours; null if there was none, or none could be read.
    ok : bool
        Whether it was done.
    error : str
        Only if not ok: what was got and what was wanted.
    """

    id: int | str | None
    ok: bool
    error: str = ""


class WaveformHeader(Message, frozen=True, tag="waveform", tag_field="type"):
    """The JSON at the front of a binary message; the samples follow it.

    Parameters
    ----------
    spindle, group : str
        Whose samples.
    t_ns : int
        Of the first one, UTC nanoseconds of stream time.
    sample_rate_hz : float
        Before they were reduced.
    channels, units : tuple of str
        One for each row.
    n : int
        Points of a row; with `envelope` so many minima, then so many maxima.
    step_s : float
        Between points.
    envelope : bool
        Whether the samples were reduced to minima and maxima.
    """

    spindle: str
    group: str
    t_ns: Time
    sample_rate_hz: float
    channels: tuple[str, ...]
    units: tuple[str, ...]
    n: Count
    step_s: float
    envelope: bool


class StreamQuery(Message, frozen=True):
    """What a subscriber asks for when it connects.

    Parameters
    ----------
    since, epoch : int and str
        Replay what came after this alert number of that journal.
    spindle, fault : tuple of str
        Only these; repeatable; the same for snapshot, replay and live.
    types : str
        Which live messages, separated by commas: alert, state, score; default all.
    """

    since: Count | None = None
    epoch: str | None = None
    spindle: tuple[str, ...] = ()
    fault: tuple[str, ...] = ()
    types: Annotated[str, Meta(pattern="^(alert|state|score)(,(alert|state|score))*$")] = "alert,state,score"
