"""An alert as JSON: the same in files, in the journal, on the websocket and in Redis."""

from __future__ import annotations

from typing import Any

from engine.verdicts import Alert, Reason

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
