"""The models of one sensor group by regime: as many as there is room for, the others in a store."""

from __future__ import annotations

import hashlib
import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from detectors.baseline import Baseline
from detectors.dynamic import DynamicChange
from engine.config import Config
from engine.declared import SensorGroup, TeachIn
from engine.records import Feature, Regime
from operators.baseline_store import BaselineStore, pack, unpack

_log = logging.getLogger(__name__)


_N_ODD = 3.0
"""Visits unlike the baseline, less half of those like it, from which on another cut goes by the same name."""


class RegimeModels:
    """What one regime of a group has: a learned baseline and its own recent past.

    Parameters
    ----------
    baseline, dynamic
        New ones.

    Attributes
    ----------
    odd : bool
        Whether the learned tier has exceeded its limit in this visit of the regime; for the caller to set.
    n_begun : int
        How often the teach-in was begun anew, for what was learned was not the spindle's work; for the caller to count.
    """

    version = 2
    __slots__ = ("_n_odd", "baseline", "dynamic", "n_begun", "odd")

    def __init__(self, baseline: Baseline, dynamic: DynamicChange) -> None:
        self.baseline, self.dynamic = baseline, dynamic
        self.odd, self._n_odd = False, 0.0
        self.n_begun = 0

    def begin_visit(self) -> bool:
        """Note that the regime holds again; True if its baseline should be taught anew.

        A program that was edited for good, or a first cut that was the odd one, is told three times and then learned:
        an alert in every part about nothing that anybody would mend is how alerts are lost.
        """
        self._n_odd = max(0.0, self._n_odd + (1.0 if self.odd else -0.5))
        self.odd = False
        if self._n_odd < _N_ODD:
            return False
        self._n_odd = 0.0
        return True

    def save(self) -> dict[str, Any]:
        """Return plain values for `restore`."""
        visits = {"odd": self.odd, "n_odd": self._n_odd, "n_begun": self.n_begun}
        return {"baseline": self.baseline.save(), "dynamic": self.dynamic.save(), **visits}

    def restore(self, state: Any) -> None:
        """Go on where others of the same features stopped; ``ValueError`` or ``KeyError`` if these are not."""
        self.baseline.restore(state["baseline"])
        self.dynamic.restore(state["dynamic"])
        self.odd, self._n_odd = bool(state["odd"]), float(state["n_odd"])
        self.n_begun = int(state["n_begun"])


def likeness_of(
    features: Sequence[Feature],
    group: SensorGroup,
    config: Config,
    wanted: int,
    teach_in: TeachIn,
    n_groups: int,
) -> str:
    """Hash what two processes must have in common for one to go on with what the other has learned.

    Parameters
    ----------
    features : sequence of Feature
        Learned ones.
    group : SensorGroup
        Declared.
    config : Config
        Tables that decide what is measured and learned; limits, judge and diagnosis do not.
    wanted, teach_in, n_groups
        As `operators.group_detect.GroupDetect` has them.

    Returns
    -------
    str
        16 hex digits.
    """
    measured = config.waveform if group.kind == "waveform" else config.scalar
    learn = msgspec.structs.replace(config.learn, max_regimes=1)
    versions = Baseline.version, DynamicChange.version, RegimeModels.version
    what = (
        versions,
        features,
        group,
        measured,
        learn,
        config.detectors,
        config.ensemble,
        wanted,
        teach_in,
        n_groups,
    )
    return hashlib.sha256(msgspec.json.encode(what, order="sorted")).hexdigest()[:16]


class ModelsByRegime:
    """At most ``max_regimes`` pairs of models; those that have to make room come back from the store, as they were.

    Room is made by the regime that has not been cut for longest. A regime that is not cutting goes before any that
    is: what a section looks like took parts to learn, an idle spindle does not take long.

    Parameters
    ----------
    make : callable
        Makes the models of a regime never seen.
    max_regimes : int
        1 upwards.
    store : BaselineStore or None
        None: what has to make room is forgotten.
    owner : tuple of str
        Spindle, group, and a hash over what models must have in common with those in the store. Part of the key.
    """

    __slots__ = ("_make", "_max_regimes", "_models", "_owner", "_store", "n_discarded")

    def __init__(
        self,
        make: Callable[[Regime], RegimeModels],
        max_regimes: int,
        store: BaselineStore | None,
        owner: tuple[str, ...],
    ) -> None:
        self._make, self._max_regimes, self._store, self._owner = make, max_regimes, store, owner
        self._models: OrderedDict[Regime, RegimeModels] = OrderedDict()
        self.n_discarded = 0
        """Entries of the store that could not be read."""

    def of(self, regime: Regime) -> RegimeModels:
        """Find the models of the regime that holds now: in memory, in the store, or new.

        Parameters
        ----------
        regime : Regime
            From now on the one seen most recently.

        Returns
        -------
        RegimeModels
            Kept in memory, where another may have made room.
        """
        models = self._models.get(regime)
        if models is None:
            models = self._models[regime] = self._fetch(regime) or self._make(regime)
            if len(self._models) > self._max_regimes:
                self._make_room(regime)
        self._models.move_to_end(regime)
        return models

    def get(self, regime: Regime) -> RegimeModels | None:
        """Look up models in memory; changes nothing."""
        return self._models.get(regime)

    def save(self) -> list[Any]:
        """Return what is in memory, for `restore`."""
        return [(tuple(regime), models.save()) for regime, models in self._models.items()]

    def restore(self, state: list[Any]) -> None:
        """Continue from `save`; what the store holds of these regimes is older or the same."""
        self._models.clear()
        for saved_regime, saved in state:
            regime = Regime(*saved_regime)
            models = self._models[regime] = self._make(regime)
            models.restore(saved)

    def _make_room(self, newest: Regime) -> None:
        others = [regime for regime in self._models if regime != newest]
        goes = next((regime for regime in others if regime.cutting is not True), others[0])
        models = self._models.pop(goes)
        if self._store is not None:
            self._store.put(self._key(goes), pack(models.save()))

    def _fetch(self, regime: Regime) -> RegimeModels | None:
        packed = None if self._store is None else self._store.get(self._key(regime))
        if packed is None:
            return None
        models = self._make(regime)
        try:
            models.restore(unpack(packed))
        except (ValueError, KeyError, TypeError, IndexError) as error:
            self.n_discarded += 1
            _log.warning(
                "%s: stored baseline of %s discarded (%d so far): %s",
                "/".join(self._owner[:2]),
                regime.label,
                self.n_discarded,
                error,
            )
            return None
        return models

    def _key(self, regime: Regime) -> str:
        return msgspec.json.encode([*self._owner, list(regime)]).decode()
