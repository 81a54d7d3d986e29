"""What an MTConnect agent answers: Streams and Error documents of any version, 1.0 to 2.x. No input or output.

The standard's schemas change with every version and adapters add elements of their own, so only the shape that all of
them share is read: a header, and elements with ``dataItemId``, ``timestamp`` and a value (MTConnect Part 2 and 3,
*Streams Information Model*). Names are taken without their namespace. Conditions are left out: they are the machine's
own alarms, and nothing here judges by them.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple
from xml.parsers import expat

from engine.clock import NS_PER_S
from engine.errors import SpindlewatchError

UNAVAILABLE = "UNAVAILABLE"
_MAX_DEPTH = 32
_MAX_OBSERVATIONS = 100_000
_MAX_VALUE_CHARACTERS = 2**22  # a long time series
_SERIES, _SETS = "TimeSeries", ("DataSet", "Table")
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,12}))?(Z|[+-]\d\d:?\d\d)?")
_LAST_NS = 2**63 - 1


class DocumentError(SpindlewatchError):
    """Bytes from an agent that are no Streams or Error document."""


class Observation(NamedTuple):
    """One value of one data item.

    Parameters
    ----------
    device : tuple of str
        Name and uuid of the device.
    component : tuple of str
        Kind and name, such as ``Rotary`` and ``C``.
    item : str
        ``dataItemId``: unique within the device.
    name : str
        Of the data item; empty if it has none.
    kind, sub_kind : str
        Such as ``RotaryVelocity`` and ``ACTUAL``; the second is empty if there is none.
    t_ns : int
        By the device or its adapter; of the last value of a series.
    sequence : int
        Its place in the agent's buffer.
    value : str
        As it stands in the document; ``UNAVAILABLE`` = unknown.
    is_series : bool
        A time series: many numbers in ``value``.
    rate_hz : float
        Of a series, where the document states it; else NaN.
    """

    device: tuple[str, str]
    component: tuple[str, str]
    item: str
    name: str
    kind: str
    sub_kind: str
    t_ns: int
    sequence: int
    value: str
    is_series: bool
    rate_hz: float


@dataclass(frozen=True, slots=True)
class Document:
    """One answer of an agent.

    Parameters
    ----------
    instance : str
        Another one than before: the agent was restarted and its numbers begin anew.
    first, following : int
        Sequence numbers: the oldest that the agent still holds, and the one to ask for next; 0 in an error.
    created_ns : int or None
        By the agent's clock; None where it cannot be read.
    observations : tuple of Observation
        In the order of their sequence numbers.
    errors : tuple of str
        Codes such as ``OUT_OF_RANGE``; empty in a Streams document.
    n_unusable : int
        Observations without an identifier or a readable time; left out.
    """

    instance: str
    first: int
    following: int
    created_ns: int | None
    observations: tuple[Observation, ...]
    errors: tuple[str, ...]
    n_unusable: int


def read_document(data: bytes) -> Document:
    """Read a Streams or Error document.

    Parameters
    ----------
    data : bytes
        XML, whole. How long it may be is the caller's to say.

    Returns
    -------
    Document
        What it holds.

    Raises
    ------
    DocumentError
        No well-formed XML, one with a document type (so no entities can be declared), too deep, too many observations,
        another document than Streams and Error, or a Streams document without its numbers.
    """
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = reader.refuse
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, ValueError, LookupError) as error:  # the last two: encodings nobody knows
        raise DocumentError(f"got no well-formed XML: {error}") from error
    return reader.document()


def time_ns(text: str) -> int | None:
    """Read a time stamp of ISO 8601, to the nanosecond; one without a zone is UTC, as the standard wants.

    Parameters
    ----------
    text : str
        As in ``timestamp`` and ``creationTime``.

    Returns
    -------
    int or None
        UTC nanoseconds, greater than 0; None if it cannot be read.

    Examples
    --------
    >>> time_ns("2023-11-14T22:13:20.123456789Z")
    1700000000123456789
    >>> time_ns("2023-11-14T23:13:20+01:00")
    1700000000000000000
    >>> time_ns("yesterday")
    """
    found = _TIME.fullmatch(text.strip())
    if found is None:
        return None
    seconds, fraction, zone = found.groups()
    try:
        moment = datetime.fromisoformat(seconds + ("+00:00" if zone in (None, "Z") else zone))
    except ValueError:
        return None
    whole = round((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())
    t_ns = whole * NS_PER_S + int((fraction or "0").ljust(9, "0")[:9])
    return t_ns if 0 < t_ns <= _LAST_NS else None


class _Reader:
    """Handlers of the parser: keeps what is needed of the path, no tree."""

    def __init__(self) -> None:
        self._depth = 0
        self._root = ""
        self._header: dict[str, str] = {}
        self._device = self._component = ("", "")
        self._kind = ""
        self._attributes: dict[str, str] | None = None  # of the observation that is open
        self._parts: list[str] = []
        self._n_characters = 0
        self._observations: list[Observation] = []
        self._errors: list[str] = []
        self._n_unusable = 0

    def refuse(self, *_args: object) -> None:
        raise DocumentError("got XML with a document type, wanted none: entities are not expanded")

    def start(self, full_name: str, attributes: dict[str, str]) -> None:
        name = full_name.rpartition(" ")[2]
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise DocumentError(f"got XML nested deeper than {_MAX_DEPTH}")
        if self._depth == 1:
            self._root = name
        elif name == "Header" and self._depth == 2:
            self._header = attributes
        elif name == "DeviceStream":
            self._device = attributes.get("name", ""), attributes.get("uuid", "")
        elif name == "ComponentStream":
            self._component = attributes.get("component", ""), attributes.get("name", "")
        elif "errorCode" in attributes:
            self._errors.append(attributes["errorCode"][:100])
        elif "dataItemId" in attributes and self._attributes is None:
            self._kind, self._attributes = name, attributes
            self._parts, self._n_characters = [], 0

    def text(self, text: str) -> None:
        if self._attributes is None:
            return
        self._n_characters += len(text)
        if self._n_characters > _MAX_VALUE_CHARACTERS:
            raise DocumentError(f"got a value of more than {_MAX_VALUE_CHARACTERS} characters")
        self._parts.append(text)

    def end(self, full_name: str) -> None:
        self._depth -= 1
        if self._attributes is not None and full_name.rpartition(" ")[2] == self._kind:
            attributes, self._attributes = self._attributes, None
            # A condition, or a set of keys with values: no single value.
            if self._kind not in ("Normal", "Warning", "Fault", "Unavailable") and not self._kind.endswith(
                _SETS
            ):
                self._observe(attributes)

    def document(self) -> Document:
        header = self._header
        if self._root not in ("MTConnectStreams", "MTConnectError"):
            raise DocumentError(f"got <{self._root[:100]}>, wanted <MTConnectStreams> or <MTConnectError>")
        is_error = self._root == "MTConnectError"
        first, following = _number(header.get("firstSequence")), _number(header.get("nextSequence"))
        if not is_error and (following is None or not header.get("instanceId")):
            raise DocumentError("got a header without instanceId or nextSequence")
        return Document(
            instance=header.get("instanceId", "")[:100],
            first=first or 0,
            following=following or 0,
            created_ns=time_ns(header.get("creationTime", "")),
            observations=tuple(sorted(self._observations, key=lambda observation: observation.sequence)),
            errors=tuple(self._errors or ["UNKNOWN"]) if is_error else (),
            n_unusable=self._n_unusable,
        )

    def _observe(self, attributes: dict[str, str]) -> None:
        t_ns, sequence = time_ns(attributes.get("timestamp", "")), _number(attributes.get("sequence"))
        if t_ns is None or sequence is None:
            self._n_unusable += 1
            return
        if len(self._observations) >= _MAX_OBSERVATIONS:
            raise DocumentError(f"got more than {_MAX_OBSERVATIONS} observations")
        is_series = self._kind.endswith(_SERIES)
        self._observations.append(
            Observation(
                self._device,
                self._component,
                attributes["dataItemId"],
                attributes.get("name", ""),
                self._kind.removesuffix(_SERIES),
                attributes.get("subType", ""),
                t_ns,
                sequence,
                "".join(self._parts).strip(),
                is_series,
                finite(attributes.get("sampleRate", "")),
            )
        )


def finite(text: str) -> float:
    """Read a finite number; NaN if it is none.

    Examples
    --------
    >>> finite(" 12.5 "), finite("UNAVAILABLE"), finite("1e999")
    (12.5, nan, nan)
    """
    try:
        value = float(text)
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan


def _number(text: str | None) -> int | None:
    """Read a sequence number: an unsigned integer of 64 bits."""
    if text is None or not (text.isascii() and text.isdigit() and len(text) <= 20):
        return None
    return int(text)
