"""CWRU bearing data centre: seeded bearing faults, each spliced behind the healthy recording."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.declared import Bearing, Channel, SensorGroup, Spindle, TeachIn
from engine.errors import RecordingError
from engine.records import Context
from replay.faults import Fault
from replay.importers.drafts import (
    NO_DATE_NOTE,
    NO_DATE_NS,
    Draft,
    Dropped,
    Skipped,
    source_files,
    waveform_pieces,
)
from replay.importers.reading import read_npz

_SOURCE = "Case Western Reserve University Bearing Data Center"
_LICENCE = "none stated; credit CWRU"
_FAULTS = {"IR": "inner_race_fault", "B": "ball_fault", "OR": "outer_race_fault"}
_CHANNELS = {"DE": "vib_de", "FE": "vib_fe", "BA": "vib_ba"}
# As the data centre lists them: 6205-2RS JEM at the drive end, where the faults were seeded,
# 6203-2RS JEM at the fan end.
_BEARINGS = {
    "DE": Bearing(n_elements=9, element_mm=7.940, pitch_mm=39.04),
    "FE": Bearing(n_elements=8, element_mm=6.746, pitch_mm=28.50),
}
# rpm, fault, position of an outer race fault, size in thousandths of an inch, sensor end and rate in kHz.
_FAULT_FILE = re.compile(r"(\d+)_(IR|B|OR)(@\d+)?_(\d+)_(DE|FE)(\d+)")
_HEALTHY_FILE = re.compile(r"(\d+)_Normal")
_HEALTHY_RATE_HZ = 48_000
# Healthy files last about 5.08 s. With windows of 0.2 s every 0.1 s, 38 vectors end at 3.9 s; then more than a
# second of healthy signal is left in which nothing may be alerted.
_TEACH_IN = TeachIn(n_vectors=38)
# Kaiser-windowed low pass for decimation: flat to 0.9, 80 dB down from the new Nyquist frequency on.
_PASS = 0.95
_STOP_DB = 80.0
_WIDTH = 0.1


@dataclass(frozen=True, slots=True)
class _Signal:
    """Channels of one file at one rate."""

    rate_hz: int
    channels: dict[str, NDArray[np.float32]]

    def stack(self, names: list[str]) -> NDArray[np.float32]:
        return np.stack([self.channels[name] for name in names])


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """None."""


def read(source: Path, options: Options) -> Iterator[Draft | Skipped]:  # noqa: ARG001 - every importer takes them
    """Read fault files behind their healthy file, and healthy files alone.

    Parameters
    ----------
    source : Path
        One npz of ``DE``, ``FE`` (and ``BA``), named as ``1797_IR_7_DE12``, or a folder of them. A fault file needs
        ``1797_Normal.npz`` beside it.
    options : Options
        None.

    Yields
    ------
    Draft
        One for each file.

    Raises
    ------
    RecordingError
        A file of another layout or name, or no healthy file for a fault file.
    """
    for name, path in source_files(source, ["*.npz"], "an npz named like 1797_IR_7_DE12.npz"):
        fault, healthy = _FAULT_FILE.fullmatch(path.stem), _HEALTHY_FILE.fullmatch(path.stem)
        if fault:
            yield _spliced(name, path, fault)
        elif healthy:
            yield _healthy(name, path, float(healthy.group(1)))
        else:
            raise RecordingError(
                f"{path}: wanted a name like 1797_IR_7_DE12 or 1797_Normal, got {path.stem!r}"
            )


def _healthy(name: str, path: Path, rpm: float) -> Draft:
    signal = _read(path, _HEALTHY_RATE_HZ)
    names = sorted(signal.channels)
    spindle = _spindle(name, signal.rate_hz, names)
    samples = signal.stack(names)
    return Draft(
        name,
        spindle,
        NO_DATE_NS,
        f"{_SOURCE}, {path.name}",
        _LICENCE,
        samples.shape[1],
        waveform_pieces(spindle.groups[0], NO_DATE_NS, samples),
        contexts=[Context(spindle.name, NO_DATE_NS, rpm=rpm)],
        notes=[NO_DATE_NOTE, "Healthy throughout. The files carry no unit; g is commonly taken."],
        labelled=True,
    )


def _spliced(name: str, path: Path, parts: re.Match[str]) -> Draft:
    rpm, kind, position, size, _, kilohertz = parts.groups()
    faulty = _read(path, int(kilohertz) * 1000)
    healthy_path = path.with_name(f"{rpm}_Normal.npz")
    if not healthy_path.is_file():
        raise RecordingError(
            f"{path}: wanted the healthy recording {healthy_path.name} beside it, found none"
        )
    healthy = _read(healthy_path, _HEALTHY_RATE_HZ)
    n_read = sum(len(next(iter(signal.channels.values()))) for signal in (healthy, faulty))
    healthy, dropped = _at_rate(healthy, faulty.rate_hz, healthy_path)
    names = sorted(healthy.channels.keys() & faulty.channels.keys())
    left_out = sorted(faulty.channels.keys() - set(names))
    if left_out:
        n = len(faulty.channels[left_out[0]]) * len(left_out)
        dropped.append(Dropped(n, "samples", f"channel {', '.join(left_out)}: the healthy file has none"))
    spindle = _spindle(name, faulty.rate_hz, names)
    before, after = healthy.stack(names), faulty.stack(names)
    place = f" at {position[1:]} o'clock" if position else ""
    label = Fault(
        before.shape[1] / faulty.rate_hz, None, _FAULTS[kind], f"0.{int(size):03d} in{place}; spliced"
    )
    return Draft(
        name,
        spindle,
        NO_DATE_NS,
        f"{_SOURCE}, {healthy_path.name} then {path.name}",
        _LICENCE,
        n_read,
        waveform_pieces(spindle.groups[0], NO_DATE_NS, np.concatenate([before, after], axis=1)),
        contexts=[Context(spindle.name, NO_DATE_NS, rpm=float(rpm))],
        faults=[label],
        notes=[
            NO_DATE_NOTE,
            f"Two recordings joined at {label.start_s:.3f} s: the step there is one that any RMS sees. "
            "A smoke test, no benchmark. The files carry no unit; g is commonly taken.",
        ],
        dropped=dropped,
        labelled=True,
    )


def _spindle(name: str, rate_hz: int, channels: list[str]) -> Spindle:
    declared = tuple(Channel(_CHANNELS[channel], "g", bearing=_BEARINGS.get(channel)) for channel in channels)
    return Spindle(
        f"cwru-{name}", (SensorGroup("vibration", "waveform", float(rate_hz), declared),), _TEACH_IN
    )


def _read(path: Path, rate_hz: int) -> _Signal:
    """Read a file; its own rate, where it states one, must be that of its name."""
    arrays = read_npz(path, ["DE", "FE"])
    stated = int(arrays.get("sample_rate_hz", np.array(rate_hz)))
    channels = {name: arrays[name].ravel().astype(np.float32) for name in _CHANNELS if name in arrays}
    lengths = {len(channel) for channel in channels.values()}
    if stated != rate_hz or len(lengths) != 1:
        raise RecordingError(
            f"{path}: wanted channels of one length at {rate_hz} Hz, got lengths {lengths} at {stated} Hz"
        )
    return _Signal(rate_hz, channels)


def _at_rate(signal: _Signal, rate_hz: int, path: Path) -> tuple[_Signal, list[Dropped]]:
    """Decimate by a whole factor, without the ends that the filter has not seen fully."""
    if signal.rate_hz == rate_hz:
        return signal, []
    factor, remainder = divmod(signal.rate_hz, rate_hz)
    if remainder:
        raise RecordingError(f"{path}: wanted a multiple of {rate_hz} Hz, got {signal.rate_hz} Hz")
    from scipy.signal import firwin, kaiserord, resample_poly

    n_taps, beta = kaiserord(_STOP_DB, _WIDTH / factor)
    n_taps |= 1  # odd, so that the delay is a whole number of samples
    taps = firwin(n_taps, _PASS / factor, window=("kaiser", beta))
    n_edge = -(-(n_taps // 2) // factor)
    channels = {
        name: resample_poly(channel.astype(np.float64), 1, factor, window=taps)[n_edge:-n_edge].astype(
            np.float32
        )
        for name, channel in signal.channels.items()
    }
    reason = f"of {path.name}, low-passed and decimated by {factor} to {rate_hz} Hz; both ends left out"
    n_samples = len(next(iter(signal.channels.values())))
    n_kept = len(next(iter(channels.values())))
    return _Signal(rate_hz, channels), [Dropped(n_samples - n_kept, "samples", reason)]
