"""The ``--fault`` option as ``simulate`` and ``inject`` share it: which fault, from when to when, how bad."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from engine.errors import UsageError

MOST_SEVERE = 10.0
"""Largest severity; 1.0 = moderate."""

_OPTION = re.compile(r"(?P<fault>\w+)@(?P<start>[0-9.]+)(?:-(?P<end>[0-9.]+))?(?::(?P<rest>.+))?")


class FaultOption(NamedTuple):
    """One ``--fault`` option, read.

    Parameters
    ----------
    fault : str
        One of those known.
    start_s : float
        Seconds, 0 or more.
    end_s : float or None
        After the start; None if it was left out.
    spindle : str or None
        None where no spindle was wanted.
    severity : float
        Above 0, at most `MOST_SEVERE`; 1.0 if it was left out.
    """

    fault: str
    start_s: float
    end_s: float | None
    spindle: str | None
    severity: float


def read_fault_option(text: str, known: Sequence[str], *, with_spindle: bool) -> FaultOption:
    """Read ``FAULT@START[-END][:SPINDLE][:SEVERITY]``.

    Parameters
    ----------
    text : str
        Such as ``chatter@12.5:2``, or with a spindle ``tool_wear@20-80:M2:0.5``.
    known : sequence of str
        Names of faults.
    with_spindle : bool
        Whether a spindle must be named; else none may be.

    Returns
    -------
    FaultOption
        Valid in itself.

    Raises
    ------
    UsageError
        Naming what was got and what was wanted.

    Examples
    --------
    >>> read_fault_option("tool_wear@20-80:M2:0.5", ["tool_wear"], with_spindle=True)
    FaultOption(fault='tool_wear', start_s=20.0, end_s=80.0, spindle='M2', severity=0.5)
    """
    match = _OPTION.fullmatch(text.strip())
    rest = match["rest"].split(":") if match is not None and match["rest"] is not None else []
    if match is None or not with_spindle <= len(rest) <= with_spindle + 1 or not all(rest):
        form, example = ("[:SEVERITY]", "chatter@30:0.5")
        if with_spindle:
            form, example = (":SPINDLE[:SEVERITY]", "chatter@30:M1")
        raise UsageError(f"--fault {text!r}: wanted FAULT@START[-END]{form}, such as {example}")
    if match["fault"] not in known:
        raise UsageError(
            f"--fault {text!r}: unknown fault {match['fault']!r}, wanted one of {', '.join(known)}"
        )
    start_s = _number(text, "START", match["start"])
    end_s = None if match["end"] is None else _number(text, "END", match["end"])
    severity = _number(text, "SEVERITY", rest[-1]) if len(rest) > with_spindle else 1.0
    if end_s is not None and end_s <= start_s:
        raise UsageError(f"--fault {text!r}: END must be after START = {start_s:g}, got {end_s:g}")
    if not 0.0 < severity <= MOST_SEVERE:
        raise UsageError(
            f"--fault {text!r}: SEVERITY must be above 0 and at most {MOST_SEVERE:g}, got {severity:g}"
        )
    return FaultOption(match["fault"], start_s, end_s, rest[0] if with_spindle else None, severity)


def _number(text: str, what: str, digits: str) -> float:
    try:
        return float(digits)
    except ValueError:
        raise UsageError(f"--fault {text!r}: {what} must be a number, got {digits!r}") from None
