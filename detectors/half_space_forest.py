"""The trees of half-space trees, and what they have counted."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.base import Floats, State
from detectors.kernels.half_space_forest import grow
from detectors.kernels.half_space_trees import (
    CURRENT,
    HAS_REFERENCE,
    KEEPS_INNER,
    N_CLOCK,
    N_LEARNED,
    REFERENCE,
    WINDOW,
    end_window,
)

PADDING = 0.15
"""Share of a box, at either end, where no threshold may lie; river's."""
_MOST_EXACT = 2**53


@dataclass(frozen=True, slots=True)
class Forest:
    """Complete binary trees in heap order that halve a space at random. Read-only: models of one seed share it.

    Parameters
    ----------
    feature : uint32[n_trees, n_inner]
        Index of the feature that each inner node looks at.
    threshold : float64[n_trees, n_inner]
        Smaller values go to the left child.
    """

    feature: NDArray[np.uint32]
    threshold: Floats

    @property
    def n_trees(self) -> int:
        """How many trees."""
        return int(self.feature.shape[0])

    @property
    def n_leaves(self) -> int:
        """Leaves of each tree."""
        return int(self.feature.shape[1]) + 1


@lru_cache(maxsize=32)
def grow_forest(
    seed: int | None, n_trees: int, height: int, limits: tuple[tuple[float, float], ...]
) -> Forest:
    """Grow the trees that river grows from this seed, or hand out those grown before.

    Parameters
    ----------
    seed : int, optional
        Of Python's Mersenne Twister, from which the draws come in river's order. None counts as 0: nothing here is
        unseeded.
    n_trees, height : int
        Trees, and halvings from root to leaf; a tree of height 15 takes 0.4 MB.
    limits : tuple of (float, float)
        The space: lower and upper end of each feature.

    Returns
    -------
    Forest
        Shared; 0.3 ms for the first of ten trees of height 8, nothing for the others.

    Raises
    ------
    ValueError
        Counts that are not positive, no features, or limits that enclose nothing.

    Examples
    --------
    >>> grow_forest(1, 10, 8, ((0.0, 1.0),)) is grow_forest(1, 10, 8, ((0.0, 1.0),))
    True
    """
    if n_trees < 1 or height < 0:
        raise ValueError(
            f"trees: got n_trees={n_trees}, height={height}, wanted at least one tree and no height below 0"
        )
    space = np.array(limits, dtype=np.float64).reshape(-1, 2)
    width = space[:, 1] - space[:, 0]
    if not (np.isfinite(space).all() and (width >= 0.0).all() and width.sum() > 0.0):
        raise ValueError(
            f"limits: got {limits}, wanted finite ones, lower before upper, that enclose a space"
        )
    n_inner = 2**height - 1
    feature = np.empty((n_trees, n_inner), dtype=np.uint32)
    threshold = np.empty((n_trees, n_inner))
    grow(space, PADDING, _draws(seed, n_trees, n_inner), np.empty_like(space), feature, threshold)
    feature.flags.writeable = threshold.flags.writeable = False
    return Forest(feature, threshold)


def _draws(seed: int | None, n_trees: int, n_inner: int) -> Floats:
    """What ``random.Random(seed).random()`` returns call by call, at once: the same generator in NumPy."""
    *key, position = random.Random(seed or 0).getstate()[1]
    twister = np.random.MT19937(0)
    twister.state = {
        "bit_generator": "MT19937",
        "state": {"key": np.array(key, dtype=np.uint32), "pos": position},
    }
    return np.random.Generator(twister).random((n_trees, n_inner, 2))


class Counts:
    """What a forest has counted: how many rows of this window, and of the last complete one, passed each node.

    State: the leaves' masses, in the smallest integers that hold a window, and three numbers.

    Parameters
    ----------
    forest : Forest
        The trees.
    window : int
        Rows per window, 1 upwards.

    Attributes
    ----------
    forest, window
        As given.
    arrays : tuple
        ``feature, threshold, masses, profile, clock``, as `detectors.kernels.half_space_trees` takes them.

    Raises
    ------
    ValueError
        If a window is empty, or so large that scores would not be exact.
    """

    def __init__(self, forest: Forest, window: int) -> None:
        self.forest, self.window = forest, window
        n_trees, n_leaves = forest.n_trees, forest.n_leaves
        n_nodes = 2 * n_leaves - 1
        if not 1 <= window < 2**31 or n_trees * window * n_nodes >= _MOST_EXACT:
            raise ValueError(
                f"window: got {window} rows, wanted 1 or more, and fewer for trees of this height"
            )
        clock = np.zeros(N_CLOCK, dtype=np.int64)
        clock[WINDOW] = window
        self.arrays = (
            forest.feature,
            forest.threshold,
            np.zeros((2, n_trees, n_nodes), dtype=np.int32),
            np.zeros((n_trees, n_leaves), dtype=np.int64),
            clock,
        )

    def save(self) -> State:
        """Return the leaves' masses as plain arrays; those of inner nodes are their sums."""
        _, _, masses, profile, clock = self.arrays
        narrow = np.min_scalar_type(self.window)
        leaves = masses[:, :, profile.shape[1] - 1 :].astype(narrow)
        state: State = {"current": leaves[CURRENT], "n_learned": int(clock[N_LEARNED])}
        if clock[HAS_REFERENCE]:
            state["reference"] = leaves[REFERENCE]
        return state

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what `save` returned.

        Raises
        ------
        ValueError
            If it is of other trees.
        """
        _, _, masses, profile, clock = self.arrays
        n_inner = profile.shape[1] - 1
        masses[:], clock[HAS_REFERENCE], clock[KEEPS_INNER] = 0, 0, 0
        for name in ("reference", "current"):
            if name not in state:
                continue
            leaves = np.asarray(state[name])
            if leaves.shape != profile.shape:
                raise ValueError(f"trees: got leaves of shape {leaves.shape}, wanted {profile.shape}")
            masses[CURRENT, :, n_inner:] = leaves
            if name == "reference":
                end_window(masses, profile, clock)
        clock[N_LEARNED] = int(state["n_learned"])


def name_limits(
    names: Sequence[Any], limits: Mapping[Any, tuple[float, float]]
) -> tuple[tuple[float, float], ...]:
    """Limits in the order of the names; (0, 1), as in river, for a name that has none."""
    return tuple((float(low), float(high)) for low, high in (limits.get(name, (0.0, 1.0)) for name in names))
