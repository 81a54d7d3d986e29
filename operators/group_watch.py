"""The signatures that watch one sensor group: what they find, what they cover, and what they may learn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from operator import itemgetter
from typing import Any

from detectors.signatures.base import Signature
from detectors.signatures.registry import make_signatures
from engine.config import Config
from engine.declared import SensorGroup
from engine.records import Feature, FeatureVector, Regime
from engine.verdicts import Cover, FaultClass, Finding, Why

_N_BETWEEN_COVERS = 10
"""Vectors after which it is looked again at what can be watched, if the regime did not change."""


class GroupWatch:
    """All signatures of one sensor group.

    Parameters
    ----------
    short, long : sequence of Feature
        Of its short and its long windows; ``long`` is empty if it has none.
    group : SensorGroup
        Declared.
    config : Config
        ``[diagnosis]``.
    """

    __slots__ = ("_covers", "_long", "_n_since", "_of_regime", "_sensitivity", "_short", "cover", "cuts")

    def __init__(
        self, short: Sequence[Feature], long: Sequence[Feature], group: SensorGroup, config: Config
    ) -> None:
        self._short, self._long = make_signatures(short, long, group, config)
        self._sensitivity: dict[FaultClass, float] = config.diagnosis.sensitivity
        self._covers: dict[bool, tuple[Cover, ...]] = {False: (), True: ()}
        self._n_since: dict[bool, int] = {False: 0, True: 0}
        self._of_regime: dict[bool, Regime | None] = {False: None, True: None}
        self.cover: tuple[Cover, ...] = ()
        self.cuts = 0, 0
        """Good cuts of the regime that have been learnt, of how many."""

    @property
    def any(self) -> bool:
        """Whether there is a signature at all."""
        return bool(self._short or self._long)

    def assess(self, vector: FeatureVector) -> list[Finding]:
        """Ask every signature that looks at such vectors.

        Parameters
        ----------
        vector : FeatureVector
            The group's next one, short or long.

        Returns
        -------
        list of Finding
            With ``[diagnosis] sensitivity`` applied; in the order of the registry.
        """
        signatures = self._signatures(vector)
        self._look(vector, signatures)
        found = []
        for signature in signatures:
            finding = signature.assess(vector)
            if finding is not None:
                factor = self._sensitivity.get(finding.fault, 1.0)
                found.append(finding if factor == 1.0 else replace(finding, score=factor * finding.score))
        return found

    def learn(self, vector: FeatureVector, allowed: bool) -> None:
        """Offer the vector that was just assessed to the same signatures.

        Parameters
        ----------
        vector : FeatureVector
            The same.
        allowed : bool
            As `detectors.signatures.base.Signature.learn` takes it.
        """
        for signature in self._signatures(vector):
            signature.learn(vector, allowed)

    def save(self) -> Any:
        """State for recovery."""
        signatures = [(s.name, s.save()) for s in (*self._short, *self._long)]
        of_regime = {long: None if r is None else tuple(r) for long, r in self._of_regime.items()}
        return signatures, self._covers, self._n_since, of_regime, self.cuts

    def restore(self, state: Any) -> None:
        """Continue from `save`."""
        signatures, self._covers, self._n_since, of_regime, self.cuts = state
        self._of_regime = {long: None if r is None else Regime(*r) for long, r in of_regime.items()}
        self.cover = (*self._covers[False], *self._covers[True])
        own = {signature.name: signature for signature in (*self._short, *self._long)}
        for name, saved in signatures:
            own[name].restore(saved)

    def _signatures(self, vector: FeatureVector) -> list[Signature]:
        return self._long if vector.long else self._short

    def _look(self, vector: FeatureVector, signatures: Sequence[Signature]) -> None:
        """See now and then what can be watched, so that subscribers are told."""
        long = vector.long
        self._n_since[long] += 1
        if self._of_regime[long] == vector.regime and self._n_since[long] < _N_BETWEEN_COVERS:
            return
        if vector.usable and not vector.steady:
            return  # soon over, and no news
        self._n_since[long], self._of_regime[long] = 0, vector.regime
        if not long:
            self.cuts = max(
                (s.progress(vector.regime) for s in signatures), key=itemgetter(1), default=(0, 0)
            )
        cover = tuple(
            Cover(s.fault, s.name, s.why_not(vector) if vector.usable else Why.SAMPLES) for s in signatures
        )
        if cover != self._covers[long]:
            self._covers[long] = cover
            self.cover = (*self._covers[False], *self._covers[True])
