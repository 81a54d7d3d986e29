"""What a user says about a file of columns, and what becomes of them: options laid over what is guessed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from engine.errors import RecordingError, UsageError
from replay.importers.columns import Columns, is_numeric
from replay.importers.headings import channel_of
from replay.importers.mapping import (
    ChannelSpec,
    GroupSpec,
    Kind,
    LabelSpec,
    Mapping,
    TimeSpec,
    guess_context,
    guess_label,
    read_mapping,
)
from replay.importers.time_column import TimeUnit, find_time_column
from replay.wording import listed


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What columns are and when they were taken; what is not given is found out.

    Parameters
    ----------
    mapping : str
        TOML file that says which column is what, as ``--show`` prints it; instead of the options with
        ``time_column`` to ``kind``.
    rate_hz : float, optional
        Rows per second: needed where neither a column of times nor the file tells, otherwise instead of those.
    time_column : str
        Its heading.
    time_unit : {"s", "ms", "us", "ns"}
        Of numeric times.
    time_format : str
        Of times written otherwise than in ISO 8601, as for ``datetime.strptime``.
    channels : str
        Headings to import, separated by commas.
    units : str
        ``heading=unit``, separated by commas; also taken from headings such as ``Current [A]``.
    kind : {"waveform", "scalar"}
        By default a waveform from 200 Hz on.
    start : str
        Date and time of the first row, ISO 8601, taken as UTC.
    max_gap_s : float, optional
        Longest normal pause of a scalar group.
    spindle : str
        Its name; the file's by default.
    licence : str
        On what terms.
    """

    mapping: str = ""
    rate_hz: Annotated[float, Meta(gt=0)] | None = None
    time_column: str = ""
    time_unit: TimeUnit = ""
    time_format: str = ""
    channels: str = ""
    units: str = ""
    kind: Kind = ""
    start: str = ""
    max_gap_s: Annotated[float, Meta(gt=0)] | None = None
    spindle: str = ""
    licence: str = "not stated"

    def refuse_beside_mapping(self) -> None:
        """Refuse options that say what a mapping says, too."""
        both = ("time_column", "time_unit", "time_format", "channels", "units", "kind", "max_gap_s")
        if given := [name for name in both if getattr(self, name)]:
            raise UsageError(f"mapping: got {listed(given)} beside it; write them into the mapping")


def resolve(tables: Sequence[Columns], options: Options) -> list[tuple[Columns, Mapping]]:
    """Say of each table what its columns become.

    Parameters
    ----------
    tables : sequence of Columns
        Of one file.
    options : Options
        What the user says.

    Returns
    -------
    list of tuple[Columns, Mapping]
        Tables that become channels, with mappings in which nothing but a rate is left to be found out.

    Raises
    ------
    UsageError
        A column that is not there, or neither times nor a rate.
    RecordingError
        No column of numbers anywhere.
    """
    if options.mapping:
        options.refuse_beside_mapping()
        mapping = read_mapping(Path(options.mapping))
        return [(table, _told(table, mapping, options)) for table in _with(tables, mapping)]
    wanted = [name.strip() for name in options.channels.split(",") if name.strip()]
    everywhere = [name for table in tables for name in table.names]
    for name in wanted:
        if name not in everywhere:
            raise UsageError(f"{tables[0].path}: wanted column {name!r}, got {listed(everywhere)}")
    units = dict(pair.rpartition("=")[::2] for pair in options.units.split(",") if pair)
    units = {name.strip(): unit.strip() for name, unit in units.items()}
    taken: set[str] = {"t_ns"}
    resolved = []
    for table in tables:
        if not wanted or set(wanted) & set(table.names):
            resolved.append((table, _guessed(table, wanted, units, taken, options)))
    if units:
        got, names = listed(units), sorted(taken - {"t_ns"})
        raise UsageError(f"{tables[0].path}: units: got {got}, wanted some of {listed(names)}")
    found = [(table, mapping) for table, mapping in resolved if mapping is not None]
    if not found:
        raise RecordingError(f"{tables[0].path}: wanted columns of numbers, got {listed(everywhere)}")
    return found


