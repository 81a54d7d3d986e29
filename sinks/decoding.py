"""Reading back what another process wrote as JSON: strictly, and with NaN where it says null."""

from __future__ import annotations

import math
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from engine.errors import WireError
from engine.verdicts import Reason

T = TypeVar("T")

Time = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
"""Whatever fits into 64 bits: a journal holds no more."""
Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Part of a message: every key is there, and no other."""


class ReasonMessage(Message, frozen=True):
    """One feature's part in a score; null where nothing is known.

    Parameters
    ----------
    feature : str
        `channel.feature`.
    value, expected : float
        What was measured and what was expected, in `unit`.
    low, high : float
        Bounds of what is normal.
    unit : str
        Empty if it has none.
    share : float
        Part of the score, 0 to 1.
    contribution : float
        `share` times the score.
    """

    feature: str
    value: float | None
    expected: float | None
    low: float | None
    high: float | None
    unit: str
    share: float | None
    contribution: float | None

    def reason(self) -> Reason:
        """Return the record."""
        return Reason(
            self.feature,
            or_nan(self.value),
            or_nan(self.expected),
            or_nan(self.low),
            or_nan(self.high),
            self.unit,
            or_nan(self.share),
            or_nan(self.contribution),
        )


def or_nan(value: float | None) -> float:
    """Return a number that may be missing: NaN means "cannot say"."""
    return math.nan if value is None else value


def read_json(decoder: msgspec.json.Decoder[T], data: bytes, what: str) -> T:
    """Decode a message.

    Parameters
    ----------
    decoder : msgspec.json.Decoder
        Of its type.
    data : bytes
        Whatever came.
    what : str
        What it should be, for the error.

    Returns
    -------
    T
        Valid.

    Raises
    ------
    WireError
        It is something else; says where.
    """
    try:
        return decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise WireError(f"{what}: {error}") from error
