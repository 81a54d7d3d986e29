"""Half-space trees behind a running standardisation, in one compiled call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from detectors.base import Floats, State
from detectors.half_space_forest import Counts, check_state, grow_forest
from detectors.kernels.half_space_scaled import (
    N_STATISTICS,
    SCALED,
    scale_score_learn,
    scale_score_learn_many,
)

LIMITS = (-4.0, 4.0)
"""Where standardised values lie; with river's default of (0, 1) most of the trees would look at nothing."""
_TOLD = ("n_features", "n_trees", "height", "window_size", "limits", "seed")


class ScaledHalfSpaceTrees:
    """River's ``StandardScaler() | HalfSpaceTrees(limits={...: (-4, 4)})`` on arrays.

    Scores are those of river's pipeline fed with the same rows as dicts from which values that are not finite are left
    out: such a value is a missing feature here, because one NaN given to river's scaler blinds it for ever. A row is
    scored as standardised by the rows before it and learned as standardised by itself too, as river does.

    It learns whatever it is given: use it under guard (a long fault becomes usual after two windows), and only where
    no teach-in is to be had. The scaler never forgets: after a thousand rows it hardly moves.

    Standard deviations come from a square root, river's from a power, which rounds differently in one of a
    thousand cases; then standardised values differ in the last bit, and a score could only if a threshold lay
    between.

    State: masses, ``n_trees * 2**height`` counts twice, and three numbers per feature.

    Parameters
    ----------
    n_features : int
        Length of a row, 1 upwards.
    n_trees, height, window_size, seed
        As for `detectors.streaming_half_space_trees.StreamingHalfSpaceTrees`.
    limits : (float, float)
        The space that the trees divide, in standard deviations.

    Raises
    ------
    ValueError
        Impossible parameters.

    References
    ----------
    Welford: Note on a method for calculating corrected sums of squares and products, Technometrics 4 (1962) 419-420.
    Tan, Ting, Liu: Fast anomaly detection for streaming data, IJCAI 2011.

    Examples
    --------
    >>> trees = ScaledHalfSpaceTrees(2, seed=1)
    >>> usual = np.random.default_rng(0).normal((20.0, -3.0), (5.0, 0.1), size=(500, 2))
    >>> scores = trees.score_learn_many(usual)
    >>> float(scores[249]), round(float(np.median(scores[250:])), 2)
    (0.0, 0.83)
    >>> round(trees.score_learn(np.array([20.0, -2.5])), 2)
    0.97
    """

    version = 1

    def __init__(
        self,
        n_features: int,
        n_trees: int = 10,
        height: int = 8,
        window_size: int = 250,
        limits: tuple[float, float] = LIMITS,
        seed: int | None = None,
    ) -> None:
        self.n_features = n_features
        self.n_trees = n_trees
        self.height = height
        self.window_size = window_size
        self.limits = tuple(limits)
        self.seed = seed
        self._statistics = np.zeros((N_STATISTICS, n_features))
        self._counts = Counts(grow_forest(seed, n_trees, height, (limits,) * n_features), window_size)
        self._forest, self._ledger = self._counts.forest, self._counts.ledger

    def score_learn(self, values: Floats) -> float:
        """Score a row, then let scaler and trees learn it.

        Parameters
        ----------
        values : float64[n_features]
            In the features' units; what is not finite counts as missing. Anything but a contiguous array of float64
            is copied into one first.

        Returns
        -------
        float
            Between 0 (usual) and 1; 0 until a window is complete.

        Raises
        ------
        ValueError
            If the row is of another length.
        """
        if len(values) != self.n_features:
            raise ValueError(f"row: got {len(values)} features, wanted {self.n_features}")
        try:
            return scale_score_learn(values, self._statistics, self._forest, self._ledger)  # type: ignore[no-any-return] # a float, a call less
        except TypeError:
            row = np.ascontiguousarray(values, dtype=np.float64).reshape(self.n_features)
            return float(scale_score_learn(row, self._statistics, self._forest, self._ledger))

    def score_learn_many(self, rows: Floats) -> Floats:
        """`score_learn` row after row.

        Parameters
        ----------
        rows : float64[n_rows, n_features]
            In stream order.

        Returns
        -------
        float64[n_rows]
            Scores.

        Raises
        ------
        ValueError
            If ``rows`` is of another shape.
        """
        rows = np.ascontiguousarray(rows, dtype=np.float64)
        if rows.ndim != 2 or rows.shape[1] != self.n_features:
            raise ValueError(f"rows: got shape {rows.shape}, wanted (n, {self.n_features})")
        scores = np.empty(rows.shape[0])
        scale_score_learn_many(rows, self._statistics, self._forest, self._ledger, scores)
        return scores

    def save(self) -> State:
        """Return what `restore` needs to go on as if nothing had happened."""
        return (
            self._told()
            | {"version": self.version, "statistics": self._statistics[:SCALED].copy()}
            | self._counts.save()
        )

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what another one of the same parameters saved.

        Raises
        ------
        ValueError
            If the state is of another version or of other parameters.
        """
        check_state(state, self.version, self._told(), type(self).__name__)
        self._counts.restore(state)
        self._statistics[:SCALED] = state["statistics"]

    def __getstate__(self) -> State:
        return self.save()

    def __setstate__(self, state: State) -> None:
        self.__init__(*(state[key] for key in _TOLD))  # type: ignore[misc] # its own parameters
        self.restore(state)

    def _told(self) -> State:
        return {key: getattr(self, key) for key in _TOLD}
