"""What a site says about its MTConnect agents: ``[feeds.mtconnect]``.

::

    [[feeds.mtconnect.agents]]
    url = "http://192.168.1.20:5000"
    spindle = "M1"
    values = { S1load = "spindle_load", "ToolAssetId" = { context = "tool_edge" } }
    sections = [{ of = "LineNumber/ABSOLUTE", from = 100, to = 250, is = "rough" }]
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from engine.feeders.settings import Target, Values
from engine.site import Positive, Table

_MM_MIN = 60.0  # PathFeedrate is in millimetres per second
DEFAULT_VALUES: dict[str, Target] = {
    "ToolNumber": Target(context="tool"),
    "ToolAssetId": Target(context="tool"),
    "ToolId": Target(context="tool"),
    "Program/MAIN": Target(context="program"),
    "Program": Target(context="program"),
    "RotaryVelocity/ACTUAL": Target(context="rpm"),
    "SpindleSpeed/ACTUAL": Target(context="rpm"),
    "RotaryVelocity": Target(context="rpm"),
    "SpindleSpeed": Target(context="rpm"),
    "PathFeedrate/ACTUAL": Target(context="feed_mm_min", factor=_MM_MIN),
    "PathFeedrate": Target(context="feed_mm_min", factor=_MM_MIN),
}
"""What is read of a context unless the site says otherwise; of several the first that the agent has."""


class SectionRule(Table, frozen=True, rename={"first": "from", "last": "to", "name": "is"}):
    """When a program is in a section: its line number is within a range, or a text was seen.

    Parameters
    ----------
    of : str
        Data item, such as ``LineNumber/ABSOLUTE`` or ``Block``.
    first, last : int, optional
        ``from`` and ``to``: line numbers, both included.
    matches : str
        Regular expression that is searched in the value. What it says holds until another rule says otherwise or
        another program is told.
    name : str
        ``is``: the section.
    """

    of: str
    name: Annotated[str, Meta(min_length=1, max_length=255)]
    first: int | None = None
    last: int | None = None
    matches: str = ""


class AgentTable(Table, frozen=True):
    """One entry of ``[[feeds.mtconnect.agents]]``.

    Parameters
    ----------
    url, device, path, ca_file : str
        As for `engine.feeders.mtconnect_agent.Asked`.
    interval_s, heartbeat_s, timeout_s, max_document_mib, count : float
        Likewise.
    spindle : str
        The declared spindle that the values belong to.
    values : dict
        Data item -> channel or field of the context.
    defaults : bool
        Whether fields of the context that ``values`` leave out are read by `DEFAULT_VALUES`.
    sections : tuple of SectionRule
        The first that holds counts.
    idle : bool
        Whether to tell that the tool does not cut, where that is certain.
    """

    url: str
    spindle: str
    device: str = ""
    path: str = ""
    ca_file: str = ""
    interval_s: Annotated[float, Meta(ge=0.01, le=60)] = 0.1
    heartbeat_s: Annotated[float, Meta(ge=0.1, le=300)] = 1.0
    timeout_s: Positive = 10.0
    max_document_mib: Annotated[float, Meta(gt=0, le=256)] = 8.0
    count: Annotated[int, Meta(ge=1, le=100_000)] = 1000
    values: Values = msgspec.field(default_factory=dict)
    defaults: bool = True
    sections: tuple[SectionRule, ...] = ()
    idle: bool = True


class MtconnectTable(Table, frozen=True):
    """``[feeds.mtconnect]``."""

    agents: Annotated[tuple[AgentTable, ...], Meta(min_length=1, max_length=1000)]
