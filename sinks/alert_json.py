"""An alert as JSON: the same in files, in the journal, on the websocket and in Redis."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from engine.verdicts import Alert, AlertState, Reason
from sinks.decoding import Message, ReasonMessage, Time, or_nan, read_json

VERSION = 1


def alert_as_dict(alert: Alert, *, wall_times: bool = True) -> dict[str, Any]:
    """Return an alert message as plain values.

    Parameters
    ----------
    alert : Alert
        As the judge made it.
    wall_times : bool
        False leaves out when it was received and judged here: what remains depends on the data alone.

    Returns
    -------
    dict
        Keys in a fixed order; orjson writes NaN as null, which means "cannot say".
    """
    told: dict[str, Any] = {
        "version": VERSION,
        "id": alert.id,
        "state": alert.state,
        "spindle": alert.spindle,
        "group": alert.group,
        "fault": alert.fault,
        "tier": alert.tier,
        "regime": alert.regime,
        "onset_ns": alert.onset_ns,
        "t_ns": alert.t_ns,
        "score": alert.score,
        "detail": alert.detail,
        "reasons": [_reason_as_dict(reason) for reason in alert.reasons],
        "text": {"en": alert.text_en, "ko": alert.text_ko},
        "advice": {"en": alert.advice_en, "ko": alert.advice_ko},
        "certainty": alert.certainty,
        "key": alert.key,
        "config_hash": alert.config_hash,
    }
    if wall_times:
        told["received_ns"] = alert.received_ns
        told["judged_ns"] = alert.judged_ns
    return told


def _reason_as_dict(reason: Reason) -> dict[str, Any]:
    return reason._asdict()


class Texts(Message, frozen=True):
    """For people.

    Parameters
    ----------
    en, ko : str
        In English and in Korean.
    """

    en: str
    ko: str


class AlertMessage(Message, frozen=True):
    """A message about an episode of trouble.

    Parameters
    ----------
    version : int
        Of this format.
    id : str
        `spindle:fault:onset_ns` as it opened, of sensors `spindle:sensor.group:onset_ns`; the same after every restart.
    state : str
        `opened`, perhaps several times `updated`, then `closed`.
    spindle, group, regime : str
        Where: spindle, sensor group, label of what the spindle did.
    fault : str
        Class of the fault; an update may name it better than the id does, and later versions may know more classes.
    tier : str
        What had to be known: `absolute`, `dynamic` or `learned`.
    onset_ns, t_ns : int
        When it began, and the end of the window that decided this message: UTC nanoseconds of stream time.
    score : float
        The highest so far, 1.0 = limit; null of sensors.
    detail : str
        Specifics; a sensor's trouble; else who found it.
    reasons : tuple of ReasonMessage
        Most telling first.
    text, advice : Texts
        What is the matter; what a machinist would check.
    certainty : float
        How specific the evidence is for this class, 0 to 1; null of sensors.
    key : str
        Which one, where a spindle has several; else empty.
    config_hash : str
        Of the configuration that decided.
    received_ns, judged_ns : int
        Wall times: last deciding sample received, alert made; null or absent in a replay.
    """

    version: Literal[1]
    id: Annotated[str, Meta(min_length=1)]
    state: AlertState
    spindle: str
    group: str
    fault: str
    tier: str
    regime: str
    onset_ns: Time
    t_ns: Time
    score: float | None
    detail: str
    reasons: tuple[ReasonMessage, ...]
    text: Texts
    advice: Texts
    certainty: float | None
    key: str
    config_hash: str
    received_ns: Time | None = None
    judged_ns: Time | None = None


_decoder = msgspec.json.Decoder(AlertMessage)


def alert_from_json(data: bytes) -> Alert:
    """Read back what `alert_as_dict` gave and somebody wrote as JSON.

    Parameters
    ----------
    data : bytes
        UTF-8 JSON.

    Returns
    -------
    Alert
        `alert_as_dict` of it is the same again. Where null was written, perhaps for an infinity, it holds NaN.

    Raises
    ------
    WireError
        Anything else: a key missing or unknown, a wrong type, another version.
    """
    told = read_json(_decoder, data, "alert")
    return Alert(
        id=told.id,
        spindle=told.spindle,
        group=told.group,
        fault=told.fault,
        state=told.state,
        tier=told.tier,
        regime=told.regime,
        onset_ns=told.onset_ns,
        t_ns=told.t_ns,
        score=or_nan(told.score),
        detail=told.detail,
        reasons=tuple(reason.reason() for reason in told.reasons),
        text_en=told.text.en,
        text_ko=told.text.ko,
        config_hash=told.config_hash,
        received_ns=told.received_ns,
        judged_ns=told.judged_ns,
        certainty=or_nan(told.certainty),
        key=told.key,
        advice_en=told.advice.en,
        advice_ko=told.advice.ko,
    )
