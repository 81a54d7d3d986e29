"""Prometheus Alertmanager: who is called, by what and how often, is its business."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from engine.clock import NS_PER_S, Clock
from engine.targets import AlertmanagerTarget
from engine.verdicts import Alert, AlertState
from sinks.outbound.base import Delivery, Plain, first_line, rfc3339
from sinks.outbound.post import Poster
from sinks.outbound.webhook import check

_API = "/api/v2/alerts"
_MAX_TEXT = 256

_log = logging.getLogger(__name__)


class Alertmanager(Plain):
    """POSTs alerts as Alertmanager's API version 2 wants them.

    An open alert is sent without an end and again every `AlertmanagerTarget.resend_s`: if this process is gone for
    longer than ``resolve_timeout``, Alertmanager takes it for resolved. One that closes ends ``hold_s`` later, for
    Alertmanager says nothing of what has ended before ``group_wait`` has passed.

    Its labels tell alerts apart; when an update names the fault better, the alert of the old name ends at once.

    Parameters
    ----------
    target : AlertmanagerTarget
        As configured.
    clock : Clock
        Wall time.

    Raises
    ------
    ConfigError
        A file that cannot be read.
    """

    def __init__(self, target: AlertmanagerTarget, clock: Clock) -> None:
        self._target, self._clock = target, clock
        self._poster = Poster(target.url.rstrip("/") + _API, target.timeout_s, target.ca_file)
        self.repeat_s = target.resend_s
        self._headers()
        if target.token_file and self._poster.is_plain:
            _log.warning("notify %s: the token goes to %s unencrypted", target.name, self._poster.where)

    def bring(self, delivery: Delivery, note: str | None) -> str:
        """As `sinks.outbound.base.Courier.bring`; the note holds the labels."""
        alert = delivery.alert
        labels = self._labels(alert, delivery.is_test)
        wanted = orjson.dumps(labels).decode()
        ends_s = self._target.hold_s if alert.state is AlertState.CLOSED or delivery.is_test else None
        told = [self._alert(alert, labels, ends_s)]
        if note is not None and note != wanted:
            told.insert(0, self._alert(alert, orjson.loads(note), 0.0))
        self._post(told)
        return wanted

    def repeat(self, deliveries: Sequence[tuple[Delivery, str]]) -> None:
        """As `sinks.outbound.base.Courier.repeat`."""
        self._post([self._alert(one.alert, orjson.loads(note), None) for one, note in deliveries])

    def abort(self) -> None:
        """As `sinks.outbound.base.Courier.abort`."""
        self._poster.abort()

    def _labels(self, alert: Alert, is_test: bool) -> dict[str, str]:
        """Few, and of few values: what a shop has, not what ever happened in it."""
        found = {
            "alertname": "spindlewatch",
            "spindle": alert.spindle,
            "group": alert.group,
            "fault": alert.fault,
        }
        found |= {"tier": alert.tier, "key": alert.key} | dict(self._target.labels)
        if is_test:
            found["alertname"] = "spindlewatch_test"  # so that it can be routed elsewhere
        return {name: value[:_MAX_TEXT] for name, value in found.items() if value}

    def _alert(self, alert: Alert, labels: Mapping[str, str], ends_s: float | None) -> dict[str, Any]:
        now_ns = self._clock.now_ns() or 0
        told: dict[str, Any] = {
            "labels": labels,
            "annotations": {
                "summary": alert.text_en,
                "summary_ko": alert.text_ko,
                "description": alert.advice_en,
                "description_ko": alert.advice_ko,
                "id": alert.id,
            },
            # A sender's clock may be ahead; what has not begun yet is no alert there.
            "startsAt": rfc3339(min(alert.onset_ns, now_ns)),
        }
        if ends_s is not None:
            told["endsAt"] = rfc3339(now_ns + round(ends_s * NS_PER_S))
        return told

    def _post(self, alerts: Sequence[Mapping[str, Any]]) -> None:
        check(self._poster.post(orjson.dumps(alerts), self._headers()), self._poster.where)

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "User-Agent": "spindlewatch", "Connection": "close"}
        if self._target.token_file:
            headers["Authorization"] = f"Bearer {first_line(self._target.token_file, 'token_file')}"
        return headers
