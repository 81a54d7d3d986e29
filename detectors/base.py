"""What every detector promises, and the answer that each tier of cover gives.

A detector sees *standardised* rows: `detectors.scaling` has taken logarithms, subtracted the centre and
divided by the spread that the teach-in showed, so every detector may take 0 for usual and 1 for one usual
deviation. It is taught once (`Detector.fit`), then scores row by row. `detectors.baseline` owns the order of
calls.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import msgspec
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
State = dict[str, Any]
"""Plain arrays, numbers, strings and nested states under a ``version``; no library's objects."""


@dataclass(frozen=True, slots=True)
class Assessment:
    """What one tier says about one feature vector.

    Parameters
    ----------
    score : float
        1.0 is the limit; NaN if nothing can be said.
    detector : str
        Which detector's score it is; empty if none.
    top : int
        Index of the feature with the largest share; -1 if none.
    drift : bool
        The score's own distribution has changed although the limit is not reached.
    """

    score: float = math.nan
    detector: str = ""
    top: int = -1
    drift: bool = False


NOTHING = Assessment()
"""The answer of a tier that cannot say anything."""


class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a detector may be told in ``[[detectors]] parameters``; every subclass gives defaults."""


class Detector(ABC):
    """A model of what is usual.

    The raw score grows with strangeness, on a scale of its own whose zero is the most usual; calibration
    turns it into a score. Scoring may move a detector's short memory (an EWMA follows the stream), so rows
    are scored once and in order, but it never changes what was learned.

    Parameters
    ----------
    parameters : Parameters
        Of the subclass's own type `parameters_type`.
    n_features : int
        Length of a row.
    seed : int
        For detectors that draw; two detectors of one seed agree exactly.

    Attributes
    ----------
    margin : float
        Default factor between the strangest healthy row and the limit, on this detector's scale of raw
        scores.

    Raises
    ------
    ValueError
        If ``n_features`` is less than 1.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    margin: ClassVar[float] = 1.5
    parameters_type: ClassVar[type[Parameters]] = Parameters
    __slots__ = ("n_features", "seed")

    def __init__(self, parameters: Parameters, n_features: int, seed: int) -> None:  # noqa: ARG002
        if n_features < 1:
            raise ValueError(f"a detector needs at least one feature: got n_features={n_features}")
        self.n_features = n_features
        self.seed = seed

    @property
    @abstractmethod
    def ready(self) -> bool:
        """Whether the detector has been taught; until then every score is NaN."""

    @property
    def adapts(self) -> bool:
        """Whether `learn` does anything."""
        return False

    @abstractmethod
    def fit(self, rows: Floats, floor: Floats) -> None:
        """Learn what is usual, forgetting what was learned before.

        Parameters
        ----------
        rows : float64[n_rows, n_features]
            Standardised rows in stream order; finite.
        floor : float64[n_features]
            Lasting deviation that is not worth mention, in standardised units, however calm the teach-in was:
            sensors are not more exact than that, nor machines.

        Raises
        ------
        ValueError
            Fewer than two rows, or rows of another length.
        """

    @abstractmethod
    def score(self, values: Floats) -> float:
        """Say how strange a row is.

        Parameters
        ----------
        values : float64[n_features]
            Standardised; NaN where a feature cannot be judged.

        Returns
        -------
        float
            Raw score, 0 upwards; NaN before `ready` or if no feature can be judged.
        """

    def score_rows(self, rows: Floats) -> Floats:
        """Score rows in stream order: what `score` says row by row, to the last bit, without the calls between.

        Parameters
        ----------
        rows : float64[n_rows, n_features]
            C-contiguous; as for `score`.

        Returns
        -------
        float64[n_rows]
            Raw scores.
        """
        return np.array([self.score(row) for row in rows])

    def score_learn(self, rows: Floats, learnable: NDArray[np.bool_]) -> Floats:
        """Score rows in stream order; after each, `learn` it where that is allowed.

        Parameters
        ----------
        rows : float64[n_rows, n_features]
            C-contiguous; as for `score`.
        learnable : bool[n_rows]
            What the guard decided.

        Returns
        -------
        float64[n_rows]
            Raw scores.
        """
        scores = np.empty(rows.shape[0])
        for index, row in enumerate(rows):
            scores[index] = self.score(row)
            if learnable[index]:
                self.learn(row)
        return scores

    def forget(self) -> None:  # noqa: B027 - nothing to forget is the usual case
        """Drop the short memory, not what was learned: the next row does not continue the last one.

        Does nothing in detectors that have none.
        """

    @abstractmethod
    def attribute(self, values: Floats) -> Floats:
        """Divide the raw score of the row scored last among the features.

        Parameters
        ----------
        values : float64[n_features]
            The row that was scored last.

        Returns
        -------
        float64[n_features]
            Shares, 0 to 1, that sum to 1. NaN before `ready` or if no feature can be judged.
        """

    def chance_limit(self) -> float:
        """Return the smallest raw score that may become the limit: what chance alone reaches."""
        return 0.0

    def learn(self, values: Floats) -> None:  # noqa: B027 - most detectors are frozen
        """Follow a slow change; the guard has already decided that the row may be learned.

        Does nothing unless the detector adapts: what keeps learning through a fault ends up calling it usual.

        Parameters
        ----------
        values : float64[n_features]
            Standardised; NaN is passed over.
        """

    @abstractmethod
    def save(self) -> State:
        """Return what `restore` needs to go on as if nothing had happened, with its ``version``."""

    @abstractmethod
    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what another detector of the same parameters saved.

        Raises
        ------
        ValueError
            If the state is of another version or another number of features.
        """


def check_rows(rows: Floats, n_features: int) -> Floats:
    """Teach-in rows as a contiguous float64 array, refused if they cannot be learned from.

    Raises
    ------
    ValueError
        Wrong shape, fewer than two rows, or values that are not finite.
    """
    rows = np.ascontiguousarray(rows, dtype=np.float64)
    if rows.ndim != 2 or rows.shape[1] != n_features or rows.shape[0] < 2:
        raise ValueError(f"teach-in rows: got shape {rows.shape}, wanted (2 or more, {n_features})")
    if not np.isfinite(rows).all():
        raise ValueError("teach-in rows: got NaN or infinite values, wanted finite ones")
    return rows


def check_version(state: Mapping[str, Any], version: int, what: str) -> None:
    """Refuse a state that other code wrote.

    Raises
    ------
    ValueError
        If ``state["version"]`` is not ``version``.
    """
    if state.get("version") != version:
        raise ValueError(f"{what}: got a state of version {state.get('version')}, wanted {version}")


def to_shares(parts: Floats) -> Floats:
    """Scale parts, of which negative ones count as zero, so that they sum to 1.

    Parameters
    ----------
    parts : float64[n_features]
        NaN counts as zero.

    Returns
    -------
    float64[n_features]
        Equal shares if no part is positive.

    Examples
    --------
    >>> to_shares(np.array([3.0, -1.0, 1.0])).tolist()
    [0.75, 0.0, 0.25]
    """
    positive = np.where(parts > 0.0, parts, 0.0)
    total = positive.sum()
    if not 0.0 < total < math.inf:
        return np.full(parts.size, 1.0 / parts.size)
    return np.asarray(positive / total, dtype=np.float64)
