"""What is brought to a target, by what, and how that may fail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

import orjson

from engine.clock import to_datetime
from engine.errors import ConfigError, SpindlewatchError
from engine.verdicts import Alert
from sinks.journal import Entry


class AwayError(SpindlewatchError):
    """The target cannot be reached, or lets nobody in: whatever it is brought, it is tried again.

    Parameters
    ----------
    told : str
        What happened, without secrets.
    after_s : float
        It asked not to be tried before.
    """

    def __init__(self, told: str, after_s: float = 0.0) -> None:
        super().__init__(told)
        self.after_s = after_s


class RefusedError(SpindlewatchError):
    """The target was reached and did not take this alert: after some tries it is given up."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One alert message on its way.

    Parameters
    ----------
    entry : Entry
        As journaled.
    alert : Alert
        The same, read.
    epoch : str
        Of the journal.
    is_test : bool
        Somebody wants to see whether it arrives.
    """

    entry: Entry
    alert: Alert
    epoch: str
    is_test: bool = False

    @property
    def key(self) -> str:
        """``id|state|t_ns``: the same however often it is brought, and from whatever journal: it can be recognised."""
        return f"{self.alert.id}|{self.alert.state}|{self.alert.t_ns}"


class Courier(Protocol):
    """Brings alerts to one target. Of one thread, but for `abort`."""

    def bring(self, delivery: Delivery, note: str | None) -> str:
        """Bring one alert message; it has arrived when this returns.

        Parameters
        ----------
        delivery : Delivery
            What.
        note : str or None
            What was returned for this alert's last message that arrived; None: none did.

        Returns
        -------
        str
            What to remember of the alert while it is open.

        Raises
        ------
        AwayError, RefusedError
            It may or may not have arrived.
        """
        ...

    @property
    def repeat_s(self) -> float | None:
        """So often the open alerts are brought again; None = never."""
        ...

    def repeat(self, deliveries: Sequence[tuple[Delivery, str]]) -> None:
        """Bring what is open again, each with what was remembered of it; raises as `bring`."""
        ...

    def abort(self) -> None:
        """End what is under way, if that can be done. Any thread."""
        ...

    def close(self) -> None:
        """End the connection."""
        ...


class Plain:
    """The parts of a courier that most do not need."""

    repeat_s: float | None = None

    def repeat(self, deliveries: Sequence[tuple[Delivery, str]]) -> None:
        """Do nothing."""

    def abort(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


def cloud_event(delivery: Delivery, prefix: str) -> bytes:
    """Write an alert as a CloudEvent 1.0 in the structured JSON format.

    Parameters
    ----------
    delivery : Delivery
        What.
    prefix : str
        Of the service's keys in Redis: which shop it is.

    Returns
    -------
    bytes
        UTF-8 JSON; the same bytes for the same message of the same journal. ``source`` and ``id`` together are unique.
    """
    alert = delivery.alert
    event = {
        "specversion": "1.0",
        "id": delivery.key,
        "source": f"/{quote(prefix, safe='')}/{quote(alert.spindle, safe='')}",
        "type": "spindlewatch.test" if delivery.is_test else f"spindlewatch.alert.{alert.state}",
        "subject": alert.spindle,
        "time": rfc3339(alert.t_ns),
        "datacontenttype": "application/json",
        "epoch": delivery.epoch,
        "seq": delivery.entry.seq,
        "data": orjson.Fragment(delivery.entry.json),
    }
    return orjson.dumps(event)


def rfc3339(t_ns: int, after_s: float = 0.0) -> str:
    """Write a time as RFC 3339, in UTC.

    Parameters
    ----------
    t_ns : int
        UTC nanoseconds.
    after_s : float
        Added.

    Examples
    --------
    >>> rfc3339(1_700_000_000_123_456_789)
    '2023-11-14T22:13:20.123456Z'
    """
    return (to_datetime(t_ns) + timedelta(seconds=after_s)).isoformat(timespec="microseconds")[:-6] + "Z"


def first_line(path: str, key: str) -> str:
    """Read a secret; it shows in no error.

    Parameters
    ----------
    path : str
        Of its file.
    key : str
        Under which the path is configured.

    Returns
    -------
    str
        Printable ASCII.

    Raises
    ------
    ConfigError
        There is none.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror} - at `{key}`") from None
    except UnicodeDecodeError:
        lines = []  # the error's words may repeat the file's bytes
    line = lines[0].strip() if lines else ""
    if not line or not line.isascii() or not line.isprintable():
        raise ConfigError(f"{path}: wanted printable ASCII in its first line - at `{key}`")
    return line
