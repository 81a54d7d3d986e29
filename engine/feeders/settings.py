"""What a site says about its feeds: which of another system's names becomes which channel, or which part of a context.

``[feeds.NAME]`` is one feed's table. What every feed shares: its ``values`` say, for each external name, the channel of
the spindle that it becomes (a channel's name is unique within its spindle, so no group is told), or the field of the
context::

    values = { S1load = "spindle_load", S1speed = { context = "rpm" }, T7 = { channel = "temp", factor = 0.1 } }
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar

import msgspec

from engine.config import Config
from engine.declared import SensorGroup, Spindle
from engine.errors import ConfigError
from engine.site import Table

ContextField = Literal["tool", "program", "section", "tool_edge", "rpm", "feed_mm_min", "cutting", "n_teeth"]
T = TypeVar("T")


class Target(Table, frozen=True):
    """What an external value becomes: a channel or a field of the context, one of them.

    Parameters
    ----------
    channel : str
        Of the spindle.
    context : str
        ``tool``, ``program``, ``section``, ``tool_edge``, ``rpm``, ``feed_mm_min``, ``cutting`` or ``n_teeth``.
    factor : float
        Numbers are multiplied by it: 60 from mm/s to mm/min.
    """

    channel: str = ""
    context: ContextField | None = None
    factor: float = 1.0


Values = dict[str, str | Target]
"""External name -> channel, or more about it."""


class Slot(NamedTuple):
    """A target found in a declared spindle.

    Parameters
    ----------
    group : SensorGroup or None
        None = the context.
    row : int
        Of the channel in its group.
    context : str
        Field of the context; empty = a channel.
    factor : float
        Numbers are multiplied by it.
    """

    group: SensorGroup | None
    row: int
    context: str
    factor: float


def feed_table(config: Config, name: str, of: type[T]) -> T:
    """Decode the table of one feed.

    Parameters
    ----------
    config : Config
        Carries ``[feeds]`` undecoded.
    name : str
        ``[feeds.NAME]``.
    of : type
        A `msgspec.Struct`.

    Returns
    -------
    T
        Types and ranges are checked, targets are not: `find_slots`.

    Raises
    ------
    ConfigError
        No such table, an unknown key, a wrong type or value; with its path. Or no spindles are declared.
    """
    if name not in config.feeds:
        raise ConfigError(f"wanted a table [feeds.{name}] that says what to read, got none")
    if not config.spindles:
        raise ConfigError("wanted the spindles that are fed as [[spindles]], got none")
    try:
        return msgspec.convert(config.feeds[name], of)
    except msgspec.ValidationError as error:
        told = str(error)
        path = f"$.feeds.{name}"
        raise ConfigError(
            told.replace("`$", f"`{path}", 1) if "`$" in told else f"{told} - at `{path}`"
        ) from error


@contextmanager
def in_file(path: Path) -> Iterator[None]:
    """Say in which file a configuration stands that cannot be used.

    Parameters
    ----------
    path : Path
        The site's.

    Raises
    ------
    ConfigError
        With the path before it.
    """
    try:
        yield
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def find_spindle(config: Config, name: str, path: str) -> Spindle:
    """Find a declared spindle.

    Raises
    ------
    ConfigError
        None of that name; ``path`` says where it was named.
    """
    for spindle in config.spindles:
        if spindle.name == name:
            return spindle
    raise ConfigError(f"Expected the name of one of [[spindles]], got {name!r} - at `$.{path}`")


def find_slots(values: Mapping[str, str | Target], spindle: Spindle, path: str) -> dict[str, Slot]:
    """Find the targets of external names in a spindle.

    Parameters
    ----------
    values : Mapping[str, str or Target]
        As configured.
    spindle : Spindle
        As declared.
    path : str
        Where ``values`` stand, for the error.

    Returns
    -------
    dict[str, Slot]
        By external name.

    Raises
    ------
    ConfigError
        A channel that the spindle has not, or a target that is none or two.
    """
    rows = {
        channel: (group, row) for group in spindle.groups for row, channel in enumerate(group.channel_names)
    }
    slots = {}
    for name, value in values.items():
        target = Target(channel=value) if isinstance(value, str) else value
        if bool(target.channel) == bool(target.context):
            raise ConfigError(f"Expected `channel` or `context`, one of them - at `$.{path}.{name}`")
        if target.context:
            slots[name] = Slot(None, 0, target.context, target.factor)
        elif target.channel in rows:
            slots[name] = Slot(*rows[target.channel], "", target.factor)
        else:
            wanted = ", ".join(rows)
            raise ConfigError(
                f"Expected a channel of {spindle.name!r} ({wanted}), got {target.channel!r} - at `$.{path}.{name}`"
            )
    return slots
