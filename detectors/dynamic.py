"""Sudden rises within a regime: the dynamic tier, which needs no teach-in."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.base import NOTHING, Assessment, Floats, State, check_version, to_shares
from detectors.kernels.dynamic import REFERENCE, highest_rise, move_reference
from engine.records import Feature
from engine.verdicts import Reason

LEVELS = ("rms", "peak", "std", "peak_to_peak")
"""Features whose ratio to their own recent past says how violent the process is. Narrow bands are left out: over a
short window they vary by a factor of two by chance alone."""
N_WARM = 10
"""Vectors of a regime needed before anything is said: a second at ten a second. What happens before that, a shock's
signature compares with the spindle's other regimes (`detectors.signatures.shock`)."""
N_DELAY = 5
"""Vectors by which the reference lags: a jump cannot hide behind itself before the judge has had its exceedances."""
HALF_LIFE = 36_000
"""Vectors in which the reference falls by half (an hour at ten a second), so that one bang does not deafen for ever."""

_FADE = math.log(2.0) / HALF_LIFE


class DynamicChange:
    """How many times louder than the loudest recent moment of this regime.

    The reference is the highest level seen in the regime, forgotten slowly and without the last few vectors.
    A rise by ``factor`` scores 1.0, by its square 2.0. Where nobody tells whether it cuts, a tool that enters the
    material is such a rise: there it is a reason not to learn, and no reason to tell (`operators.group_detect`).

    It finds what is sudden, and does not say what it is; a blow is for `detectors.signatures.shock`. It does not find
    falls of level, nor anything that grows over more than a few vectors: that is the learned tier's work. Feed it
    every usable vector, exceeding or not: a new level that lasts is the new normal after ``N_DELAY + 1`` vectors.

    State: ``(N_DELAY + 1) * n_levels`` float64.

    Parameters
    ----------
    features : sequence of Feature
        In the order of the vectors; only logarithmic ones named in `LEVELS` count.
    factor : float
        Rise that scores 1.0; more than 1.
    """

    name = "dynamic"
    version = 2
    __slots__ = ("_features", "_indices", "_memory", "_n_learned", "_unit")

    def __init__(self, features: Sequence[Feature], factor: float = 3.0) -> None:
        self._features = tuple(features)
        self._indices = _levels(self._features)
        self._unit = math.log(factor)
        self.reset()

    def reset(self) -> None:
        """Forget the regime: it has changed."""
        self._memory = np.full((1 + N_DELAY, self._indices.size), np.nan)
        self._n_learned = 0

    def score(self, values: Floats) -> Assessment:
        """Compare a vector with the regime's loudest recent moment; learns nothing.

        Parameters
        ----------
        values : float64[n_features]
            In the features' units; NaN where unknown.

        Returns
        -------
        Assessment
            0 upwards; NaN for the first `N_WARM` vectors of a regime, and without level features.
        """
        if self._n_learned < N_WARM:
            return NOTHING
        highest, top = highest_rise(values, self._indices, self._memory)
        if top < 0:
            return NOTHING
        return Assessment(max(0.0, highest / self._unit), self.name, int(self._indices[int(top)]))

    def learn(self, values: Floats) -> None:
        """Let a vector pass into the regime's recent past.

        Parameters
        ----------
        values : float64[n_features]
            In the features' units; NaN is passed over.
        """
        # The first vectors are the reference at once; later ones wait until they are N_DELAY vectors old.
        move_reference(values, self._indices, self._memory, self._n_learned, N_WARM, _FADE)
        self._n_learned += 1

    def reasons(self, values: Floats, assessment: Assessment, n: int = 3) -> tuple[Reason, ...]:
        """Explain an assessment before the vector is learned.

        Parameters
        ----------
        values : float64[n_features]
            The vector.
        assessment : Assessment
            What `score` returned for it.
        n : int
            Reasons wanted.

        Returns
        -------
        tuple of Reason
            Largest rise first; ``expected`` is the loudest recent level, ``low`` is NaN: falls are not
            judged.
        """
        if assessment.top < 0:
            return ()
        reference, chosen = self._memory[REFERENCE], values[self._indices]
        levels = np.log(chosen, where=chosen > 0.0, out=np.full(chosen.size, np.nan))
        shares = to_shares(levels - reference)
        found = []
        for position in np.argsort(-shares, kind="stable")[:n]:
            index = int(self._indices[position])
            feature, expected = self._features[index], math.exp(float(reference[position]))
            high = expected * math.exp(self._unit)
            value, share = float(values[index]), float(shares[position])
            contribution = share * assessment.score
            found.append(
                Reason(feature.name, value, expected, math.nan, high, feature.unit, share, contribution)
            )
        return tuple(found)

    def save(self) -> State:
        """Return plain arrays for `restore`."""
        return {
            "version": self.version,
            "memory": self._memory.copy(),
            "n_learned": self._n_learned,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a saved state.

        Raises
        ------
        ValueError
            If the state is of another version or of other features.
        """
        check_version(state, self.version, self.name)
        memory = np.array(state["memory"], dtype=np.float64)
        if memory.shape != self._memory.shape:
            raise ValueError(f"{self.name}: got a state of shape {memory.shape}, wanted {self._memory.shape}")
        self._memory = memory
        self._n_learned = int(state["n_learned"])


@cache
def _levels(features: tuple[Feature, ...]) -> NDArray[np.int64]:
    """Where the levels stand; spindles that are measured alike share it."""
    chosen = [i for i, f in enumerate(features) if f.log and f.name.rpartition(".")[2] in LEVELS]
    return np.array(chosen, dtype=np.int64)
