"""Streaming peaks over threshold (SPOT): the limit that healthy scores exceed as often as the budget allows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from detectors.base import Floats, State, check_version
from detectors.budget import Budget
from detectors.kernels.spot import N_CALM, N_SEEN, N_WATCH, PEAK, THRESHOLD, watch_score

N_PEAKS = 256
"""Cluster peaks kept. 128 of them give the scale of an exponential tail to 9 %, 256 to 6 %."""
N_WARM = 64
"""Blocks of ``n_quiet`` vectors whose maxima make the first threshold: three minutes of a regime by default."""
N_TRUSTED = 128
"""Clusters after which the measured tail stands alone."""
REACH = 16.0
"""How far the tail is extrapolated once there is enough of it: from the rate of its peaks to the budgeted one. Farther,
the uncertain shape decides; nearer, the tail that the limit itself cuts off does."""
TRIM = 8
"""One in so many peaks, the highest ones, counts as high and no more: how high is not asked. As many clusters may have
reached the limit and still be taken; so what faults did there cannot raise it."""
SHAPE_SPREAD = 0.15
"""Standard deviation of the shapes expected beforehand, around 0 (an exponential tail)."""
_SLOPES = np.linspace(-0.2, 1.2, 58)  # tried for shape / scale, in units of 1 / mean; 0 is not among them


class Spot:
    """The tail of one detector's healthy raw scores, and the quantile that the budget asks for.

    What is counted is alerts, not vectors. The judge alerts when ``n_confirm`` vectors in a row exceed the limit, or
    one does by far; so the observed variable is the least of the last ``n_confirm`` scores (or the newest over
    ``immediate``, if that is more), and whatever exceeds a threshold without ``n_quiet`` vectors of calm in between
    is one cluster. Maxima of clusters are nearly independent however alike neighbouring vectors are. Their excesses
    over the threshold follow a generalised Pareto distribution; its quantile at ``rate`` is the limit.

    The first threshold is the median of `N_WARM` block maxima. Later it rises to the median of the peaks kept
    whenever they are many and the budgeted rate is still far, so that a day of scores is extrapolated less than an
    hour. Once it is near, the oldest peak makes room for the newest.

    A fault must not raise the limit against itself. An episode is one cluster, however long it lasts and however
    high it gets; the highest peaks, one in `TRIM`, are only counted, not measured; and of clusters that reached the
    limit no more than that are taken. A lasting rise that never falls below the threshold is a single cluster and
    teaches nothing. Otherwise the limit that holds has no part in what is learned, so one that was wrong at first is
    put right, unless nearly everything reaches it: then the machine alerts until it is taught anew. A slow growth of
    healthy scores is followed, as by anything that learns: the absolute tier and the drift message are for that. For
    the same reason the local mean is not subtracted, as DSPOT does.

    Not to be trusted far beyond what was seen: the budgeted rate is met within a factor of two once the regime has
    lasted for some ``20 / rate`` vectors; an hour says about one alert a day no more than its order of magnitude.
    State: three numbers for each of `N_PEAKS` peaks.

    Parameters
    ----------
    budget : Budget
        With a rate above 0.

    References
    ----------
    Siffer, Fouque, Termier, Largouet: Anomaly detection in streams with extreme value theory, KDD 2017.
    Ferro, Segers: Inference for clusters of extreme values, J. R. Statist. Soc. B 65 (2003) 545-556.
    """

    version = 2
    __slots__ = (
        "_at",
        "_budget",
        "_immediate",
        "_n_clusters",
        "_n_peaks",
        "_n_quiet",
        "_oldest",
        "_peaks",
        "_reached",
        "_since",
        "_watch",
    )

    def __init__(self, budget: Budget) -> None:
        self._budget, self._immediate, self._n_quiet = budget, budget.immediate, budget.n_quiet
        self._watch = np.full(N_WATCH + budget.n_confirm - 1, -math.inf)
        self._watch[[N_CALM, N_SEEN]] = 0.0
        self._since = 0
        self._n_peaks = 0
        self._oldest = 0
        self._n_clusters = 0
        self._peaks = np.empty(0)
        self._at = np.empty(0, dtype=np.int64)
        self._reached = np.empty(0, dtype=np.bool_)

    @property
    def weight(self) -> float:
        """How far the tail is trusted: 0 before there is one, 1 from `N_TRUSTED` clusters on."""
        return min(1.0, self._n_clusters / N_TRUSTED)

    def observe(self, raw_score: float, limit: float) -> bool:
        """Take a score that the guard let through, at most one per vector and in stream order.

        Parameters
        ----------
        raw_score : float
            0 upwards; NaN is passed over.
        limit : float
            That held for it.

        Returns
        -------
        bool
            True if `quantile` or `weight` changed.
        """
        ended = watch_score(raw_score, limit, self._immediate, self._n_quiet, self._watch)
        return ended and self._close(limit)

    def quantile(self) -> float:
        """Return the raw score that healthy clusters exceed at the budgeted rate; not below the threshold.

        Returns
        -------
        float
            NaN while there is no threshold.
        """
        if self._warming:
            return math.nan
        n = self._n_peaks
        n_above = min(max(n // TRIM, self._n_reached()), n // 2)
        shape, scale = fit_excesses(self._peaks[:n] - self._watch[THRESHOLD], n_above)
        return float(self._watch[THRESHOLD]) + scale * _growth(max(1.0, self._reach()), shape)

    def save(self) -> State:
        """Return plain values for `restore`."""
        counts = [
            self._since,
            self._oldest,
            self._n_clusters,
        ]
        return {
            "version": self.version,
            "watch": self._watch.copy(),
            "counts": np.array(counts, dtype=np.int64),
            "peaks": self._peaks[: self._n_peaks].copy(),
            "at": self._at[: self._n_peaks].copy(),
            "reached": self._reached[: self._n_peaks].copy(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a saved state.

        Raises
        ------
        ValueError
            If the state is of another version.
        """
        check_version(state, self.version, "spot")
        self._watch = np.array(state["watch"], dtype=np.float64)
        self._since, self._oldest, self._n_clusters = np.asarray(state["counts"]).tolist()
        self._n_peaks = len(state["peaks"])
        self._peaks = np.array(state["peaks"], dtype=np.float64)
        self._at = np.array(state["at"], dtype=np.int64)
        self._reached = np.array(state["reached"], dtype=np.bool_)

    @property
    def _warming(self) -> bool:
        return bool(self._watch[THRESHOLD] == -math.inf)

    def _close(self, limit: float) -> bool:
        """End the cluster, or the block of the warm-up; tell whether it was taken."""
        peak = float(self._watch[PEAK])
        self._watch[PEAK], self._watch[N_CALM] = -math.inf, 0.0
        reached = peak >= limit
        if reached and TRIM * self._n_reached() >= max(TRIM, self._n_peaks):
            return False
        warm = not self._warming
        self._keep(peak, reached)
        if warm:
            self._n_clusters += 1
        elif self._n_peaks == N_WARM:
            self._raise_threshold()
        return warm

    def _keep(self, peak: float, reached: bool) -> None:
        if self._n_peaks == N_PEAKS and self._reach() > 2.0 * REACH:
            self._raise_threshold()
            if peak <= self._watch[THRESHOLD]:
                return
        slot = self._n_peaks
        if slot == N_PEAKS:
            slot = self._oldest
            self._since = int(self._at[slot])
            self._oldest = (slot + 1) % N_PEAKS
        else:
            self._make_room()
            self._n_peaks += 1
        self._peaks[slot], self._at[slot], self._reached[slot] = peak, self._watch[N_SEEN], reached

    def _make_room(self) -> None:
        """Let the arrays grow with the peaks: most regimes are short and keep few."""
        if self._n_peaks == self._peaks.size:
            n = min(N_PEAKS, max(16, 2 * self._n_peaks))
            self._peaks, self._at = np.resize(self._peaks, n), np.resize(self._at, n)
            self._reached = np.resize(self._reached, n)

    def _raise_threshold(self) -> None:
        """Raise the threshold to the median of the peaks; what they were seen in stays the same."""
        n = self._n_peaks
        order = (np.arange(n) + self._oldest) % n
        peaks, at, reached = self._peaks[order], self._at[order], self._reached[order]
        self._watch[THRESHOLD] = np.median(peaks)
        above = peaks > self._watch[THRESHOLD]
        self._n_peaks, self._oldest = int(above.sum()), 0
        kept = slice(0, self._n_peaks)
        self._peaks[kept], self._at[kept], self._reached[kept] = peaks[above], at[above], reached[above]

    def _n_reached(self) -> int:
        return int(np.count_nonzero(self._reached[: self._n_peaks]))

    def _reach(self) -> float:
        """How many times more often there is a peak than the budget allows an alert."""
        seen = max(1.0, float(self._watch[N_SEEN]) - self._since)
        return self._n_peaks / (seen * self._budget.rate)


