"""A webhook: one signed POST for each alert message."""

from __future__ import annotations

import hashlib
import hmac
import logging
from urllib.parse import quote

from engine.clock import NS_PER_S, Clock
from engine.targets import WebhookTarget
from sinks.outbound.base import AwayError, Delivery, Plain, RefusedError, cloud_event, first_line
from sinks.outbound.post import Answer, Poster

_ABOUT_TARGET = frozenset({401, 403, 404, 405, 407, 408, 410, 421, 425, 429, 502, 503, 504})
"""These say that nobody is served, or not now; all others, that this message is not taken."""

_log = logging.getLogger(__name__)


class Webhook(Plain):
    """POSTs CloudEvents, structured, that are signed.

    A receiver compares ``X-Spindlewatch-Signature`` with `signature`, refuses old timestamps, and recognises a
    repetition by ``X-Spindlewatch-Delivery``, which stands for the event's ``id``, percent-encoded.

    Parameters
    ----------
    target : WebhookTarget
        As configured.
    prefix : str
        Which shop it is.
    clock : Clock
        Of the timestamp.

    Raises
    ------
    ConfigError
        A file that cannot be read.
    """

    def __init__(self, target: WebhookTarget, prefix: str, clock: Clock) -> None:
        self._target, self._prefix, self._clock = target, prefix, clock
        self._poster = Poster(target.url, target.timeout_s, target.ca_file)
        self._headers(b"", "")
        if target.token_file and self._poster.is_plain:
            _log.warning("notify %s: the token goes to %s unencrypted", target.name, self._poster.where)

    def bring(self, delivery: Delivery, note: str | None) -> str:  # noqa: ARG002
        """As `sinks.outbound.base.Courier.bring`."""
        body = cloud_event(delivery, self._prefix)
        check(self._poster.post(body, self._headers(body, delivery.key)), self._poster.where)
        return ""

    def abort(self) -> None:
        """As `sinks.outbound.base.Courier.abort`."""
        self._poster.abort()

    def _headers(self, body: bytes, key: str) -> dict[str, str]:
        """What goes before a body; secrets are read each time, so that another one needs no restart."""
        target = self._target
        timestamp = str((self._clock.now_ns() or 0) // NS_PER_S)
        headers = {
            "Content-Type": "application/cloudevents+json; charset=utf-8",
            "User-Agent": "spindlewatch",
            "Connection": "close",
            "X-Spindlewatch-Delivery": quote(key, safe=":|"),
            "X-Spindlewatch-Timestamp": timestamp,
        }
        if target.secret_file:
            secret = first_line(target.secret_file, "secret_file")
            headers["X-Spindlewatch-Signature"] = signature(secret, timestamp, body)
        if target.token_file:
            headers["Authorization"] = f"Bearer {first_line(target.token_file, 'token_file')}"
        return headers


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """HMAC-SHA-256 over the timestamp, a dot and the body.

    Parameters
    ----------
    secret : str
        Shared with the receiver.
    timestamp : str
        Seconds since 1970, as sent.
    body : bytes
        As sent.

    Returns
    -------
    str
        ``sha256=`` and 64 hex digits.

    Examples
    --------
    >>> signature("secret", "1700000000", b"{}")[:23]
    'sha256=b8569b78799ff9e3'
    """
    made = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
    return f"sha256={made.hexdigest()}"


def check(answer: Answer, where: str) -> None:
    """Conclude from an answer whether what was sent has arrived.

    Parameters
    ----------
    answer : Answer
        Of any status.
    where : str
        Whose, for the error.

    Raises
    ------
    AwayError
        It serves nobody, or not now, or is somewhere else.
    RefusedError
        It does not take this.
    """
    status = answer.status
    if 200 <= status < 300:
        return
    told = f"{where}: answered {status}" + (f": {answer.head}" if answer.head else "")
    if 300 <= status < 400:
        raise AwayError(f"{told}: redirects are not followed", answer.after_s)
    if status in _ABOUT_TARGET:
        raise AwayError(told, answer.after_s)
    raise RefusedError(told)
