"""Columns turned into a recording while they are read: in time, cut into blocks, with context and labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.clock import NS_PER_S
from engine.declared import SensorGroup, Spindle
from engine.errors import RecordingError
from replay.importers.columns import Columns, as_texts, samples_of
from replay.importers.drafts import NO_DATE_NOTE, NO_DATE_NS, Draft, Dropped, Findings, Item
from replay.importers.headings import declare
from replay.importers.mapping import GroupSpec, Mapping
from replay.importers.reading import parse_time_ns
from replay.importers.resolving import Options, resolve
from replay.importers.row_labels import LABEL, RowContexts, RowLabels
from replay.importers.rows import Rows, forward, spread
from replay.importers.stretches import EvenBlocks, LiveValues
from replay.importers.survey import survey, timed
from replay.importers.time_column import TimeReader
from replay.wording import listed

# From here on samples are a waveform: below, there is no vibration of a machine tool to be seen in them.
_WAVEFORM_HZ = 200.0
# Beyond these, nobody measures: a sample a fortnight, and radio.
_LOWEST_HZ, _HIGHEST_HZ = 1e-6, 1e9
# The last moment of int64 nanoseconds is in 2262.
_LAST_NS = 9.2e18


def draft_of(name: str, path: Path, tables: Sequence[Columns], options: Options) -> Draft:
    """Make a draft of the columns of one file; they are read again while it is written.

    Parameters
    ----------
    name : str
        Of the recording.
    path : Path
        The file.
    tables : sequence of Columns
        In it; each becomes a sensor group, or several as a mapping says.
    options : Options
        What the user says.

    Returns
    -------
    Draft
        Its pieces are made while they are written, in memory that does not grow with the file.

    Raises
    ------
    RecordingError
        No numbers, or times that cannot be read.
    UsageError
        Neither times nor a rate, or a column that is not there.
    """
    found = resolve(tables, options)
    unused = [table for table in tables if not any(table is taken for taken, _ in found)]
    notes = [f"Not imported: {table.group}: {listed(table.names)}." for table in unused]
    return mapped_draft(name, path, found, options.spindle or name, options.licence, notes)


def mapped_draft(
    name: str,
    path: Path,
    tables: Sequence[tuple[Columns, Mapping]],
    spindle: str,
    licence: str,
    notes: Sequence[str] = (),
) -> Draft:
    """Make a draft of columns of which is known what they become.

    Parameters
    ----------
    name, path
        As for `draft_of`.
    tables : sequence of (Columns, Mapping)
        Channels have names and groups, each its own.
    spindle : str
        Its name.
    licence : str
        On what terms.
    notes : sequence of str
        What a user should know.

    Returns
    -------
    Draft
        As of `draft_of`.
    """
    runs = [_Conversion(table, mapping, spindle) for table, mapping in tables]
    start_ns = min(run.start_ns for run in runs)

    def findings() -> Findings:
        found = [run.findings(start_ns) for run in runs]
        return Findings(
            sum(f.n_read for f in found),
            [note for f in found for note in f.notes],
            [dropped for f in found for dropped in f.dropped],
            [fault for f in found for fault in f.faults],
            labelled=all(f.labelled for f in found),
        )

    return Draft(
        name,
        Spindle(spindle, tuple(group for run in runs for group in run.groups)),
        start_ns,
        path.name,
        licence,
        0,
        chain.from_iterable(run.items() for run in runs),
        notes=notes,
        findings=findings,
        share=lambda: sum(run.share() for run in runs) / len(runs),
    )


class _Conversion:
    """One table on its way into a recording.

    Parameters
    ----------
    columns : Columns
        The table.
    mapping : Mapping
        Resolved: its channels have names and groups.
    spindle : str
        Whose.
    """

    def __init__(self, columns: Columns, mapping: Mapping, spindle: str) -> None:
        self.columns, self._mapping = columns, mapping
        self._notes = list(columns.notes)
        self._clock = survey(columns, mapping.time) if mapping.time.column else None
        self.start_ns, self._shift_ns = self._start()
        self._rate_hz = self._found_rate_hz()
        self._channels = [spec.column for spec in mapping.channels]
        kinds = [self._group(name) for name in dict.fromkeys(spec.group for spec in mapping.channels)]
        self.groups = tuple(group for group, _ in kinds)
        self._blocks = EvenBlocks(kinds, self._clock.step_ns if self._clock else float("nan"))
        self._live = LiveValues([spec.name for spec in mapping.channels])
        self._contexts = RowContexts(spindle, mapping.context)
        self._labels = RowLabels(mapping.label)
        self._n_read = self._n_written = self._n_bad = 0

    def items(self) -> Iterator[Item]:
        """Contexts and blocks, in the order of the file."""
        rows: Iterator[Rows] = self._rows()
        if self._clock is not None:
            rows = forward(rows, repeated=self._clock.repeated)
            rows = spread(rows, self._clock, self.columns.path) if self._clock.repeated else rows
        for part in rows:
            if not len(part):
                continue
            part = part.at(part.times_ns + self._shift_ns)
            self._n_written += len(part)
            self._n_bad += int(np.isnan(part.samples).sum())
            self._live.add(part.samples)
            if LABEL in part.texts:
                self._labels.add(part.times_ns, part.texts[LABEL])
            yield from self._contexts.contexts(part)
            yield from self._blocks.pieces(part)

    def share(self) -> float:
        """Part of the table that has been read, 0 to 1."""
        if self.columns.share is not None:
            return self.columns.share()
        return self._n_read / self.columns.n_rows if self.columns.n_rows else 0.0

    def findings(self, start_ns: int) -> Findings:
        """What is known once all is read."""
        dropped = []
        if self._n_bad:
            dropped.append(Dropped(self._n_bad, "cells", "no number in them; they are NaN"))
        if self._n_read > self._n_written:
            reason = "their time is missing or not later than one before"
            dropped.append(Dropped(self._n_read - self._n_written, "rows", reason))
        if self._contexts.n_unclear:
            reason = "not understood as speed, feed or cutting; their context is unknown"
            dropped.append(Dropped(self._contexts.n_unclear, "cells", reason))
        notes = [*self._notes, *self._time_notes(), *self._blocks.notes()]
        is_waveform = any(group.kind == "waveform" for group in self.groups)
        notes += self._live.notes(self._rate_hz if is_waveform else None)
        notes += self._column_notes()
        labelled = bool(self._mapping.label.column) and not self._labels.n_blank
        return Findings(self._n_read, notes, dropped, self._labels.faults(start_ns), labelled=labelled)

    # --- before anything is written ---------------------------------------------------------------------------

    def _start(self) -> tuple[int, int]:
        """Time of the first row, and what is added to the file's times to get there."""
        told, path = self._mapping.time.start, self.columns.path
        if self._clock is not None:
            start_ns = _start_ns(path, told) if told else self._clock.first_ns
            if start_ns < 0:
                raise RecordingError(f"{path}: wanted times from 1970 on, got {start_ns} ns; give start")
            return start_ns, start_ns - self._clock.first_ns
        if told:
            return _start_ns(path, told) + self.columns.after_ns, 0
        return self.columns.start_ns or NO_DATE_NS, 0

    def _found_rate_hz(self) -> float:
        """Rate as told or measured."""
        if (told_hz := self._mapping.rate_hz) is not None:
            if not _LOWEST_HZ <= told_hz <= _HIGHEST_HZ:
                raise RecordingError(
                    f"{self.columns.path}: wanted a rate of {_LOWEST_HZ:g} to {_HIGHEST_HZ:g} Hz, got {told_hz:g}"
                )
            return told_hz
        assert self._clock is not None
        rate_hz = self._clock.rate_hz
        if not rate_hz > 0:
            raise RecordingError(
                f"{self.columns.path}: wanted at least two rows of different times, got {self._clock.n_rows}; "
                "give rate_hz"
            )
        # Polled rows come at the usual step, whatever the pauses.
        return rate_hz if rate_hz >= _WAVEFORM_HZ else NS_PER_S / self._clock.step_ns

    def _group(self, name: str) -> tuple[SensorGroup, list[int]]:
        """Declare a group, and say which channels are its."""
        indices = [i for i, spec in enumerate(self._mapping.channels) if spec.group == name]
        specs = [self._mapping.channels[i] for i in indices]
        channels = tuple(declare(spec.name, spec.unit, spec.full_scale) for spec in specs)
        said = next((spec for spec in self._mapping.groups if spec.name == name), GroupSpec(name))
        kind = said.kind or ("waveform" if self._rate_hz >= _WAVEFORM_HZ else "scalar")
        max_gap_s = said.max_gap_s if kind == "scalar" else None
        return SensorGroup(name, kind, self._rate_hz, channels, max_gap_s=max_gap_s), indices

    # --- rows -------------------------------------------------------------------------------------------------

    def _rows(self) -> Iterator[Rows]:
        """Rows that have a time, in the order of the file."""
        time = self._mapping.time
        beside = self._mapping.context.columns()
        if self._mapping.label.column:
            beside[LABEL] = self._mapping.label.column
        wanted = list(
            dict.fromkeys([*self._channels, *beside.values(), *([time.column] if time.column else [])])
        )
        reader = TimeReader(self.columns.path, time.column, time.unit, time.format)
        for batch in self.columns.read(wanted):
            n_rows = len(batch[wanted[0]])
            if not n_rows:
                continue
            samples = samples_of(self.columns.path, self._channels, batch)
            texts = {name: as_texts(batch[column]) for name, column in beside.items()}
            if time.column:
                valid, times_ns = timed(self.columns.path, reader, batch[time.column])
            else:
                valid, times_ns = np.ones(n_rows, np.bool_), self._counted(n_rows)
            self._n_read += n_rows
            if valid.all():
                yield Rows(times_ns, samples, texts)
            elif valid.any():
                yield Rows(times_ns, samples[:, valid], {name: text[valid] for name, text in texts.items()})

    def _counted(self, n_rows: int) -> NDArray[np.int64]:
        """Times of rows that come at a rate."""
        if self.start_ns + (self._n_read + n_rows) * NS_PER_S / self._rate_hz > _LAST_NS:
            raise RecordingError(
                f"{self.columns.path}: wanted rows up to 2262, got {self._rate_hz:g} Hz for more"
            )
        indices = np.arange(self._n_read, self._n_read + n_rows)
        return self.start_ns + np.rint(indices * NS_PER_S / self._rate_hz).astype(np.int64)

    # --- notes ------------------------------------------------------------------------------------------------

    def _time_notes(self) -> list[str]:
        clock, notes = self._clock, []
        if clock is None:
            teller = "the file says" if self._rate_hz == self.columns.rate_hz else "told"
            notes.append(f"No times; {self._rate_hz:g} Hz as {teller}.")
        elif clock.repeated:
            notes.append(f"{clock.n_rows} rows share {clock.n_stamps} time stamps; they are spread evenly.")
        dated = clock.dated if clock is not None else self.columns.start_ns is not None
        if not dated and not self._mapping.time.start:
            notes.append(NO_DATE_NOTE)
        return notes

    def _column_notes(self) -> list[str]:
        """Say what became of columns that are no channels."""
        context, label = self._mapping.context.columns(), self._mapping.label.column
        notes = []
        if context:
            notes.append(f"Context: {listed(f'{told} from {name}' for told, name in context.items())}.")
        if label:
            notes.append(f"Labels: {label}; normal is {listed(self._mapping.label.normal)}.")
        if self._labels.n_blank:
            notes.append(f"{self._labels.n_blank} rows have no label; the labels are not complete.")
        used = {*self._channels, label, self._mapping.time.column, *context.values()}
        if left_out := [name for name in self.columns.names if name not in used]:
            notes.append(f"Columns not imported: {listed(left_out)}.")
        return notes


def _start_ns(path: Path, text: str) -> int:
    pattern = "%Y-%m-%dT%H:%M:%S" + (".%f" if "." in text else "")
    return parse_time_ns(path, text.replace(" ", "T").removesuffix("Z"), pattern)