def fit_excesses(excesses: Floats, n_above: int) -> tuple[float, float]:
    """Fit a generalised Pareto distribution to excesses of which the highest are only counted.

    The most likely one, if shapes are distributed around 0 with `SHAPE_SPREAD` beforehand: a handful of excesses gives
    nearly an exponential distribution. For a given ratio of shape to scale the likeliest shape is known in closed form
    (Grimshaw's reduction, which censoring leaves intact), so one pass over `_SLOPES` finds it.

    Parameters
    ----------
    excesses : float64[n]
        Over the threshold, 0 upwards, in any order.
    n_above : int
        How many of the highest count as "not below the highest of the others"; less than n.

    Returns
    -------
    shape, scale : float
        ``P(X > x) = (1 + shape * x / scale) ** (-1 / shape)``. Scale 0 if there are none, or nothing but zeros.

    References
    ----------
    Grimshaw: Computing maximum likelihood estimates for the generalized Pareto distribution, Technometrics 35 (1993)
    185-191.

    Examples
    --------
    >>> shape, scale = fit_excesses(-np.log(np.linspace(0.001, 1.0, 1000)), 0)
    >>> round(abs(shape), 1), round(scale, 1)
    (0.0, 1.0)
    """
    known = np.sort(excesses)
    n = known.size - n_above
    known[n:] = known[n - 1] if n > 0 else 0.0
    mean = float(known.sum()) / n if n > 0 else 0.0
    if not 0.0 < mean < math.inf:
        return 0.0, 0.0
    slopes = np.maximum(_SLOPES / mean, -0.99 / known[-1])
    logs = np.log1p(slopes[:, None] * known)
    shapes = logs.sum(axis=1) / n
    likelihood = n * np.log(slopes / shapes) - logs[:, :n].sum(axis=1) - shapes**2 / (2.0 * SHAPE_SPREAD**2)
    best = int(np.argmax(likelihood))
    return float(shapes[best]), float(shapes[best] / slopes[best])


def _growth(reach: float, shape: float) -> float:
    """Excess, in scales, that one of ``reach`` peaks exceeds."""
    steps = math.log(reach)
    return steps if abs(shape) < 1e-9 else math.expm1(shape * steps) / shape
