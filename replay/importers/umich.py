"""University of Michigan SMART lab: a CNC mill cutting wax, one run for each tool state, at 10 Hz."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.declared import Channel, SensorGroup, Spindle
from engine.errors import RecordingError
from engine.records import Context, samples_to_ns
from replay.faults import Fault
from replay.importers.drafts import (
    NO_DATE_NOTE,
    NO_DATE_NS,
    Draft,
    Skipped,
    scalar_pieces,
    snake_case,
    source_files,
)
from replay.importers.reading import named, numbers, read_csv
from replay.wording import one_line

_RATE_HZ = 10.0
_SOURCE = "University of Michigan SMART lab, CNC mill tool wear, April 2018"
_LICENCE = "CC0 according to secondary sources; the repositories state nothing"
_STEP, _FEED, _PROGRAM, _X = (
    "Machining_Process",
    "M1_CURRENT_FEEDRATE",
    "M1_CURRENT_PROGRAM_NUMBER",
    "X1_ActualPosition",
)
# Index, context, labels: no signals.
_NO_SIGNALS = {"", _STEP, _FEED, _PROGRAM, "M1_sequence_number", "tool_condition"}
_UNITS = {
    "Position": "mm",
    "Velocity": "mm/s",
    "Acceleration": "mm/s²",
    "CurrentFeedback": "A",
    "DCBusVoltage": "V",
    "OutputCurrent": "A",
    "OutputVoltage": "V",
    "OutputPower": "kW",
    "SystemInertia": "kg·m²",
}
# The authors' own rules: rows that read so are unreliable. Their third (program not 0) would leave 3 % of the set.
_UNRELIABLE_FEED = 50.0
_UNRELIABLE_X = 198.0
_NOTES = (
    NO_DATE_NOTE,
    f"Rows in which the feed reads {_UNRELIABLE_FEED:g} or X reads {_UNRELIABLE_X:g} are unreliable, say the authors. "
    "They are kept, so that no gaps are made, but their context is unknown (no program, section, feed or "
    "cutting): they share no baseline with reliable rows. The authors' third rule (program number not 0) "
    "holds for nearly all rows of 9 of the 10 runs here and is not applied.",
    "Feed is confounded with wear: 12 and 15 mm/s occur only worn. Like for like are runs 11 and 13, 17 and 18 "
    "(feed 3), 1 and 6 (feed 6), 2 and 7 (feed 20). Wear is labelled for whole runs; there is no onset.",
    "There is no vibration channel. Spindle current in layers at feed 3 is 2 to 3 % LOWER when worn.",
)


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """None."""


def read(source: Path, options: Options) -> Iterator[Draft | Skipped]:  # noqa: ARG001 - every importer takes them
    """Read runs.

    Parameters
    ----------
    source : Path
        One ``experiment_NN.csv``, or a folder of them. Labels come from a column ``tool_condition`` or from
        ``train.csv`` beside the file.
    options : Options
        None.

    Yields
    ------
    Draft
        One for each run.

    Raises
    ------
    RecordingError
        A file of another layout.
    """
    for name, path in source_files(source, ["experiment_*.csv"], "an experiment_NN.csv"):
        yield _draft(name, path)


def _draft(name: str, path: Path) -> Draft:
    table = read_csv(path, [_STEP, _FEED, _PROGRAM, _X])
    signals = [column for column in table.column_names if column not in _NO_SIGNALS]
    group = SensorGroup(
        "drives", "scalar", _RATE_HZ, tuple(_channel(column) for column in signals), max_gap_s=0.5
    )
    spindle = Spindle(f"umich-{name}", (group,))
    samples = numbers(path, table, signals)
    times_ns = np.array([NO_DATE_NS + samples_to_ns(i, _RATE_HZ) for i in range(table.num_rows)])
    x, feed, program = numbers(path, table, [_X, _FEED, _PROGRAM])
    unreliable = (feed == _UNRELIABLE_FEED) | (x == _UNRELIABLE_X)
    steps = [str(step).strip().lower() for step in table.column(_STEP).to_pylist()]
    contexts = list(_contexts(spindle.name, times_ns, steps, feed, program, unreliable))
    condition, about = _label(path, table)
    return Draft(
        name,
        spindle,
        NO_DATE_NS,
        f"{_SOURCE}, {path.name}",
        _LICENCE,
        table.num_rows,
        scalar_pieces(group, times_ns, samples),
        contexts=contexts,
        faults=[Fault(0.0, None, "tool_wear", f"whole run; {about}")] if condition == "worn" else [],
        notes=[
            f"Tool {condition}; {about}.",
            f"{int(unreliable.sum())} of {table.num_rows} rows are unreliable.",
            *_NOTES,
        ],
    )


def _channel(column: str) -> Channel:
    unit = next((unit for suffix, unit in _UNITS.items() if column.endswith(suffix)), "")
    return Channel(snake_case(column), unit, dc_coupled=True)


def _contexts(
    spindle: str,
    times_ns: NDArray[np.int64],
    steps: list[str],
    feed: NDArray[np.float32],
    program: NDArray[np.float32],
    unreliable: NDArray[np.bool_],
) -> Iterator[Context]:
    """Give a context wherever it changes."""
    unknown: tuple[str | None, str | None, float | None, bool | None] = (None, None, None, None)
    last = None
    for index, t_ns in enumerate(times_ns.tolist()):
        section = steps[index]
        known = (f"{program[index]:g}", section, float(feed[index]) * 60.0, section.startswith("layer"))
        now = unknown if unreliable[index] else known
        if now == last:
            continue
        last = now
        number, step, feed_mm_min, cutting = now
        yield Context(spindle, t_ns, program=number, section=step, feed_mm_min=feed_mm_min, cutting=cutting)


def _label(path: Path, table: Any) -> tuple[str, str]:
    """Tool condition of a run, and what else its label says."""
    facts = _train_row(path)
    condition = facts.get("tool_condition")
    if "tool_condition" in table.column_names:
        condition = str(table.column("tool_condition")[0].as_py())
    if condition not in ("worn", "unworn"):
        raise RecordingError(
            f"{path}: wanted tool_condition worn or unworn, in the file or in train.csv beside it, "
            f"got {one_line(repr(condition))}"
        )
    about = [f"{key} {facts[key] or 'n/a'}" for key in facts if key not in ("No", "tool_condition")]
    return condition, ", ".join(about) or "no train.csv"


def _train_row(path: Path) -> dict[str, str]:
    """The run's row of ``train.csv``, found by its number; empty if there is none."""
    file = path.with_name("train.csv")
    if not file.is_file():
        return {}
    number = int("".join(filter(str.isdigit, path.stem)) or -1)
    with (
        named(file, "a table of No, feedrate, tool_condition"),
        file.open(encoding="utf-8", newline="") as lines,
    ):
        rows = list(csv.DictReader(lines))
        return next((row for row in rows if int(row["No"]) == number), {})
