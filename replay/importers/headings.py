"""Channels of headings: their names, units and coupling."""

from __future__ import annotations

import re

from engine.declared import Channel
from replay.importers.drafts import snake_case

_VIBRATION = re.compile(r"vib|acc|velo|진동")
_VIBRATION_UNITS = {"g", "m/s²", "m/s2", "m/s^2", "mm/s"}
_UNIT_IN_NAME = re.compile(r"(.*?)\s*[\[(]([^\])]+)[\])]\s*")


def channel_of(heading: str, units: dict[str, str], taken: set[str]) -> Channel:
    """Turn a heading into a channel.

    Parameters
    ----------
    heading : str
        May end in a unit: ``Current [A]``.
    units : dict[str, str]
        By heading or name; goes before what a heading says. What is used is taken out.
    taken : set[str]
        Names that are given already; the new one is put in.

    Returns
    -------
    Channel
        A name of its own; what vibrates, by name or unit, is not dc_coupled.

    Examples
    --------
    >>> [(c.name, c.unit, c.dc_coupled) for c in (channel_of("Current [A]", {}, set()), channel_of("vib x", {}, set()))]
    [('current', 'A', True), ('vib_x', '', False)]
    """
    bare, unit = heading, ""
    if match := _UNIT_IN_NAME.fullmatch(heading):
        bare, unit = match.groups()
    plain = snake_case(bare) or "channel"
    for key in [key for key in units if key in (heading, bare) or snake_case(key) == plain][:1]:
        unit = units.pop(key)
    name, n = plain, 1
    while name in taken:
        n += 1
        name = f"{plain}_{n}"
    taken.add(name)
    return declare(name, unit)


def declare(name: str, unit: str, full_scale: float | None = None) -> Channel:
    """Declare a channel: what vibrates, by name or unit, is not dc_coupled.

    Examples
    --------
    >>> declare("spindle", "g").dc_coupled, declare("load", "%").dc_coupled
    (False, True)
    """
    vibrates = unit in _VIBRATION_UNITS or bool(_VIBRATION.match(name.lower()))
    return Channel(name, unit, full_scale, dc_coupled=not vibrates)


def distinct(names: list[str]) -> list[str]:
    """Number headings that occur twice, and those that are empty.

    Examples
    --------
    >>> distinct(["a", "a", "", "a_2"])
    ['a', 'a_2', 'column_3', 'a_2_4']
    """
    out: list[str] = []
    taken: set[str] = set()
    for index, name in enumerate(names, start=1):
        plain = name or f"column_{index}"
        while plain in taken:
            plain = f"{plain}_{index}"
        taken.add(plain)
        out.append(plain)
    return out
