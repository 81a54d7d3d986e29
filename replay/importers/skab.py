"""SKAB: a water-pump rig at about 1 Hz, with labelled anomalies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.clock import NS_PER_S
from engine.declared import Channel, SensorGroup, Spindle, TeachIn
from replay.faults import Fault
from replay.importers.drafts import Draft, Dropped, Skipped, forward_rows, scalar_pieces, source_files
from replay.importers.reading import numbers, read_csv, timestamps_ns

# Column, channel, unit.
_COLUMNS = (
    ("Accelerometer1RMS", "accelerometer1_rms", "g"),
    ("Accelerometer2RMS", "accelerometer2_rms", "g"),
    ("Current", "current", "A"),
    ("Pressure", "pressure", "bar"),
    ("Temperature", "temperature", "°C"),
    ("Thermocouple", "thermocouple", "°C"),
    ("Voltage", "voltage", "V"),
    ("Volume Flow RateRMS", "volume_flow_rate_rms", "l/min"),
)
# Steps of 2 s are common and of 3 s normal; the real gaps are of 54 s and more.
_GROUP = SensorGroup(
    "rig",
    "scalar",
    1.0,
    tuple(Channel(channel, unit, dc_coupled=True) for _, channel, unit in _COLUMNS),
    max_gap_s=5.0,
)
# The benchmark's protocol: one model for each file, from its first 400 rows.
_TEACH_IN_ROWS = 400
_CAUSES = {
    "valve1": "valve at the flow inlet to the pump closed",
    "valve2": "valve at the outlet of the flow from the pump closed",
    **dict.fromkeys((f"other/{n}" for n in (1, 2, 3, 4)), "fluid leak / fluid addition, simulated"),
    "other/5": "rotor imbalance, sharp",
    "other/6": "rotor imbalance, linear",
    "other/7": "rotor imbalance, step",
    "other/8": "rotor imbalance, Dirac",
    "other/9": "rotor imbalance, exponential",
    "other/10": "slow increase of the amount of water",
    "other/11": "sudden increase of the amount of water",
    "other/12": "water drained from the tank until cavitation",
    "other/13": "two-phase flow to the pump inlet (cavitation)",
    "other/14": "water supply of increased temperature",
}


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """None."""


def read(source: Path, options: Options) -> Iterator[Draft | Skipped]:  # noqa: ARG001 - every importer takes them
    """Read SKAB files.

    Parameters
    ----------
    source : Path
        One csv, or the folder of ``valve1``, ``valve2``, ``other`` and ``anomaly-free``.
    options : Options
        None.

    Yields
    ------
    Draft
        One for each file.

    Raises
    ------
    RecordingError
        A file of another layout.
    """
    for name, path in source_files(source, ["*.csv"], "a SKAB csv separated by ';'"):
        yield _draft(name, path)


def _draft(name: str, path: Path) -> Draft:
    table = read_csv(path, ["datetime", *(column for column, _, _ in _COLUMNS)], ";")
    times_ns = timestamps_ns(path, table, "datetime")
    keep = forward_rows(times_ns)
    samples = numbers(path, table, [column for column, _, _ in _COLUMNS])[:, keep]
    times_ns = times_ns[keep]
    notes = [
        "Each file is its own experiment with its own operating point; it starts with the rig already running.",
        f"The benchmark's protocol learns from the first {_TEACH_IN_ROWS} rows of each file.",
        "The channels are values that the rig computed about once a second, not waveforms.",
    ]
    faults: tuple[Fault, ...] = ()
    if "anomaly" in table.column_names:
        anomalous = numbers(path, table, ["anomaly"])[0, keep] > 0
        faults = _faults(path, times_ns, anomalous)
        n_learnt = int(anomalous[:_TEACH_IN_ROWS].sum())
        if n_learnt:
            notes.append(
                f"{n_learnt} of the first {_TEACH_IN_ROWS} rows are anomalous: the baseline learns them."
            )
    n_back = int((~keep).sum())
    return Draft(
        name,
        Spindle(f"skab-{name}", (_GROUP,), TeachIn(n_vectors=_TEACH_IN_ROWS)),
        int(times_ns[0]),
        f"SKAB v0.9 (Katser and Kozitsin, 2020, DOI 10.34740/KAGGLE/DSV/1693952), {path.parent.name}/{path.name}",
        "GPL-3.0",
        table.num_rows,
        scalar_pieces(_GROUP, times_ns, samples),
        faults=faults,
        notes=notes,
        dropped=[Dropped(n_back, "rows", "not later than a row before them")] if n_back else [],
        labelled=True,
    )


def _faults(path: Path, times_ns: NDArray[np.int64], anomalous: NDArray[np.bool_]) -> tuple[Fault, ...]:
    """Turn the label of each row into intervals; one that lasts to the last row has no end."""
    cause = _CAUSES.get(f"{path.parent.name}/{path.stem}") or _CAUSES.get(path.parent.name, "")
    edges = np.diff(np.concatenate(([0], anomalous.astype(np.int8), [0])))
    seconds = (times_ns - times_ns[0]) / NS_PER_S
    found = []
    for first, after in zip(np.flatnonzero(edges > 0), np.flatnonzero(edges < 0), strict=True):
        end_s = None if after == len(seconds) else float(seconds[after - 1])
        found.append(Fault(float(seconds[first]), end_s, "anomaly", cause))
    return tuple(found)
