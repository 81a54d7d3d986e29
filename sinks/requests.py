"""What subscribers send: the query they connect with, and commands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal
from urllib.parse import parse_qs, unquote_plus, urlsplit

import msgspec
from msgspec import Meta

from engine.errors import WireError
from sinks.tokens import Role

TYPES = frozenset({"alert", "state", "score"})
_KEYS = frozenset({"since", "epoch", "spindle", "fault", "types"})
_MAX_SEQ = 2**63 - 1
_SECRET_KEYS = frozenset({"token", "access_token", "authorization"})

NEEDS = {"subscribe": Role.VIEWER, "unsubscribe": Role.VIEWER}
"""Who may give a command, by its ``op``."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a subscriber asked for when it connected; the query of ``/v1/stream``.

    Parameters
    ----------
    since : int, optional
        ``since=``: the last sequence number it knows; everything after it is replayed.
    epoch : str, optional
        ``epoch=``: of which journal that number is.
    spindles, faults : frozenset of str
        ``spindle=``, ``fault=``, repeatable: only these; empty = all. Equal for snapshot, replay and live.
    types : frozenset of str
        ``types=alert,state,score``: live messages wanted.
    """

    since: int | None = None
    epoch: str | None = None
    spindles: frozenset[str] = frozenset()
    faults: frozenset[str] = frozenset()
    types: frozenset[str] = TYPES

    def wants_spindle(self, spindle: str) -> bool:
        """Whether messages about this spindle are wanted."""
        return not self.spindles or spindle in self.spindles

    def wants_alert(self, spindle: str, fault: str) -> bool:
        """Whether alerts of this spindle and fault class are wanted."""
        return self.wants_spindle(spindle) and (not self.faults or fault in self.faults)


def parse_wish(path: str) -> Wish:
    """Read the query of a request.

    Parameters
    ----------
    path : str
        Path with query, percent-encoded, as in the request line.

    Returns
    -------
    Wish
        Valid.

    Raises
    ------
    WireError
        An unknown key, a value of the wrong kind, or a key given twice that may be given once.

    Examples
    --------
    >>> parse_wish("/v1/stream?since=7&epoch=ab&spindle=M1").since
    7
    """
    try:
        query = parse_qs(
            urlsplit(path).query, keep_blank_values=True, strict_parsing=False, max_num_fields=100
        )
    except ValueError as error:
        raise WireError(f"query: {error}") from error
    for key, values in query.items():
        if key not in _KEYS:
            raise WireError(f"query: unknown key {key!r}; known: {', '.join(sorted(_KEYS))}")
        if len(values) > 1 and key not in ("spindle", "fault"):
            raise WireError(f"query: {key} given {len(values)} times, wanted once")
    types = frozenset(query["types"][0].split(",")) if "types" in query else TYPES
    if not types <= TYPES:
        raise WireError(f"query: types={query['types'][0]!r}, wanted some of {', '.join(sorted(TYPES))}")
    return Wish(
        since=_number("since", query["since"][0]) if "since" in query else None,
        epoch=query["epoch"][0] if "epoch" in query else None,
        spindles=frozenset(query.get("spindle", ())),
        faults=frozenset(query.get("fault", ())),
        types=types,
    )


def _number(key: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 19 and int(text) <= _MAX_SEQ):
        raise WireError(f"query: {key}={text!r}, wanted a whole number from 0 to {_MAX_SEQ}")
    return int(text)


class Command(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a connected subscriber may ask; answered by a ``result`` with the same ``id``.

    Parameters
    ----------
    op : {"subscribe", "unsubscribe"}
        What to do.
    waveform : str, optional
        ``spindle/group`` to subscribe to, instead of any other; the group is what follows the last slash.
    id : int or str, optional
        Echoed.
    """

    op: Literal["subscribe", "unsubscribe"]
    waveform: Annotated[str, Meta(max_length=400, pattern=r"^.+/[^/]+$")] | None = None
    id: int | Annotated[str, Meta(max_length=100)] | None = None

    def __post_init__(self) -> None:
        """Refuse what no single field can: msgspec turns this into an error of the decoder."""
        if (self.op == "subscribe") is (self.waveform is None):
            raise ValueError("`subscribe` wants `waveform`, `unsubscribe` does not")

    @property
    def needs(self) -> Role:
        """Who may give it."""
        return NEEDS[self.op]

    @property
    def source(self) -> tuple[str, str] | None:
        """Spindle and sensor group wanted from now on; None = no waveform."""
        if self.waveform is None:
            return None
        spindle, _, group = self.waveform.rpartition("/")
        return spindle, group


_command = msgspec.json.Decoder(Command)


def parse_command(text: str) -> Command:
    """Decode a command.

    Parameters
    ----------
    text : str
        A JSON object.

    Returns
    -------
    Command
        Valid.

    Raises
    ------
    WireError
        JSON, but no known command: the message names the place.
    ValueError
        No JSON at all.
    """
    try:
        return _command.decode(text)
    except msgspec.ValidationError as error:
        raise WireError(str(error)) from error
    except (msgspec.DecodeError, UnicodeError) as error:
        raise ValueError(f"not JSON: {error}") from error


class AuthMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is sent first, and only then, by whom the server has asked for a token.

    Parameters
    ----------
    type : {"auth"}
        What it is.
    token : str
        The token.
    """

    type: Literal["auth"]
    token: str


_auth = msgspec.json.Decoder(AuthMessage)


def parse_auth(text: str | bytes) -> str:
    """Decode what is wanted of whoever has to say who it is: ``{"type": "auth", "token": ...}``.

    Parameters
    ----------
    text : str or bytes
        As received.

    Returns
    -------
    str
        What is said to be a token.

    Raises
    ------
    WireError
        Anything else; nothing of it is repeated.
    """
    try:
        return _auth.decode(text).token
    except (msgspec.DecodeError, UnicodeError):
        raise WireError("wanted a token first: a message of type auth") from None


def carries_token(path: str) -> bool:
    """Whether the query of a path holds a token, where it would be kept by every log and history on its way.

    Examples
    --------
    >>> carries_token("/?access%5Ftoken=sw_1"), carries_token("/v1/stream?spindle=token")
    (True, False)
    """
    query = path.partition("?")[2]
    keys = (unquote_plus(pair.partition("=")[0]) for pair in query.split("&"))
    return any(key.strip().lower() in _SECRET_KEYS for key in keys)
