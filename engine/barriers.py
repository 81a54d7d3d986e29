"""Barriers: markers in the stream that take a spindle's state out of the flow, bring it back, or change its settings.

A score depends on everything that was learned since the start, so samples alone reproduce no alert. A barrier passes
the steps in the order of the stream, between two items of its spindle: what every step knows at that moment belongs
to one moment of the stream, though no step ever waits for another (Chandy and Lamport 1985; Carbone et al. 2015,
"Lightweight Asynchronous Snapshots for Distributed Dataflows").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.config import Config


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """Asks every step on its way for its state of one spindle; changes nothing.

    Parameters
    ----------
    spindle : str
        Whose.
    t_ns : int
        Stream time, for order only.
    number : int
        Which one, counted by whoever sent it.
    states : tuple of (str, bytes)
        What the steps passed so far said: step id and `operators.state_codec.encode_state`.
    owner : str
        Who sent it, and takes it at the end; others let it pass.
    """

    spindle: str
    t_ns: int
    number: int
    states: tuple[tuple[str, bytes], ...] = ()
    owner: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Resume:
    """Makes every step on its way continue from a state; the first item of its spindle, if there is one.

    Parameters
    ----------
    spindle : str
        Whose.
    t_ns : int
        Stream time, for order only.
    states : Mapping[str, bytes]
        By step id, as a `Snapshot` collected them.
    """

    spindle: str
    t_ns: int
    states: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Reconfigure:
    """Makes every step on its way go on under another configuration, with what it knows of one spindle.

    Parameters
    ----------
    spindle : str
        Whose.
    t_ns : int
        Stream time, for order only.
    config : Config
        Of the same `engine.config.Config.learning_hash`, and of detectors and limits that fit the spindle: whoever
        sends this makes sure of it.
    """

    spindle: str
    t_ns: int
    config: Config
