"""NASA / UC Berkeley milling: currents as sampled, vibration and acoustic emission as RMS envelopes."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from engine.clock import NS_PER_S
from engine.declared import Channel, SensorGroup, Spindle
from engine.errors import RecordingError
from engine.records import Context
from replay.importers.drafts import NO_DATE_NOTE, NO_DATE_NS, Draft, Skipped, source_files, waveform_pieces
from replay.importers.reading import named, read_mat, read_npz

_RATE_HZ = 250.0
_SOURCE = "Agogino and Goebel, milling data set, BEST lab UC Berkeley / NASA Ames, 2007"
_LICENCE = "none stated; citation asked for"
# Field of the source, channel. dc_coupled: a current's and an envelope's mean is information.
_CURRENTS = (("smcAC", "current_ac"), ("smcDC", "current_dc"))
_ENVELOPES = (
    ("vib_table", "vib_table_rms"),
    ("vib_spindle", "vib_spindle_rms"),
    ("AE_table", "ae_table_rms"),
    ("AE_spindle", "ae_spindle_rms"),
)
_GROUPS = tuple(
    SensorGroup(
        name, "waveform", _RATE_HZ, tuple(Channel(channel, "V", dc_coupled=True) for _, channel in fields)
    )
    for name, fields in (("current", _CURRENTS), ("envelope", _ENVELOPES))
)
# Steady cutting, in samples, where no label file says otherwise: 9.984 s to 27.904 s.
_STEADY = (2496, 6976)
_FIELDS = tuple(field for field, _ in _CURRENTS + _ENVELOPES)
_NOTES = (
    NO_DATE_NOTE,
    "Vibration and acoustic emission are RMS envelopes (8 ms) made before sampling: they hold no tooth-passing "
    "frequency. Only the currents are raw. All are sensor volts. Speed is not in the files.",
    "Between entry and exit the cut is steady; only there is cutting marked.",
)


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """None."""


def read(source: Path, options: Options) -> Iterator[Draft | Skipped]:  # noqa: ARG001 - every importer takes them
    """Read cuts.

    Parameters
    ----------
    source : Path
        An npz of one cut (``case01_run02.npz``), ``mill.mat``, or a folder; the steady part is looked up in a csv
        with ``window_start`` and ``window_end`` beside the file.
    options : Options
        None.

    Yields
    ------
    Draft or Skipped
        One for each cut; cuts that an npz gave are not taken again from the mat.

    Raises
    ------
    RecordingError
        A file of another layout.
    """
    seen: set[str] = set()
    found = source_files(source, ["*.npz", "*.mat"], "an npz of a cut, or mill.mat")
    for _, path in sorted(found, key=lambda item: item[1].suffix == ".mat"):
        cuts = _cuts_of_mat(path) if path.suffix == ".mat" else [(path.stem, read_npz(path, _FIELDS))]
        new = [(name, cut) for name, cut in cuts if name not in seen]
        if not new:
            yield Skipped(path, "holds the same cuts as other files")
        for name, cut in new:
            seen.add(name)
            yield _draft(name, path, cut)


def _cuts_of_mat(path: Path) -> list[tuple[str, dict[str, Any]]]:
    mill = read_mat(path, ["mill"])["mill"]
    with named(path, f"a struct array `mill` of case, run, {', '.join(_FIELDS)}"):
        cuts = [mill] if isinstance(mill, dict) else list(mill)
        return [(f"case{int(cut['case']):02d}_run{int(cut['run']):02d}", cut) for cut in cuts]


def _draft(name: str, path: Path, cut: dict[str, Any]) -> Draft:
    with named(path, f"{', '.join(_FIELDS)} of equal length"):
        arrays = {field: np.asarray(cut[field], np.float32).ravel() for field in _FIELDS}
        samples = [np.stack([arrays[field] for field, _ in fields]) for fields in (_CURRENTS, _ENVELOPES)]
    rate_hz = float(cut.get("sample_rate_hz", _RATE_HZ))
    if rate_hz != _RATE_HZ or samples[0].shape != (2, samples[1].shape[1]):
        raise RecordingError(f"{path}: wanted channels of one length at {_RATE_HZ:g} Hz, got {rate_hz:g} Hz")
    spindle = Spindle(f"nasa_milling-{name}", _GROUPS)
    wear_mm = float(np.asarray(cut.get("vb_mm", cut.get("VB", np.nan))))
    steady = tuple(NO_DATE_NS + round(n * NS_PER_S / _RATE_HZ) for n in _steady(path, name))
    pieces = [
        waveform_pieces(group, NO_DATE_NS, array) for group, array in zip(_GROUPS, samples, strict=True)
    ]
    return Draft(
        name,
        spindle,
        NO_DATE_NS,
        f"{_SOURCE}, {path.name}",
        _LICENCE,
        samples[0].shape[1],
        chain.from_iterable(zip(*pieces, strict=True)),
        contexts=[
            Context(spindle.name, NO_DATE_NS, section="entry"),
            Context(spindle.name, steady[0], section="steady", cutting=True),
            Context(spindle.name, steady[1], section="exit"),
        ],
        notes=[
            "Flank wear not measured." if np.isnan(wear_mm) else f"Flank wear {wear_mm:g} mm.",
            *_NOTES,
        ],
        labelled=True,
    )


def _steady(path: Path, name: str) -> tuple[int, int]:
    """First and last sample of the steady part of a cut."""
    for file in sorted(path.parent.glob("*label*.csv")):
        with named(file, "a table of case, run, window_start, window_end"):
            with file.open(encoding="utf-8", newline="") as lines:
                rows = list(csv.DictReader(lines))
            for row in rows:
                if name == f"case{int(row['case']):02d}_run{int(row['run']):02d}":
                    return int(row["window_start"]), int(row["window_end"])
    return _STEADY
