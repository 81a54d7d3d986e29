"""The trees of half-space trees, and what they have counted."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.base import Floats, State, check_version
from detectors.kernels.half_space_forest import grow
from detectors.kernels.half_space_trees import HAS_REFERENCE, N_LEARNED, WINDOW, end_window, find_parts

PADDING = 0.15
"""Share of a box, at either end, where no threshold may lie; river's."""
_MOST_EXACT = 2**53


@lru_cache(maxsize=32)
def grow_forest(
    seed: int | None, n_trees: int, height: int, limits: tuple[tuple[float, float], ...]
) -> Floats:
    """Grow the trees that river grows from this seed, or hand out those grown before.

    Parameters
    ----------
    seed : int, optional
        Of Python's Mersenne Twister, from which the draws come in river's order. None counts as 0: nothing here is
        unseeded.
    n_trees, height : int
        Trees, and halvings from root to leaf; a tree of height 15 takes 0.5 MB.
    limits : tuple of (float, float)
        The space: lower and upper end of each feature.

    Returns
    -------
    float64[n_trees, n_inner, 2]
        As `detectors.kernels.half_space_trees` reads it. Read-only and shared: 0.3 ms for the first of ten trees of
        height 8, nothing for the others.

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
    forest = np.empty((n_trees, n_inner, 2))
    grow(space, PADDING, _draws(seed, n_trees, n_inner), np.empty_like(space), forest)
    forest.flags.writeable = False
    return forest


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
    """What a forest has counted: how many rows of this window, and of the last complete one, ended in each leaf.

    State: these counts, in the smallest integers that hold a window, and a number.

    Parameters
    ----------
    forest : float64[n_trees, n_inner, 2]
        From `grow_forest`.
    window : int
        Rows per window, 1 upwards.

    Attributes
    ----------
    forest, window
        As given.
    ledger : int64[...]
        As `detectors.kernels.half_space_trees` takes it.

    Raises
    ------
    ValueError
        If a window is empty, or so large that scores would not be exact.
    """

    def __init__(self, forest: Floats, window: int) -> None:
        n_trees, n_leaves = forest.shape[0], forest.shape[1] + 1
        if window < 1 or n_trees * window * (2 * n_leaves - 1) >= _MOST_EXACT:
            raise ValueError(
                f"window: got {window} rows, wanted 1 or more, and fewer for trees of this height"
            )
        self.forest, self.window = forest, window
        self._shape = (n_trees, n_leaves)
        *_, size = find_parts(n_trees, n_leaves)
        self.ledger = np.zeros(size, dtype=np.int64)
        self.ledger[WINDOW] = window

    def freeze(self) -> NDArray[np.int64]:
        """Copy what scoring alone needs of the ledger."""
        _, reference, _, _ = find_parts(*self._shape)
        return self.ledger[:reference].copy()

    def save(self) -> State:
        """Return the leaves' counts as plain arrays; masses of inner nodes are their sums."""
        narrow = np.min_scalar_type(self.window)
        state: State = {"current": self._current().astype(narrow), "n_learned": int(self.ledger[N_LEARNED])}
        if self.ledger[HAS_REFERENCE]:
            state["reference"] = self._reference().astype(narrow)
        return state

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what `save` returned.

        Raises
        ------
        ValueError
            If it is of other trees.
        """
        for name in ("reference", "current"):
            if name in state and np.shape(state[name]) != self._shape:
                raise ValueError(f"trees: got leaves of shape {np.shape(state[name])}, wanted {self._shape}")
        self.ledger[:] = 0
        self.ledger[WINDOW] = self.window
        if "reference" in state:
            self._current()[:] = state["reference"]
            end_window(*self._shape, self.ledger)
        self._current()[:] = state["current"]
        self.ledger[N_LEARNED] = int(state["n_learned"])

    def _reference(self) -> NDArray[np.int64]:
        _, reference, mass, _ = find_parts(*self._shape)
        return self.ledger[reference:mass].reshape(self._shape)

    def _current(self) -> NDArray[np.int64]:
        n_trees, n_leaves = self._shape
        _, _, mass, size = find_parts(*self._shape)
        return self.ledger[mass:size].reshape(n_trees, 2 * n_leaves - 1)[:, n_leaves - 1 :]


def name_limits(
    names: Sequence[Any], limits: Mapping[Any, tuple[float, float]]
) -> tuple[tuple[float, float], ...]:
    """Limits in the order of the names; (0, 1), as in river, for a name that has none."""
    return tuple((float(low), float(high)) for low, high in (limits.get(name, (0.0, 1.0)) for name in names))


def check_state(state: Mapping[str, Any], version: int, parameters: Mapping[str, Any], what: str) -> None:
    """Refuse a state that other code wrote, or that belongs to other trees.

    Parameters
    ----------
    state : mapping
        As saved.
    version : int
        Wanted.
    parameters : mapping
        Those of the trees that are to take the state over.
    what : str
        Whose state, for the error.

    Raises
    ------
    ValueError
        Names what was got and what was wanted.
    """
    check_version(state, version, what)
    for key, wanted in parameters.items():
        if state[key] != wanted:
            raise ValueError(f"{what}: got a state of {key}={state[key]}, wanted {wanted}")
