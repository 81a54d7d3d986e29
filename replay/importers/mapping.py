"""Which column is what: told in a small TOML, or guessed from headings and shown as that TOML."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from engine.errors import UsageError
from replay.importers.time_column import TimeUnit
from replay.wording import one_line

Kind = Literal["", "waveform", "scalar"]
# Cells of a column of labels that mean: all is well. Compared in lower case.
NORMAL = ("0", "false", "normal", "healthy", "ok", "good", "pass", "none", "정상", "양품")
_Positive = Annotated[float, Meta(gt=0)]


class TimeSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When rows were taken.

    Parameters
    ----------
    column : str
        Heading of the column of times; empty = rows come at a rate.
    unit : {"", "s", "ms", "us", "ns"}
        Of numbers; empty = from the heading, else from their size.
    format : str
        Of texts other than ISO 8601, as for ``datetime.strptime``.
    start : str
        Date and time of the first row, ISO 8601, taken as UTC.
    """

    column: str = ""
    unit: TimeUnit = ""
    format: str = ""
    start: str = ""


class ChannelSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A column that becomes a channel.

    Parameters
    ----------
    column : str
        Its heading.
    name, unit : str
        Of the channel; empty = from the heading.
    group : str
        Sensor group; empty = the file's, mostly ``signals``.
    full_scale : float, optional
        Largest value that the converter can deliver, in ``unit``.
    """

    column: str
    name: str = ""
    unit: str = ""
    group: str = ""
    full_scale: _Positive | None = None


class GroupSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is said about a sensor group.

    Parameters
    ----------
    name : str
        As channels name it.
    kind : {"", "waveform", "scalar"}
        Empty = a waveform from 200 Hz on.
    max_gap_s : float, optional
        Longest normal pause of a scalar group.
    """

    name: str
    kind: Kind = ""
    max_gap_s: _Positive | None = None


class ContextSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Columns that say what the machine does; empty = there is none.

    Parameters
    ----------
    rpm, tool, program, section, feed, cutting : str
        Headings.
    feed_to_mm_min : float
        What the feed is multiplied by: 60 where it is in mm/s.
    """

    rpm: str = ""
    tool: str = ""
    program: str = ""
    section: str = ""
    feed: str = ""
    cutting: str = ""
    feed_to_mm_min: _Positive = 1.0

    def columns(self) -> dict[str, str]:
        """Headings by what they tell."""
        told = ("rpm", "tool", "program", "section", "feed", "cutting")
        return {name: getattr(self, name) for name in told if getattr(self, name)}


class LabelSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A column that labels every row.

    Parameters
    ----------
    column : str
        Heading; empty = nothing is labelled.
    normal : tuple[str, ...]
        Cells that mean that all is well. Blank cells mean that nobody knows: no fault, and the labels are not
        complete.
    fault : str
        Name of what any other cell labels; empty = the cell itself, ``anomaly`` where that is a number.
    """

    column: str = ""
    normal: tuple[str, ...] = NORMAL
    fault: str = ""


class Mapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What becomes of a table's columns.

    Parameters
    ----------
    channels : tuple[ChannelSpec, ...]
        At least one.
    rate_hz : float, optional
        Rows per second; needed without a column of times.
    time : TimeSpec
        When rows were taken.
    groups : tuple[GroupSpec, ...]
        What is said about sensor groups.
    context : ContextSpec
        What the machine did.
    label : LabelSpec
        What is labelled.
    """

    channels: Annotated[tuple[ChannelSpec, ...], Meta(min_length=1)]
    rate_hz: _Positive | None = None
    time: TimeSpec = TimeSpec()
    groups: tuple[GroupSpec, ...] = ()
    context: ContextSpec = ContextSpec()
    label: LabelSpec = LabelSpec()


def read_mapping(path: Path) -> Mapping:
    """Read a mapping.

    Parameters
    ----------
    path : Path
        TOML, as `mapping_toml` writes it.

    Returns
    -------
    Mapping
        Whose columns are still to be looked up.

    Raises
    ------
    UsageError
        Unreadable, or of another shape; names file and key.
    """
    try:
        return msgspec.toml.decode(path.read_bytes(), type=Mapping)
    except OSError as error:
        raise UsageError(f"mapping: {path}: cannot be read: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"mapping: {path}: {one_line(str(error))}") from error


def mapping_toml(mapping: Mapping, path: Path, names: Iterable[str] = ()) -> str:
    """Write a mapping as TOML that can be edited and given back.

    Parameters
    ----------
    mapping : Mapping
        Told or guessed.
    path : Path
        The table, for the first line.
    names : iterable of str
        Headings of the table; those that are not used are told in a comment.

    Returns
    -------
    str
        Lines; what is empty is left out.
    """
    lines = [f"# {one_line(str(path))}: which column is what. Give it back with -o mapping=FILE."]
    time, context, label = mapping.time, mapping.context, mapping.label
    used = {time.column, label.column, *context.columns().values(), *(c.column for c in mapping.channels)}
    lines += [f"# Not used: {one_line(name)}" for name in names if name not in used]
    if mapping.rate_hz is not None:
        lines.append(f"rate_hz = {mapping.rate_hz!r}")
    for channel in mapping.channels:
        lines += ["", "[[channels]]", *_pairs(channel)]
    for group in mapping.groups:
        lines += ["", "[[groups]]", *_pairs(group)]
    for name, struct in (("time", time), ("context", context), ("label", label)):
        if pairs := _pairs(struct):
            lines += ["", f"[{name}]", *pairs]
    return "\n".join(lines) + "\n"


# Headings that are taken for context and labels: whole names, so that no load is lost to a likeness.
_CONTEXT_NAMES = {
    "rpm": re.compile(
        r"(spindle )?(rpm|speed rpm)|spindle speed|회전수|스핀들 ?(속도|회전수)|주축 ?(속도|회전수)"
    ),
    "tool": re.compile(r"tool( ?(number|no|id|name))?|공구( ?번호)?"),
    "program": re.compile(r"program( ?(number|no|id|name))?|프로그램( ?번호)?"),
    "section": re.compile(r"section|machining process|공정"),
    "feed": re.compile(r"feed( ?rate)?|이송( ?속도)?"),
    "cutting": re.compile(r"cutting|cut signal|절삭"),
}
_LABEL_NAME = re.compile(r"labels?|anomal(y|ies)|is anomaly|faults?|라벨|이상( ?여부)?")
_UNIT = re.compile(r"\s*[\[(].*[\])]\s*$")


def guess_context(names: list[str]) -> ContextSpec:
    """Columns whose heading says what the machine does; the first of each.

    Examples
    --------
    >>> guess_context(["t", "Spindle Speed [rpm]", "공구번호", "load"]).columns()
    {'rpm': 'Spindle Speed [rpm]', 'tool': '공구번호'}
    """
    found: dict[str, str] = {}
    for name in names:
        for told, pattern in _CONTEXT_NAMES.items():
            if pattern.fullmatch(_plain(name)):
                found.setdefault(told, name)
    return msgspec.convert(found, ContextSpec)


def guess_label(names: list[str]) -> LabelSpec:
    """The column whose heading says that it labels rows; none if there is none.

    Examples
    --------
    >>> guess_label(["load", "anomaly"]).column, guess_label(["load"]).column
    ('anomaly', '')
    """
    return LabelSpec(next((name for name in names if _LABEL_NAME.fullmatch(_plain(name))), ""))


def _plain(name: str) -> str:
    field = re.split(r"[/.]", _UNIT.sub("", name.strip().lower()))[-1]  # fields and groups are paths
    return re.sub(r"[ _-]+", " ", field).strip()


def _pairs(struct: msgspec.Struct) -> list[str]:
    """``key = value`` of what must be said and of what differs from its default."""
    fields = msgspec.structs.fields(struct)
    values = [(f.name, getattr(struct, f.name)) for f in fields]
    said = [f.required or value != f.default for f, (_, value) in zip(fields, values, strict=True)]
    return [
        f"{name} = {_value(value)}" for (name, value), is_said in zip(values, said, strict=True) if is_said
    ]


def _value(value: str | float | tuple[str, ...]) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return f"[{', '.join(map(_value, value))}]" if isinstance(value, tuple) else repr(value)
