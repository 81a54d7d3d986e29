"""Von Hahn's industrial lathe: currents and powers of two spindles at 1 kHz, with tool number and cut signal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.clock import NS_PER_S
from engine.declared import Channel, SensorGroup, Spindle
from engine.errors import RecordingError
from engine.records import Context
from replay.importers.drafts import Draft, Dropped, Piece, Skipped, source_files, waveform_pieces
from replay.importers.reading import named, parse_time_ns, read_mat, read_npz

_NS_PER_MS = NS_PER_S // 1000
_RATE_HZ = 1000.0
_SOURCE = "von Hahn, Tool-Wear-Files, industrial lathe"
_LICENCE = "repository MIT; data not licensed separately"
# Name in the npz, name in the mat, unit.
_SIGNALS = (
    ("current_main_spindle", "Current_MainSpindle", "counts"),
    ("current_sub_spindle", "Current_SubSpindle", "counts"),
    ("power_main_spindle", "Power_MainSpindle", ""),
    ("power_sub_spindle", "Power_SubSpindle", ""),
    ("position_error_x", "Psition_ERR_X", ""),
    ("position_error_z", "Psition_ERR_Z", ""),
)
_OTHERS = (
    ("t_ms", "Time"),
    ("speed_main_spindle_rpm", "Speed_MainSpindle"),
    ("speed_sub_spindle_rpm", "Speed_SubSpindle"),
    ("tool_number", "TOOL_Number"),
    ("cut_signal", "CUT_Signal"),
)
_SPEEDS = ("speed_main_spindle_rpm", "speed_sub_spindle_rpm")
_GROUP = SensorGroup(
    "drives", "waveform", _RATE_HZ, tuple(Channel(name, unit, dc_coupled=True) for name, _, unit in _SIGNALS)
)
# Facing and boring keep the cutting speed by changing the spindle's speed all the time; a context for every
# sample would say no more than one for every change that matters.
_RPM_STEP = 20.0
_RPM_STEP_PART = 0.02
_NOTES = (
    "No condition is labelled: good for gating by tool and cut and for counting alerts, not for detection.",
    "Currents are raw counts; the units of power and position error are not given.",
    f"Context: tool number, cut signal, and the speed of the faster of its two spindles wherever it has moved by more "
    f"than {_RPM_STEP:g} rpm and {100 * _RPM_STEP_PART:g} %: mostly one turns and the other stands.",
)


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """None."""


def read(source: Path, options: Options) -> Iterator[Draft | Skipped]:  # noqa: ARG001 - every importer takes them
    """Read recordings.

    Parameters
    ----------
    source : Path
        The npz, the original mat, or a folder of such files.
    options : Options
        None.

    Yields
    ------
    Draft or Skipped
        One for each recording; one that began when another did is the same in another format.

    Raises
    ------
    RecordingError
        A file of another layout.
    """
    seen: set[int] = set()
    found = source_files(source, ["*.npz", "*.mat"], "a lathe npz or mat")
    for name, path in sorted(found, key=lambda item: item[1].suffix == ".mat"):
        started, arrays = _read(path)
        start_ns = parse_time_ns(path, started, "%d-%b-%Y %H:%M:%S")
        if start_ns in seen:
            yield Skipped(path, "began when another file did: the same recording in another format")
            continue
        seen.add(start_ns)
        yield _draft(name, path, start_ns, arrays)


def _read(path: Path) -> tuple[str, dict[str, NDArray[Any]]]:
    """Time of the start, and the arrays by their names in the npz."""
    names = {npz: mat for npz, mat, _ in _SIGNALS} | dict(_OTHERS)
    if path.suffix == ".npz":
        arrays = read_npz(path, [*names, "started"])
        return str(arrays["started"]), arrays
    variables = read_mat(path, [*names.values(), "TimeStamp"])
    with named(path, "vectors"):
        return str(variables["TimeStamp"]), {
            npz: np.asarray(variables[mat]).ravel() for npz, mat in names.items()
        }


def _draft(name: str, path: Path, start_ns: int, arrays: dict[str, NDArray[Any]]) -> Draft:
    t_ms = arrays["t_ms"].astype(np.int64)
    lengths = {
        len(arrays[key]) for key in (*(signal for signal, _, _ in _SIGNALS), *(key for key, _ in _OTHERS))
    }
    if len(lengths) != 1 or not t_ms.size:
        raise RecordingError(f"{path}: wanted vectors of one length, got lengths {sorted(lengths)}")
    samples = np.stack([arrays[signal].astype(np.float32) for signal, _, _ in _SIGNALS])
    spindle = Spindle(f"lathe-{name}", (_GROUP,))
    return Draft(
        name,
        spindle,
        start_ns,
        f"{_SOURCE}, {path.name}",
        _LICENCE,
        t_ms.size,
        _pieces(start_ns, t_ms, samples),
        contexts=list(_contexts(spindle.name, start_ns, t_ms, arrays)),
        notes=_NOTES,
        dropped=[Dropped(t_ms.size, "samples", "of the slower spindle's speed: a context has one")],
    )


def _pieces(start_ns: int, t_ms: NDArray[np.int64], samples: NDArray[np.float32]) -> Iterator[Piece]:
    """Give unbroken stretches; a missing millisecond begins another."""
    breaks = np.flatnonzero(np.diff(t_ms) != 1) + 1
    for stretch in np.split(np.arange(t_ms.size), breaks):
        first = int(stretch[0])
        stretch_ns = start_ns + int(t_ms[first] - t_ms[0]) * _NS_PER_MS
        yield from waveform_pieces(_GROUP, stretch_ns, samples[:, first : first + stretch.size])


def _contexts(
    spindle: str, start_ns: int, t_ms: NDArray[np.int64], arrays: dict[str, NDArray[Any]]
) -> Iterator[Context]:
    """Give a context wherever tool or cut changes, or the speed has moved far enough."""
    tool, cut = arrays["tool_number"].astype(np.int64), arrays["cut_signal"].astype(np.int64)
    speed = np.maximum(*(np.abs(arrays[key].astype(np.float64)) for key in _SPEEDS))
    changed = np.flatnonzero((np.diff(tool) != 0) | (np.diff(cut) != 0) | (np.diff(speed) != 0)) + 1
    told: tuple[int, int] | None = None
    told_rpm = 0.0
    for index in np.concatenate(([0], changed)).tolist():
        now, rpm = (int(tool[index]), int(cut[index])), float(speed[index])
        step = abs(rpm - told_rpm)
        if now == told and step <= max(_RPM_STEP, _RPM_STEP_PART * abs(told_rpm)):
            continue
        told, told_rpm = now, rpm
        t_ns = start_ns + int(t_ms[index] - t_ms[0]) * _NS_PER_MS
        yield Context(spindle, t_ns, tool=f"T{now[0]}", rpm=rpm, cutting=bool(now[1]))
