"""What can go wrong in the simulated shop, and how to order it on the command line."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from engine.errors import UsageError
from replay.fault_option import read_fault_option


class FaultKind(StrEnum):
    """Faults the simulator knows; the value is the label in ``faults.csv``."""

    TOOL_WEAR = "tool_wear"  # forces and their noise grow with the wear land
    TOOL_BREAKAGE = "tool_breakage"  # one edge is gone: the next tooth cuts for two, once per revolution
    MISSING_TOOL = "missing_tool"  # nothing, or only a share, is engaged while the controller says cutting
    CHATTER = "chatter"  # a tone that is no spindle order grows to its limit cycle while the tool cuts
    COLLISION = "collision"  # a blow, the drive at its limit, then a spindle that runs out
    BEARING = "bearing"  # outer race damaged: an impact at every ball passing (BPFO)
    BEARING_INNER = "bearing_inner"  # inner race: impacts at BPFI, strongest once per revolution
    BEARING_BALL = (
        "bearing_ball"  # a ball: impacts at twice BSF as it meets both races, strongest once per FTF
    )
    IMBALANCE = "imbalance"  # a tool sits badly: the line once per revolution is there at once, and stays
    SENSOR_DROPOUT = "sensor_dropout"  # the accelerometer's blocks do not arrive
    SENSOR_FLAT_LINE = "sensor_flat_line"  # vib_x repeats one value
    SENSOR_DRIFT = "sensor_drift"  # gain of vib_x and zero of current_u wander


# Only a tool in the cut can break, wear, chatter or be missed; a collision is planned there too, where it is hardest
# to see.
NEEDS_CUT = frozenset(
    {
        FaultKind.TOOL_WEAR,
        FaultKind.TOOL_BREAKAGE,
        FaultKind.MISSING_TOOL,
        FaultKind.CHATTER,
        FaultKind.COLLISION,
    }
)
BEARINGS = frozenset({FaultKind.BEARING, FaultKind.BEARING_INNER, FaultKind.BEARING_BALL})
GRADUAL = BEARINGS | {FaultKind.TOOL_WEAR, FaultKind.SENSOR_DRIFT}
LASTING = GRADUAL | {FaultKind.IMBALANCE}  # whether they grow or not: such faults outlast a part


@dataclass(frozen=True, slots=True)
class PlannedFault:
    """A fault that will happen.

    Parameters
    ----------
    spindle : str
        Where.
    fault : FaultKind
        What.
    start_s, end_s : float
        Since the start of the simulation. Gradual faults grow from nothing to their full severity in between.
    severity : float
        1.0 = clearly visible to a machinist; greater than 0. Of a missing tool or a broken edge: the share that is
        gone, at most 1.
    note : str
        For people.
    tool : str
        Which tool wears; empty = every tool. Other faults do not ask.
    """

    spindle: str
    fault: FaultKind
    start_s: float
    end_s: float
    severity: float = 1.0
    note: str = ""
    tool: str = ""

    def growth(self, at_s: float) -> float:
        """Share of the full severity reached at ``at_s``: 0 before the start, 1 from the end on."""
        return min(max((at_s - self.start_s) / (self.end_s - self.start_s), 0.0), 1.0)


@dataclass(frozen=True, slots=True)
class FaultOrder:
    """A fault as asked for, before the program says when it can begin and must end.

    Parameters
    ----------
    fault : FaultKind
        What.
    at_s : float
        Not before.
    until_s : float or None
        None = as long as such a fault usually lasts.
    spindle : str
        Where.
    severity : float
        As in `PlannedFault`.
    """

    fault: FaultKind
    at_s: float
    until_s: float | None
    spindle: str
    severity: float


_LATEST_S = 86_400.0  # programs are walked through to find the cut, so not at any distance


def parse_fault(text: str) -> FaultOrder:
    """Read one ``--fault`` option: ``FAULT@START[-END]:SPINDLE[:SEVERITY]``, times in seconds.

    Parameters
    ----------
    text : str
        Such as ``tool_breakage@30:M1`` or ``tool_wear@20-80:M2:0.5``.

    Returns
    -------
    FaultOrder
        Valid in itself; whether the spindle exists is for the plan to say.

    Raises
    ------
    UsageError
        Naming what was got and what was wanted.

    Examples
    --------
    >>> parse_fault("chatter@12.5:M3:2").severity
    2.0
    >>> parse_fault("flood@30:M1")
    Traceback (most recent call last):
        ...
    engine.errors.UsageError: --fault 'flood@30:M1': unknown fault 'flood', wanted one of tool_wear, ...
    """
    option = read_fault_option(text, list(FaultKind), with_spindle=True)
    if option.start_s > _LATEST_S:
        raise UsageError(f"--fault {text!r}: START must be at most {_LATEST_S:g} s, got {option.start_s:g} s")
    assert option.spindle is not None
    return FaultOrder(FaultKind(option.fault), option.start_s, option.end_s, option.spindle, option.severity)
