"""What a tuning may change: keys of the configuration, each with a range or choices."""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from detectors.registry import check_detectors
from engine.config import Config, SearchConfig, decode_config
from engine.errors import ConfigError
from operators.features import check_config

Values = Mapping[str, Any]
"""A point of the space: a value for each key."""

_KEY = re.compile(r"(?P<table>\w+)(?:\[(?P<which>[^\]]+)\])?(?P<rest>(?:\.\w+)+)")
_DECIDING_NOTHING = ("hub", "journal", "tune")
_N_DIGITS = 4
"""Of values drawn: more would say nothing, and a person reads them."""


@dataclass(frozen=True, slots=True)
class Axis:
    """One key and where its value may lie.

    Parameters
    ----------
    key : str
        ``table.key``, or ``detectors[WHICH].key`` where WHICH is a name (all of that name), a number or ``*``.
    low, high : float
        Both included; ints where ``whole``. NaN where there are choices.
    log : bool
        Drawn evenly on a logarithmic scale.
    whole : bool
        Whole numbers only.
    choices : tuple
        Instead of a range: values that TOML can hold, in no order.
    """

    key: str
    low: float = math.nan
    high: float = math.nan
    log: bool = False
    whole: bool = False
    choices: tuple[Any, ...] = ()

    @property
    def ends(self) -> tuple[Any, ...]:
        """Values that must be possible for all between them to be: the range's ends, or every choice."""
        return self.choices or (self.low, self.high)

    def at(self, share: float) -> Any:
        """Value at a share of the axis.

        Parameters
        ----------
        share : float
            0 up to, not including, 1.

        Returns
        -------
        Any
            Shares drawn evenly give every choice, every whole number and every stretch its part.
        """
        if self.choices:
            return self.choices[int(share * len(self.choices))]
        low, high = (self.low - 0.5, self.high + 0.5) if self.whole else (self.low, self.high)
        value = low * (high / low) ** share if self.log else low + (high - low) * share
        return self.tidy(value)

    def tidy(self, value: float) -> float:
        """Round a drawn value to what is worth writing down; never out of the range."""
        rounded = round(value) if self.whole else float(f"{value:.{_N_DIGITS}g}")
        return min(max(rounded, self.low), self.high)

    def holds(self, value: Any) -> bool:
        """Whether a value lies on the axis."""
        if self.choices:
            return value in self.choices
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return is_number and self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Space:
    """A configuration and the axes along which it may be changed."""

    base: Config
    axes: tuple[Axis, ...]

    @classmethod
    def of(cls, config: Config) -> Space:
        """Read ``[tune.space]`` and see that every end of it is a configuration.

        Parameters
        ----------
        config : Config
            What is tuned.

        Returns
        -------
        Space
            In the order of its keys, so that the order in a file changes no draw.

        Raises
        ------
        ConfigError
            An empty space, a key that does not exist, a range or choice that is impossible; names the key.
        """
        if not config.tune.space:
            raise ConfigError("tune.space: Expected at least one key to search, got none")
        tables = msgspec.to_builtins(config)
        axes = tuple(_axis(key, entry, tables) for key, entry in sorted(config.tune.space.items()))
        space = cls(config, axes)
        for axis in axes:
            for value in axis.ends:
                try:
                    check_fit(space.config({axis.key: value}))
                except ConfigError as error:
                    raise ConfigError(f"tune.space: {axis.key!r} = {value!r}: {error}") from error
        return space

    def config(self, values: Values) -> Config:
        """Make the configuration of a point.

        Parameters
        ----------
        values : mapping
            For any of the keys.

        Returns
        -------
        Config
            The base with these values.

        Raises
        ------
        ConfigError
            Values that do not go together.
        """
        tables = msgspec.to_builtins(self.base)
        for key, value in values.items():
            for table, name in places(key, tables):
                table[name] = copy.copy(value)
        return decode_config(tables, "trial")

    def here(self) -> dict[str, Any] | None:
        """Where the base lies; None if it is outside, or has several values where the space has one."""
        tables = msgspec.to_builtins(self.base)
        values = {}
        for axis in self.axes:
            found = [table.get(name) for table, name in places(axis.key, tables)]
            if any(value != found[0] for value in found) or not axis.holds(found[0]):
                return None
            values[axis.key] = found[0]
        return values


def check_fit(config: Config) -> None:
    """See that features and detectors of a configuration exist.

    Parameters
    ----------
    config : Config
        Any.

    Raises
    ------
    ConfigError
        Names the key.
    """
    check_config(config)
    check_detectors(config.detectors)


def places(key: str, tables: dict[str, Any]) -> list[tuple[dict[str, Any], str]]:
    """Find where a key of the space stands.

    Parameters
    ----------
    key : str
        As `Axis` has it.
    tables : dict
        A whole configuration as plain tables.

    Returns
    -------
    list of (dict, str)
        Each table that holds it and its name there: at least one.

    Raises
    ------
    ConfigError
        No such table or detector. Whether the table may hold that name is for the configuration to say.
    """
    match = _KEY.fullmatch(key)
    if match is None:
        raise ConfigError(f"tune.space: Expected a key such as judge.on or detectors[0].margin, got {key!r}")
    table, which = match["table"], match["which"]
    *between, name = match["rest"][1:].split(".")
    if table in _DECIDING_NOTHING:
        raise ConfigError(f"tune.space: Expected a key that decides alerts, got {key!r}")
    if (table == "detectors") != (which is not None) or table not in tables:
        raise ConfigError(f"tune.space: Expected a key of the configuration, got {key!r}")
    roots = [tables[table]] if which is None else list(_chosen(tables["detectors"], which))
    if not roots:
        there = ", ".join(entry["name"] for entry in tables["detectors"])
        raise ConfigError(f"tune.space: {key!r}: Expected one of the detectors {there}, got {which!r}")
    found = []
    for root in roots:
        for step in between:
            root = root.get(step) if isinstance(root, dict) else None
        if not isinstance(root, dict):
            raise ConfigError(f"tune.space: Expected a key of the configuration, got {key!r}")
        found.append((root, name))
    return found


def _chosen(detectors: list[dict[str, Any]], which: str) -> Iterator[dict[str, Any]]:
    for number, entry in enumerate(detectors):
        if which in ("*", entry["name"], str(number)):
            yield entry


def _axis(key: str, entry: SearchConfig, tables: dict[str, Any]) -> Axis:
    """One entry of ``[tune.space]``; the kind of number follows the key's own value."""
    holders = places(key, tables)
    if entry.choices:
        if entry.low is not None or entry.high is not None or entry.log:
            raise ConfigError(f"tune.space: {key!r}: Expected a range or choices, got both")
        return Axis(key, choices=entry.choices)
    low, high = entry.low, entry.high
    if low is None or high is None:
        raise ConfigError(f"tune.space: {key!r}: Expected `low` and `high`, or `choices`")
    if not (low < high and math.isfinite(high - low)):
        raise ConfigError(f"tune.space: {key!r}: Expected low < high, got {low} and {high}")
    if entry.log and not low > 0:
        raise ConfigError(f"tune.space: {key!r}: Expected low > 0 for a logarithmic range, got {low}")
    values = [table.get(name) for table, name in holders]
    wants_float = any(isinstance(value, float) for value in values)
    whole = isinstance(low, int) and isinstance(high, int) and not wants_float
    return Axis(key, low, high, entry.log, True) if whole else Axis(key, float(low), float(high), entry.log)
