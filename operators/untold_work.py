"""Whether a change is the spindle's own work, where no controller tells of a cut: held back until its loads tell."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto
from typing import Any

from detectors.spindle_loads import HOLD_NS, LoadFeatures, SpindleLoads
from engine.declared import SensorGroup
from engine.records import Feature, FeatureVector
from operators.cutting_gate import load_channels

_N_BEGINNINGS = 2
"""Teach-ins of one regime that may be begun anew: a spindle stands, turns in the air, and cuts."""


class Says(Enum):
    """What becomes of a vector that is unlike what was learned."""

    TELL = auto()
    HOLD = auto()
    WORKS = auto()
    """The loads stepped up with the change: it is what the spindle does from now on, and has to be learned."""


class UntoldWork:
    """Of one group: since when something is unlike what was learned, and what the loads say to that.

    A teach-in of some seconds, on a machine that tells nothing, may know the spindle standing or in the air only. The
    first cut is then unlike all that was learned. So an exceedance of the learned tier waits for a second. If the
    spindle's loads stepped up with it and stay, the teach-in begins anew; if not, it is told. What is over within the
    second is not told at all: blows are for the signature `shock`.

    State: a time.

    Parameters
    ----------
    group : SensorGroup
        Declared.
    features : sequence of Feature
        Of its vectors, learned ones first.
    loads : SpindleLoads
        Shared by the spindle's groups.
    """

    __slots__ = ("_group", "_loads", "_since_ns", "_where")

    def __init__(self, group: SensorGroup, features: Sequence[Feature], loads: SpindleLoads) -> None:
        self._group, self._loads = group.name, loads
        self._where = load_features(group, features)
        self._since_ns: int | None = None

    def note(self, vector: FeatureVector) -> None:
        """Take the loads of the group's next vector."""
        if vector.usable and self._where.means:
            self._loads.add(self._group, self._where, vector.t_ns, vector.values)

    def ask(self, t_ns: int, n_begun: int, *, exceeds: bool) -> Says:
        """Say what becomes of a vector of a regime of which nobody tells whether it is a cut.

        Parameters
        ----------
        t_ns : int
            End of its window.
        n_begun : int
            Teach-ins of its regime that were begun anew so far.
        exceeds : bool
            Whether the learned tier is beyond its limit.

        Returns
        -------
        Says
            TELL where no load is known.
        """
        if n_begun >= _N_BEGINNINGS or not self._loads.any:
            return Says.TELL
        since_ns = self._since_ns
        held = since_ns is not None and 0 <= t_ns - since_ns < HOLD_NS
        if not exceeds:
            if not held:
                self._since_ns = None
            return Says.TELL
        if since_ns is None or t_ns < since_ns:
            self._since_ns = t_ns
            return Says.HOLD
        if held:
            return Says.HOLD
        if not self._loads.rose(since_ns):
            return Says.TELL
        self._since_ns = None
        return Says.WORKS

    def leave(self) -> None:
        """Note that another regime holds."""
        self._since_ns = None

    def save(self) -> Any:
        """State for recovery; the loads are saved by whoever shares them out."""
        return self._since_ns

    def restore(self, state: Any) -> None:
        """Continue from `save`."""
        self._since_ns = state


def load_features(group: SensorGroup, features: Sequence[Feature]) -> LoadFeatures:
    """Say where vectors tell how hard the spindle works.

    Parameters
    ----------
    group : SensorGroup
        Declared.
    features : sequence of Feature
        Of its vectors.

    Returns
    -------
    LoadFeatures
        Of loads that are ``dc_coupled`` and whose ``mean`` and ``std`` are measured; empty if there is none.
    """
    at = {feature.name: position for position, feature in enumerate(features)}
    names = [group.channels[i].name for i in load_channels(group) if group.channels[i].dc_coupled]
    found = [(at.get(f"{name}.mean"), at.get(f"{name}.std")) for name in names]
    known = [(mean, std) for mean, std in found if mean is not None and std is not None]
    return LoadFeatures(tuple(mean for mean, _ in known), tuple(std for _, std in known))
