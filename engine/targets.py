"""Whom a site tells of alerts, beside those who listen: ``[[notify]]``. None of it decides an alert."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Annotated, Literal
from urllib.parse import urlsplit

from msgspec import Meta

from engine.site import Port, Positive, Table
from engine.verdicts import AlertState, FaultClass

MAX_TARGETS = 32
"""Each has a thread of its own."""

_EVERY_STATE = tuple(AlertState)
_File = Annotated[str, Meta(max_length=4096)]
_Path = Annotated[str, Meta(min_length=1, max_length=4096)]
_Label = Annotated[str, Meta(pattern="^[a-zA-Z_][a-zA-Z0-9_]*$", max_length=64)]


class _Target(Table, frozen=True, kw_only=True, tag_field="kind"):
    """What every target has: a name, what it wants to hear, and when it is given up.

    Parameters
    ----------
    name : str
        Its position in the journal is kept under it: another name begins anew.
    spindles : tuple of str
        Only of these; none = of all.
    faults : tuple of FaultClass
        Only these; none = all. What an alert that was told is renamed to, or how it ends, is told in any case.
    states : tuple of AlertState
        Only messages of these.
    min_score, min_certainty : float
        Not below; an alert that has none, as one about a sensor, is told.
    timeout_s : float
        For one try as a whole.
    max_tries : int
        An alert that the target itself refuses is tried so often, and then given up.
    max_delay_s : float
        Between two tries at most.
    max_age_s : float
        Alerts that waited for longer, because the target was away, are left out, unless they are still open.
    """

    name: Annotated[str, Meta(pattern="^[A-Za-z0-9_.-]{1,64}$")]
    spindles: tuple[str, ...] = ()
    faults: tuple[FaultClass, ...] = ()
    states: Annotated[tuple[AlertState, ...], Meta(min_length=1)] = _EVERY_STATE
    min_score: Annotated[float, Meta(ge=0)] = 0.0
    min_certainty: Annotated[float, Meta(ge=0, le=1)] = 0.0
    timeout_s: Annotated[float, Meta(gt=0, le=120)] = 10.0
    max_tries: Annotated[int, Meta(ge=1, le=100)] = 8
    max_delay_s: Annotated[float, Meta(ge=0.1, le=3600)] = 60.0
    max_age_s: Positive = 86400.0


class WebhookTarget(_Target, frozen=True, kw_only=True, tag="webhook"):
    """A POST for each alert message.

    Parameters
    ----------
    url : str
        ``https://`` or ``http://``; no user and no password in it.
    secret_file : str
        In its first line what the signature is made with; empty = no signature.
    token_file : str
        In its first line what is sent as ``Authorization: Bearer``; empty = nothing.
    ca_file : str
        Whom to trust, PEM; empty = whom this machine trusts.
    """

    url: _Path
    secret_file: _File = ""
    token_file: _File = ""
    ca_file: _File = ""


class AlertmanagerTarget(_Target, frozen=True, kw_only=True, tag="alertmanager"):
    """Prometheus Alertmanager, API version 2.

    Parameters
    ----------
    url : str
        Without ``/api/v2/alerts``.
    token_file, ca_file : str
        As `WebhookTarget`.
    labels : dict of str
        Added to every alert's.
    resend_s : float
        Open alerts are sent again so often: well below Alertmanager's ``resolve_timeout``.
    hold_s : float
        An alert that has closed ends so much later: above ``group_wait``, or nobody hears of short ones.
    """

    url: _Path
    token_file: _File = ""
    ca_file: _File = ""
    labels: Annotated[
        dict[_Label, Annotated[str, Meta(min_length=1, max_length=256)]], Meta(max_length=16)
    ] = {}  # noqa: RUF012
    resend_s: Annotated[float, Meta(ge=1, le=3600)] = 60.0
    hold_s: Annotated[float, Meta(ge=0, le=3600)] = 60.0


class MqttTarget(_Target, frozen=True, kw_only=True, tag="mqtt"):
    """A topic of an MQTT broker for each spindle, quality of service 1.

    Parameters
    ----------
    host, port : str, int
        Port 0 = 1883, with TLS 8883.
    topic : str
        Before ``/{spindle}``.
    username, password_file : str
        The password is the file's first line.
    tls : bool
        Encrypted, and the broker's certificate is checked: by ``ca_file``, else by this machine's authorities.
    ca_file, cert_file, key_file : str
        PEM. The client's own certificate and key, where the broker asks for them.
    version : {"3.1.1", "5"}
        Of the protocol. Only with 5 does a broker say that it may not be published to a topic.
    """

    host: Annotated[str, Meta(min_length=1)]
    port: Port = 0
    topic: Annotated[str, Meta(pattern="^[^+#\\x00]{1,1000}$")] = "spindlewatch/alerts"
    username: str = ""
    password_file: _File = ""
    tls: bool = False
    ca_file: _File = ""
    cert_file: _File = ""
    key_file: _File = ""
    version: Literal["3.1.1", "5"] = "3.1.1"


class AppriseTarget(_Target, frozen=True, kw_only=True, tag="apprise"):
    """Mail or a chat, by whatever Apprise can reach.

    Parameters
    ----------
    secret_file : str
        In its first line Apprise's URL, which usually holds a password.
    language : {"en", "ko"}
        Of the text.
    """

    secret_file: _Path
    language: Literal["en", "ko"] = "en"


Target = WebhookTarget | AlertmanagerTarget | MqttTarget | AppriseTarget


def impossible_targets(targets: Sequence[Target], spindles: Collection[str]) -> Iterator[tuple[str, str]]:
    """Find what each key by itself allows and all together do not.

    Parameters
    ----------
    targets : sequence of Target
        ``[[notify]]``.
    spindles : collection of str
        Declared.

    Yields
    ------
    tuple of str
        Path of the key, and what was expected and got; no secret is told.
    """
    seen: set[str] = set()
    for index, target in enumerate(targets):
        if target.name in seen:
            yield f"notify[{index}].name", f"Expected a name of its own, got {target.name!r} twice"
        seen.add(target.name)
        for name in target.spindles:
            if name not in spindles:  # it would never tell anything, and nobody would wonder
                yield f"notify[{index}].spindles", f"Expected names of [[spindles]], got {name!r}"
        if isinstance(target, WebhookTarget | AlertmanagerTarget):
            wrong = _wrong_url(target.url)
            if wrong:
                yield f"notify[{index}].url", f"Expected http:// or https:// and a host, {wrong}"
        if isinstance(target, MqttTarget) and bool(target.username) != bool(target.password_file):
            yield f"notify[{index}]", "Expected `username` and `password_file`, or neither, got one"


def _wrong_url(url: str) -> str:
    """What is wrong with an address; empty if nothing."""
    try:
        parts = urlsplit(url)
        port_is_valid = parts.port != 0
    except ValueError:
        return "got none"
    if "@" in parts.netloc:
        return "got one with a user or password: that belongs into a `token_file`"
    if not url.isascii() or not url.isprintable() or " " in url or parts.fragment:
        return "got one with characters that no address has"
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_is_valid:
        return f"got {parts.scheme or 'none'}:"
    return ""
