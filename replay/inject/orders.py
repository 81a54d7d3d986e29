"""What can be injected into a recording, and how to order it on the command line."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from engine.errors import UsageError
from replay.fault_option import MOST_SEVERE, read_fault_option


class Injection(StrEnum):
    """Faults that can be superposed on a healthy recording; the value is the label in ``faults.csv``."""

    COLLISION = "collision"
    TOOL_BREAKAGE = "tool_breakage"
    MISSING_TOOL = "missing_tool"
    CHATTER = "chatter"
    BEARING = "bearing"  # outer race
    BEARING_INNER = "bearing_inner"
    IMBALANCE = "imbalance"
    TOOL_WEAR = "tool_wear"
    SENSOR_FLAT_LINE = "sensor_flat_line"
    SENSOR_DROPOUT = "sensor_dropout"
    SENSOR_DRIFT = "sensor_drift"
    SENSOR_CLIPPING = "sensor_clipping"


# Only a tool in the cut can break, chatter, wear or be missed.
IN_THE_CUT = frozenset(
    {Injection.TOOL_BREAKAGE, Injection.MISSING_TOOL, Injection.CHATTER, Injection.TOOL_WEAR}
)
BEARINGS = frozenset({Injection.BEARING, Injection.BEARING_INNER})


@dataclass(frozen=True, slots=True)
class Order:
    """A fault as asked for.

    Parameters
    ----------
    kind : Injection
        What.
    start_s : float
        Seconds from the recording's start; what needs a cut begins with the first cut from then on.
    end_s : float or None
        None = as long as such a fault usually lasts.
    severity : float
        1.0 = moderate, as the model of each kind says; above 0, at most 10.
    """

    kind: Injection
    start_s: float
    end_s: float | None = None
    severity: float = 1.0


def parse_order(text: str) -> Order:
    """Read one ``--fault`` option: ``FAULT@START[-END][:SEVERITY]``, times in seconds.

    Parameters
    ----------
    text : str
        Such as ``chatter@30`` or ``tool_wear@20-80:0.5``.

    Returns
    -------
    Order
        Valid in itself; whether a recording can carry it is for `replay.inject.write.inject` to say.

    Raises
    ------
    UsageError
        Naming what was got and what was wanted.

    Examples
    --------
    >>> parse_order("chatter@12.5:2").severity
    2.0
    >>> parse_order("flood@30")
    Traceback (most recent call last):
        ...
    engine.errors.UsageError: --fault 'flood@30': unknown fault 'flood', wanted one of collision, ...
    """
    option = read_fault_option(text, list(Injection), with_spindle=False)
    return Order(Injection(option.fault), option.start_s, option.end_s, option.severity)


def parse_kinds(text: str | None) -> tuple[Injection, ...]:
    """Read kinds of fault separated by commas; None = all that a bench asks for.

    Wear is left out of those, for it is judged by tool lives; drift too, for a baseline is meant to follow it.

    Raises
    ------
    UsageError
        An unknown one.

    Examples
    --------
    >>> parse_kinds("chatter, bearing")
    (<Injection.CHATTER: 'chatter'>, <Injection.BEARING: 'bearing'>)
    """
    if text is None:
        return tuple(k for k in Injection if k not in (Injection.TOOL_WEAR, Injection.SENSOR_DRIFT))
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in list(Injection):
            raise UsageError(f"--faults: unknown fault {name!r}, wanted some of {', '.join(Injection)}")
    return tuple(Injection(name) for name in names)


def parse_severities(text: str) -> tuple[float, ...]:
    """Read severities separated by commas.

    Raises
    ------
    UsageError
        One that is no number above 0 and at most 10.

    Examples
    --------
    >>> parse_severities("0.5,1")
    (0.5, 1.0)
    """
    try:
        severities = tuple(float(part) for part in text.split(","))
    except ValueError:
        severities = (0.0,)
    if not all(0.0 < severity <= MOST_SEVERE for severity in severities):
        raise UsageError(
            f"--severities: got {text!r}, wanted numbers above 0, at most {MOST_SEVERE:g}: 0.5,1,2"
        )
    return severities
