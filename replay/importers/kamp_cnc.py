"""KAMP's "CNC 머신 AI 데이터셋" (KAIST, UNIST, 이피엠솔루션즈, 2020): a mill, one run for each tool state.

What is known of the layout is second-hand: ``experiment_NN.csv`` of 48 columns (``X_ActualPosition`` …
``S_OutputPower``, ``M_CURRENT_FEEDRATE``, ``Machining_Process``) and a ``train.csv`` of labels, one row for each run.
It has the shape of the University of Michigan's set (`replay.importers.umich`), from which is **assumed** what no
source says of this one: rows at 10 Hz, a feed in mm/s, ``Layer …`` being the steps that cut. Units are not declared:
sources contradict each other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Meta

from engine.errors import RecordingError
from replay.faults import Fault
from replay.importers.columns import Batch, Columns, as_texts, is_numeric
from replay.importers.conversion import mapped_draft
from replay.importers.drafts import Draft, Skipped, snake_case, source_files
from replay.importers.mapping import ChannelSpec, ContextSpec, GroupSpec, Mapping
from replay.importers.tables import TableFormat, text_table
from replay.wording import listed

_STEP, _FEED, _PROGRAM, _LINE = (
    "Machining_Process",
    "M_CURRENT_FEEDRATE",
    "M_CURRENT_PROGRAM_NUMBER",
    "M_sequence_number",
)
# What makes two runs the same: the spindle's own reading.
_SPINDLE_CURRENT = "S_OutputCurrent"
_CUTTING = "cutting (derived)"
_LICENCE = "KAMP: cite the platform (중소벤처기업부, Korea AI Manufacturing Platform); mail usage to kamp@kaist.ac.kr"
_NOTES = (
    "Rows at {rate_hz:g} Hz and a feed in mm/s are assumed from the Michigan set of the same shape; no source says so.",
    "Wear is labelled for whole runs; there is no onset, and a split by rows leaks.",
)


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What no source says of the set.

    Parameters
    ----------
    rate_hz : float
        Rows per second.
    encoding : str
        Of the texts; found out if not given.
    """

    rate_hz: Annotated[float, Meta(gt=0)] = 10.0
    encoding: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class _Run:
    """One experiment, and what ``train.csv`` says of it."""

    name: str
    path: Path
    columns: Columns
    label: dict[str, str]
    reading: str

    @property
    def condition(self) -> str:
        return self.label["tool_condition"]


def read(source: Path, options: Options) -> Iterator[Draft | Skipped]:
    """Read runs; all are looked at before the first is written, for some are others under another label.

    Parameters
    ----------
    source : Path
        One ``experiment_NN.csv`` with ``train.csv`` beside or above it, or a folder of them.
    options : Options
        What is assumed.

    Yields
    ------
    Draft
        One for each run. A run whose spindle current is that of a run with another ``tool_condition`` is labelled
        with neither, and says so.

    Raises
    ------
    RecordingError
        A file of another layout, or a run without label.
    """
    files = source_files(source, ["experiment_*.csv"], "an experiment_NN.csv")
    runs = [_look(name, path, options) for name, path in files]
    for run in runs:
        yield _draft(
            run, [other for other in runs if other is not run and other.reading == run.reading], options
        )


def _look(name: str, path: Path, options: Options) -> _Run:
    columns = text_table(path, TableFormat(delimiter=",", encoding=options.encoding))
    wanted = (_STEP, _FEED, _PROGRAM, _SPINDLE_CURRENT)
    if missing := [column for column in wanted if column not in columns.names]:
        raise RecordingError(f"{path}: wanted the columns {listed(missing)}; got {listed(columns.names)}")
    digest = hashlib.sha256()
    for batch in columns.read([_SPINDLE_CURRENT]):
        digest.update("\n".join(text or "" for text in as_texts(batch[_SPINDLE_CURRENT])).encode() + b"\n")
    return _Run(name, path, columns, _label(path, options), digest.hexdigest())


def _draft(run: _Run, same: list[_Run], options: Options) -> Draft:
    head = run.columns.head()
    beside = (_STEP, _FEED, _PROGRAM, _LINE, "")
    signals = [name for name in run.columns.names if name not in beside and is_numeric(head[name])]
    mapping = Mapping(
        tuple(ChannelSpec(name, snake_case(name), group="drives") for name in signals),
        options.rate_hz,
        groups=(GroupSpec("drives", "scalar", 5.0 / options.rate_hz),),
        context=ContextSpec(
            program=_PROGRAM, section=_STEP, feed=_FEED, cutting=_CUTTING, feed_to_mm_min=60.0
        ),
    )
    about = ", ".join(
        f"{key} {value or 'n/a'}" for key, value in run.label.items() if key != "tool_condition"
    )
    notes = [f"Tool {run.condition}; {about}.", *(note.format(rate_hz=options.rate_hz) for note in _NOTES)]
    if same:
        others = listed(f"{other.name} ({other.condition})" for other in same)
        notes.append(
            f"The spindle current is, value by value, that of {others}: one run under several numbers."
        )
    contradicted = any(other.condition != run.condition for other in same)
    if contradicted:
        notes.append("Its labels contradict each other: nothing is labelled here.")
    draft = mapped_draft(
        run.name, run.path, [(_with_cutting(run.columns), mapping)], f"kamp-{run.name}", _LICENCE, notes
    )
    is_worn = run.condition == "worn" and not contradicted
    return replace(draft, faults=[Fault(0.0, None, "tool_wear", f"whole run; {about}")] if is_worn else [])


def _with_cutting(columns: Columns) -> Columns:
    """Add whether the step is one that cuts."""

    def read_all(wanted: Sequence[str]) -> Iterator[Batch]:
        stored = [name for name in dict.fromkeys((*wanted, _STEP)) if name != _CUTTING]
        for batch in columns.read(stored):
            steps = pc.utf8_lower(pc.utf8_trim_whitespace(batch[_STEP]))
            yield {**batch, _CUTTING: pc.starts_with(steps, "layer").cast(pa.string())}

    return replace(columns, names=(*columns.names, _CUTTING), read=read_all)


def _label(path: Path, options: Options) -> dict[str, str]:
    """The run's row of ``train.csv``, found by its number."""
    file = next(
        (f for f in (path.with_name("train.csv"), path.parent.parent / "train.csv") if f.is_file()), None
    )
    if file is None:
        raise RecordingError(f"{path}: wanted a train.csv beside or above it, which says its tool_condition")
    table = text_table(file, TableFormat(delimiter=",", encoding=options.encoding))
    if missing := [name for name in ("No", "tool_condition") if name not in table.names]:
        raise RecordingError(f"{file}: wanted the columns {listed(missing)}; got {listed(table.names)}")
    number = str(int("".join(filter(str.isdigit, path.stem)) or -1))
    for batch in table.read(table.names):
        texts = {name: as_texts(batch[name]) for name in table.names}
        for index, found in enumerate(texts["No"].tolist()):
            if found == number:
                row = {name: column[index] or "" for name, column in texts.items() if name != "No"}
                if row["tool_condition"] in ("worn", "unworn"):
                    return row
                raise RecordingError(
                    f"{file}: run {number}: wanted tool_condition worn or unworn, got {row['tool_condition']!r}"
                )
    raise RecordingError(f"{file}: wanted a row of run {number} ({path.name}), got none")