def _with(tables: Sequence[Columns], mapping: Mapping) -> list[Columns]:
    """Tables that have a channel of a mapping; complains of columns that none has."""
    wanted = [channel.column for channel in mapping.channels]
    everywhere = [name for table in tables for name in table.names]
    beside = [mapping.time.column, mapping.label.column, *mapping.context.columns().values()]
    for name in (*wanted, *filter(None, beside)):
        if name not in everywhere:
            raise UsageError(f"{tables[0].path}: wanted column {name!r}, got {listed(everywhere)}")
    return [table for table in tables if set(wanted) & set(table.names)]


def _told(table: Columns, mapping: Mapping, options: Options) -> Mapping:
    """Look a mapping up in a table and name what it leaves to the headings."""
    taken = {channel.name for channel in mapping.channels if channel.name} | {"t_ns"}
    channels = []
    for spec in mapping.channels:
        if spec.column in table.names:
            name = spec.name or channel_of(spec.column, {}, taken).name
            group = spec.group or table.group
            unit = spec.unit or channel_of(spec.column, {}, set()).unit or table.units.get(spec.column, "")
            full_scale = spec.full_scale or table.full_scale.get(spec.column)
            channels.append(ChannelSpec(spec.column, name, unit, group, full_scale))
    has_time = mapping.time.column in table.names
    rate_hz = options.rate_hz or mapping.rate_hz or (None if has_time else table.rate_hz)
    _need_times(table, mapping.time.column if has_time else "", rate_hz)
    start = options.start or mapping.time.start
    absent = {told: "" for told, name in mapping.context.columns().items() if name not in table.names}
    return msgspec.structs.replace(
        mapping,
        channels=tuple(channels),
        rate_hz=rate_hz,
        time=msgspec.structs.replace(mapping.time, start=start) if has_time else TimeSpec(start=start),
        context=msgspec.structs.replace(mapping.context, **absent),
        label=mapping.label if mapping.label.column in table.names else LabelSpec(),
    )


def _guessed(
    table: Columns, wanted: list[str], units: dict[str, str], taken: set[str], options: Options
) -> Mapping | None:
    """Guess from headings and the first rows; None if there is no column of numbers."""
    time = table.find(options.time_column) if options.time_column else find_time_column(list(table.names))
    rate_hz = options.rate_hz or (None if time else table.rate_hz)
    others = [name for name in table.names if name != time and name not in wanted]
    context, label = guess_context(others), guess_label(others)
    spoken_for = {time, label.column, *context.columns().values()}
    head = table.head()
    headings = [name for name in wanted if name in table.names] or [
        name for name in table.names if name not in spoken_for and is_numeric(head[name])
    ]
    if not headings and spoken_for - {time, ""}:  # nothing but speeds, say: those are the signals then
        context, label = guess_context([]), guess_label([])
        headings = [name for name in table.names if name != time and is_numeric(head[name])]
    if not headings:
        return None
    _need_times(table, time or "", rate_hz)
    channels = [_spec(table, heading, units, taken) for heading in headings]
    return Mapping(
        tuple(channels),
        rate_hz,
        TimeSpec(time or "", options.time_unit, options.time_format, options.start),
        _group_specs(channels, options),
        context,
        label,
    )


def _spec(table: Columns, heading: str, units: dict[str, str], taken: set[str]) -> ChannelSpec:
    channel = channel_of(heading, units, taken)
    unit = channel.unit or table.units.get(heading, "")
    return ChannelSpec(heading, channel.name, unit, table.group, table.full_scale.get(heading))


def _group_specs(channels: list[ChannelSpec], options: Options) -> tuple[GroupSpec, ...]:
    if not options.kind and options.max_gap_s is None:
        return ()
    names = dict.fromkeys(channel.group for channel in channels)
    return tuple(GroupSpec(name, options.kind, options.max_gap_s) for name in names)


def _need_times(table: Columns, time: str, rate_hz: float | None) -> None:
    if not time and rate_hz is None:
        raise UsageError(
            f"{table.path}: found no column of times among {listed(table.names)}; "
            "give time_column=... or rate_hz=..."
        )
