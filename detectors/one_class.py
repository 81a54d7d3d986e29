"""One-class by kernel mean embedding: how unlike a row is to the mean of the teach-in's kernels."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from detectors.base import Floats, Parameters, check_rows
from detectors.calibration import chance_distance
from detectors.compiled import LEAST, CompiledDetector
from detectors.kernels.one_class import unlikeness_rows

N_ROUNDS = 20
"""Of k-means; on teach-ins of some hundred rows it stands still before."""
N_ROWS_EACH = 4
"""Rows for each centre, at least: fewer, and centres are rows, between which nothing would be usual."""


class OneClassParameters(Parameters, frozen=True):
    """What ``one_class`` may be told.

    Parameters
    ----------
    n_centres : int
        Kernels that stand for the teach-in, if it is long enough for so many; state and time grow with it.
    clip : float
        Values beyond this many usual deviations count as this one.
    """

    n_centres: Annotated[int, Meta(ge=1, le=256)] = 32
    clip: Annotated[float, Meta(gt=0)] = 50.0


class OneClass(CompiledDetector):
    """The logarithm of a row's similarity to the mean embedding, as a distance in kernel widths.

    The similarity is the inner product of the row's Gaussian kernel with the mean of those of the teach-in: a Parzen
    estimate of density without its constant. The mean is carried by few weighted centres (k-means), not by random
    Fourier features: those know a similarity to ``1 / sqrt(n)`` only, so every row three widths out or farther would
    look alike, and no limit could be placed there. Here the score goes on growing like the distance to the
    nearest centre.

    Takes any shape of the usual: several centres, rings, curved dependence between features. One width serves all
    features and all centres, so with many features it is not much more than the distance to the nearest usual state:
    a combination that breaks a tight correlation stands out less than to ``mahalanobis`` or ``pca``. A lone strange
    row in the teach-in counts as usual, rarely seen.

    State: ``(n_features + 1) n_centres + 1`` float64, 13 kB for 48 features.

    References
    ----------
    Parzen: On estimation of a probability density function and mode, Annals of Mathematical Statistics 33 (1962)
    1065-1076.
    Smola, Gretton, Song, Schölkopf: A Hilbert space embedding for distributions, ALT 2007.
    Rahimi, Recht: Random features for large-scale kernel machines, NIPS 2007 (what was not taken).
    Arthur, Vassilvitskii: k-means++: the advantages of careful seeding, SODA 2007.
    """

    name = "one_class"
    parameters_type = OneClassParameters
    kept = ("width", "centres", "weights")

    def __init__(self, parameters: OneClassParameters, n_features: int, seed: int) -> None:
        super().__init__(parameters, n_features, seed)
        self._parameters = parameters
        self._width = np.ones(1)
        self._centres = np.zeros((n_features, 1))
        self._weights = np.ones(1)
        self._work = np.empty(parameters.n_centres)

    def fit(self, rows: Floats, floor: Floats) -> None:  # noqa: D102
        clip = self._parameters.clip
        rows = np.clip(check_rows(rows, self.n_features), -clip, clip)
        n_centres = min(self._parameters.n_centres, max(1, rows.shape[0] // N_ROWS_EACH))
        centres, nearest = cluster(rows, n_centres, self.seed)
        n_each = np.bincount(nearest, minlength=centres.shape[0])
        within = np.sum((rows - centres[nearest]) ** 2) / max(1, rows.shape[0] - centres.shape[0])
        self._width = np.sqrt(np.full(1, max(within / self.n_features, np.mean(floor**2), LEAST)))
        self._centres = np.ascontiguousarray(centres.T)
        self._weights = n_each / rows.shape[0]
        self._ready = True

    def chance_limit(self) -> float:
        """Return what rows reach that scatter about one centre as widely as about all of them together."""
        return chance_distance(self.n_features, 1e-4)

    def _run(self, rows: Floats, learnable: NDArray[np.bool_], scores: Floats) -> None:  # noqa: ARG002
        work = self._work[: self._weights.size]
        unlikeness_rows(
            rows, self._width.item(), self._parameters.clip, self._centres, self._weights, work, scores
        )

    def _parts(self, values: Floats) -> Floats:
        """Squared distance from the centres, each weighted as it enters the sum."""
        clipped = np.clip(values, -self._parameters.clip, self._parameters.clip)
        squares = (np.where(np.isfinite(values), clipped, np.nan)[:, None] - self._centres) ** 2
        exponent = -np.nansum(squares, axis=0) / (2.0 * self._width.item() ** 2)
        shares = self._weights * np.exp(exponent - exponent.max())
        return np.asarray(squares @ (shares / shares.sum()), dtype=np.float64)


def cluster(rows: Floats, n_centres: int, seed: int) -> tuple[Floats, NDArray[np.int64]]:
    """k-means, begun by k-means++.

    Parameters
    ----------
    rows : float64[n_rows, n_features]
        Finite.
    n_centres : int
        1 to ``n_rows``.
    seed : int
        Equal seeds give equal centres.

    Returns
    -------
    centres : float64[n_found, n_features]
        As many as were wanted, or as there are different rows; none without a row of its own.
    nearest : int64[n_rows]
        Which centre each row belongs to.
    """
    rng = np.random.default_rng(seed)
    chosen = [int(rng.integers(rows.shape[0]))]
    distances = np.sum((rows - rows[chosen[0]]) ** 2, axis=1)
    while len(chosen) < n_centres and distances.max() > 0.0:
        chosen.append(int(rng.choice(rows.shape[0], p=distances / distances.sum())))
        distances = np.minimum(distances, np.sum((rows - rows[chosen[-1]]) ** 2, axis=1))
    centres = rows[chosen]
    for _ in range(N_ROUNDS):
        nearest = _nearest(rows, centres)
        found = np.unique(nearest)
        moved = np.array([rows[nearest == centre].mean(axis=0) for centre in found])
        if np.array_equal(moved, centres):
            break
        centres = moved
    nearest = _nearest(rows, centres)
    found, nearest = np.unique(nearest, return_inverse=True)
    return centres[found], nearest.astype(np.int64)


def _nearest(rows: Floats, centres: Floats) -> NDArray[np.int64]:
    squares = np.sum(centres**2, axis=1) - 2.0 * rows @ centres.T
    return np.asarray(np.argmin(squares, axis=1), dtype=np.int64)
