"""Growing the trees of half-space trees, draw for draw as river grows them."""

from __future__ import annotations

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

_Floats = NDArray[np.float64]

_INNER = {"nogil": True, "error_model": "numpy"}
_OPTIONS = {**_INNER, "cache": True}
_GROW = types.void(
    types.Array(types.float64, 2, "C", readonly=True),
    types.float64,
    types.Array(types.float64, 3, "C", readonly=True),
    types.Array(types.float64, 2, "C"),
    types.Array(types.float64, 3, "C"),
)


@njit(**_INNER)
def _find_box(tree: int, node: int, forest: _Floats, box: _Floats) -> int:
    """Shrink ``box`` to the node's and return the node's place in a depth-first walk."""
    feature, size = forest.view(np.int64), forest.shape[1]
    depth = 0
    while ((node + 1) >> (depth + 1)) > 0:
        depth += 1
    place, at = 0, 0
    for level in range(depth - 1, -1, -1):
        right = ((node + 1) >> level) & 1
        box[feature[tree, at, 1], 1 - right] = forest[tree, at, 0]
        size >>= 1  # inner nodes of each tree below
        place += 1 + right * size
        at = 2 * at + 1 + right
    return place


@njit(_GROW, **_OPTIONS)
def grow(limits: _Floats, padding: float, draws: _Floats, box: _Floats, forest: _Floats) -> None:
    """Halve the space at random, drawing as river's ``make_padded_tree`` draws.

    River grows depth first, so the draws of a node stand where a walk through the tree in that order meets it: the
    left child follows its parent, the right child follows the left one's whole tree.

    Parameters
    ----------
    limits : float64[n_features, 2]
        The space: lower and upper end of each feature.
    padding : float
        Share of a box, at either end, where no threshold may lie.
    draws : float64[n_trees, n_inner, 2]
        Uniform in [0, 1), in river's order: which feature, then where.
    box : float64[n_features, 2]
        Scratch.
    forest : float64[n_trees, n_inner, 2]
        Written, as `detectors.kernels.half_space_trees` reads it: threshold, and feature as the bits of an integer.
    """
    feature, n_features = forest.view(np.int64), limits.shape[0]
    for tree in range(forest.shape[0]):
        for node in range(forest.shape[1]):
            for j in range(n_features):
                box[j, 0], box[j, 1] = limits[j, 0], limits[j, 1]
            drawn = _find_box(tree, node, forest, box)
            total = 0.0
            for j in range(n_features):
                total += box[j, 1] - box[j, 0]
            goal = draws[tree, drawn, 0] * total
            chosen, width = 0, box[0, 1] - box[0, 0]
            while chosen < n_features - 1 and width <= goal:
                chosen += 1
                width += box[chosen, 1] - box[chosen, 0]
            low, high = box[chosen, 0], box[chosen, 1]
            first, last = low + padding * (high - low), high - padding * (high - low)
            forest[tree, node, 0] = first + (last - first) * draws[tree, drawn, 1]
            feature[tree, node, 1] = chosen
