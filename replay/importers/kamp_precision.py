"""KAMP's "정밀가공 품질보증": one row for each machined part, with statistics of its machining and a verdict.

What is known of the layout is second-hand: 1085 rows of ``SerialNo``, ``ReceivedDateTime``, ten quantities (spindle
speed and load, servo currents and loads) as ``_max``, ``_mean``, ``_min`` and ``_std``, and ``passorfail`` (986 and
99 rows); 99 serials occur twice with contradictory verdicts; 13 columns never change. No source says how times and
verdicts are written: times are taken as ISO 8601 unless ``time_format`` says otherwise, and the more frequent verdict
as passed unless ``passed`` says which it is. Units are not stated.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import pyarrow as pa

from engine.errors import RecordingError, UsageError
from replay.importers.columns import Batch, Columns, as_texts, is_numeric
from replay.importers.conversion import mapped_draft
from replay.importers.drafts import Draft, Skipped, snake_case, source_files
from replay.importers.mapping import ChannelSpec, GroupSpec, LabelSpec, Mapping, TimeSpec
from replay.importers.tables import TableFormat, text_table
from replay.wording import listed

_SERIAL, _TIME, _VERDICT = "SerialNo", "ReceivedDateTime", "passorfail"
_CLEAR = "verdict (uncontradicted)"
_LICENCE = "KAMP: cite the platform (중소벤처기업부, Korea AI Manufacturing Platform); mail usage to kamp@kaist.ac.kr"
# Parts come when they are done: no pause between two of them is a fault of the sensor.
_MAX_GAP_S = 7 * 86_400.0


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What no source says of the set.

    Parameters
    ----------
    passed : str
        The cell of ``passorfail`` that means that a part is good; by default the more frequent of the two.
    time_format : str
        Of ``ReceivedDateTime``, as for ``datetime.strptime``; ISO 8601 if not given.
    encoding : str
        Of the text; found out if not given.
    """

    passed: str = ""
    time_format: str = ""
    encoding: str = ""


def read(source: Path, options: Options) -> Iterator[Draft | Skipped]:
    """Read tables of parts.

    Parameters
    ----------
    source : Path
        A csv, or a folder of them.
    options : Options
        What is assumed.

    Yields
    ------
    Draft
        One for each file: a scalar group with a sample for each part. Parts that failed are faults named ``reject``;
        serials with contradictory verdicts are labelled with neither.

    Raises
    ------
    RecordingError
        A file of another layout.
    UsageError
        ``passed`` is no verdict of the file.
    """
    for name, path in source_files(source, ["*.csv"], "a csv of SerialNo, ReceivedDateTime … passorfail"):
        yield _draft(name, path, options)


def _draft(name: str, path: Path, options: Options) -> Draft:
    columns = text_table(path, TableFormat(encoding=options.encoding))
    if missing := [column for column in (_SERIAL, _TIME, _VERDICT) if column not in columns.names]:
        raise RecordingError(f"{path}: wanted the columns {listed(missing)}; got {listed(columns.names)}")
    verdicts = _verdicts(columns)
    counts = Counter(verdict for found in verdicts.values() for verdict in found)
    passed = options.passed or counts.most_common(1)[0][0]
    if passed not in counts:
        raise UsageError(f"passed: got {passed!r}, wanted one of {listed(counts)}")
    contradicted = {serial for serial, found in verdicts.items() if len(set(found)) > 1}
    head = columns.head()
    beside = (_SERIAL, _TIME, _VERDICT)
    signals = [column for column in columns.names if column not in beside and is_numeric(head[column])]
    mapping = Mapping(
        tuple(ChannelSpec(signal, snake_case(signal), group="parts") for signal in signals),
        time=TimeSpec(_TIME, format=options.time_format),
        groups=(GroupSpec("parts", "scalar", _MAX_GAP_S),),
        label=LabelSpec(_CLEAR, (passed,), "reject"),
    )
    told = ", ".join(f"{verdict} ({n} rows)" for verdict, n in counts.most_common())
    notes = [
        f"Verdicts: {told}; {passed} is taken as passed.",
        "Each sample is a part, not a moment of machining.",
    ]
    if contradicted:
        notes.append(
            f"{len(contradicted)} serials have contradictory verdicts; their parts are labelled with neither."
        )
    return mapped_draft(
        name, path, [(_uncontradicted(columns, contradicted), mapping)], f"kamp-{name}", _LICENCE, notes
    )


def _verdicts(columns: Columns) -> dict[str, list[str]]:
    """Verdicts of each serial; rows without either are left out."""
    found: dict[str, list[str]] = {}
    for batch in columns.read([_SERIAL, _VERDICT]):
        pairs = zip(as_texts(batch[_SERIAL]).tolist(), as_texts(batch[_VERDICT]).tolist(), strict=True)
        for serial, verdict in pairs:
            if serial is not None and verdict is not None:
                found.setdefault(serial, []).append(verdict)
    if not found:
        raise RecordingError(f"{columns.path}: wanted rows with {_SERIAL} and {_VERDICT}, got none")
    return found


def _uncontradicted(columns: Columns, contradicted: set[str]) -> Columns:
    """Add the verdict as a column that is blank where the set contradicts itself."""

    def read_all(wanted: Sequence[str]) -> Iterator[Batch]:
        derived = _CLEAR in wanted
        stored = [name for name in wanted if name != _CLEAR]
        extra = [_SERIAL, _VERDICT] if derived else []
        for batch in columns.read(list(dict.fromkeys([*stored, *extra]))):
            if derived:
                serials, verdicts = as_texts(batch[_SERIAL]), as_texts(batch[_VERDICT])
                clear = [v if s not in contradicted else None for s, v in zip(serials, verdicts, strict=True)]
                batch = {**batch, _CLEAR: pa.array(clear, pa.string())}
            yield batch

    return replace(columns, names=(*columns.names, _CLEAR), read=read_all)
