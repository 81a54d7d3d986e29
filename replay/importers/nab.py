"""Numenta Anomaly Benchmark: univariate series with wide labelled windows; two are machine temperatures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np

from engine.clock import NS_PER_S
from engine.declared import Channel, SensorGroup, Spindle, TeachIn
from replay.faults import Fault
from replay.importers.drafts import Draft, Dropped, Skipped, forward_rows, scalar_pieces, source_files
from replay.importers.reading import named, numbers, parse_time_ns, read_csv, timestamps_ns

# NAB does not score the first min(15 % of the rows, 750).
_PROBATION_PART = 0.15
_PROBATION_ROWS = 750
_WINDOW_FILES = ("windows.json", "labels/combined_windows.json")
_WINDOW_TIME = "%Y-%m-%d %H:%M:%S.%f"


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Parameters.

    Parameters
    ----------
    unit : str
        Of the values; the set does not say (°F is plausible for the temperatures).
    """

    unit: str = ""


def read(source: Path, options: Options) -> Iterator[Draft | Skipped]:
    """Read NAB files; windows are looked for in ``windows.json`` in the folders above each file.

    Parameters
    ----------
    source : Path
        One csv of ``timestamp,value``, or a folder of them.
    options : Options
        Unit.

    Yields
    ------
    Draft
        One for each file.

    Raises
    ------
    RecordingError
        A file of another layout.
    """
    for name, path in source_files(source, ["*.csv"], "a csv of timestamp,value"):
        yield _draft(name, path, options)


def _draft(name: str, path: Path, options: Options) -> Draft:
    table = read_csv(path, ["timestamp", "value"])
    times_ns = timestamps_ns(path, table, "timestamp")
    keep = forward_rows(times_ns)
    times_ns, values = times_ns[keep], numbers(path, table, ["value"])[:, keep]
    period_s = float(np.median(np.diff(times_ns))) / NS_PER_S if len(times_ns) > 1 else 1.0
    channel = "temperature" if "temperature" in path.stem else "value"
    group = SensorGroup(channel, "scalar", 1.0 / period_s, (Channel(channel, options.unit, dc_coupled=True),))
    windows, windows_note = _windows(path)
    start_ns = int(times_ns[0])
    faults = [
        Fault(max(0.0, (a - start_ns) / NS_PER_S), (b - start_ns) / NS_PER_S, "anomaly", "NAB window")
        for a, b in windows
        if b >= start_ns
    ]
    n_back = int((~keep).sum())
    n_teach = max(2, min(int(_PROBATION_PART * table.num_rows), _PROBATION_ROWS))
    return Draft(
        name,
        Spindle(f"nab-{path.stem}", (group,), TeachIn(n_vectors=n_teach)),
        start_ns,
        f"Numenta Anomaly Benchmark, {path.parent.name}/{path.name}",
        "MIT",
        table.num_rows,
        scalar_pieces(group, times_ns, values),
        faults=faults,
        notes=[
            windows_note,
            "Windows are wide margins around an event, not its duration: a delay from their start means little.",
            "Learnt are the first min(15 % of the rows, 750), which NAB does not score.",
            *([] if options.unit else ["The source gives no unit."]),
        ],
        dropped=[Dropped(n_back, "rows", _BACK)] if n_back else [],
        labelled=True,
    )


_BACK = "their times repeat earlier ones, the clock having been set back; the rows that came first are kept"


def _windows(path: Path) -> tuple[list[tuple[int, int]], str]:
    """Find the labelled windows of a file, in UTC nanoseconds."""
    key = f"{path.parent.name}/{path.name}"
    for folder in list(path.absolute().parents)[:4]:
        for name in _WINDOW_FILES:
            file = folder / name
            if not file.is_file():
                continue
            with named(file, "windows for each file"):
                all_windows = msgspec.json.decode(file.read_bytes(), type=dict[str, list[tuple[str, str]]])
            if key in all_windows:
                pairs = [
                    (parse_time_ns(file, a, _WINDOW_TIME), parse_time_ns(file, b, _WINDOW_TIME))
                    for a, b in all_windows[key]
                ]
                return pairs, f"{len(pairs)} labelled windows from {name}."
    return [], f"No window file names {key}: nothing is labelled."
