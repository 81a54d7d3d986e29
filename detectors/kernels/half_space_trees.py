"""Half-space trees on arrays: growing, walking and counting, exactly as river does it node by node.

Trees are complete and lie in heap order: the children of node ``i`` are ``2 i + 1`` (below the threshold) and
``2 i + 2``. A forest is two arrays, ``feature`` and ``threshold`` ``[n_trees, n_inner]``, and never changes. What it
has learned is ``masses[2, n_trees, n_nodes]``: how many rows of this window (``[CURRENT]``) and of the last complete
one (``[REFERENCE]``) passed each node.

Two observations make it quick. What a walk adds up on its way depends on the leaf alone, and changes only when a
window ends: it is added up then, once for each leaf (``profile``). And the masses of inner nodes are sums of those
below, so only leaves are counted; inner ones are kept up from the first row on that lacks a feature, which is
sent to the child with more mass. Four walks go on at a time, because a single one waits for memory at every node.

``fastmath`` stays off: scores are river's to the last bit, which holds because all sums are of whole numbers.
"""

from __future__ import annotations

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

_Floats = NDArray[np.float64]
_Features = NDArray[np.uint32]
_Masses = NDArray[np.int32]
_Longs = NDArray[np.int64]
_Known = NDArray[np.bool_]

CURRENT, REFERENCE = 0, 1

N_CLOCK = 4
WINDOW, N_LEARNED, HAS_REFERENCE, KEEPS_INNER = range(N_CLOCK)
"""Entries of a clock, int64[4]: rows per window, rows of this window so far, whether a window is complete, whether
inner nodes are counted."""

_INNER = {"nogil": True, "error_model": "numpy"}
_OPTIONS = {**_INNER, "cache": True}
_VECTOR = types.Array(types.float64, 1, "C", readonly=True)
_ROWS = types.Array(types.float64, 2, "C", readonly=True)
_KNOWN = types.Array(types.bool_, 1, "C", readonly=True)
_MASSES = types.Array(types.int32, 3, "C")
_PROFILE = types.Array(types.int64, 2, "C")
_CLOCK = types.Array(types.int64, 1, "C")
_FOREST = (
    types.Array(types.uint32, 2, "C", readonly=True),
    types.Array(types.float64, 2, "C", readonly=True),
)
_MODEL = (*_FOREST, _MASSES, _PROFILE, _CLOCK)
_OUT = types.Array(types.float64, 1, "C")


@njit(**_INNER)
def find_four_leaves(
    rows: _Floats,
    row: tuple[int, int, int, int],
    feature: _Features,
    threshold: _Floats,
    tree: tuple[int, int, int, int],
) -> tuple[np.int64, np.int64, np.int64, np.int64]:
    """Leaves, counted from 0, that four rows reach in a tree each; a NaN goes right, as in river."""
    two, n_inner = np.uint64(2), np.uint64(feature.shape[1])
    a = b = c = d = np.uint64(0)  # unsigned: a negative index would have to be looked out for
    while a < n_inner:
        a = two * a + two - np.uint64(rows[row[0], feature[tree[0], a]] < threshold[tree[0], a])
        b = two * b + two - np.uint64(rows[row[1], feature[tree[1], b]] < threshold[tree[1], b])
        c = two * c + two - np.uint64(rows[row[2], feature[tree[2], c]] < threshold[tree[2], c])
        d = two * d + two - np.uint64(rows[row[3], feature[tree[3], d]] < threshold[tree[3], d])
    return np.int64(a - n_inner), np.int64(b - n_inner), np.int64(c - n_inner), np.int64(d - n_inner)


@njit(**_INNER)
def _heavier_leaf(
    x: _Floats, known: _Known, feature: _Features, threshold: _Floats, mass: _Masses, tree: int
) -> int:
    """Leaf of a row that lacks features: the child with more mass in this window takes it, the left one of equals."""
    node, n_inner = 0, feature.shape[1]
    while node < n_inner:
        left = 2 * node + 1
        if known[feature[tree, node]]:
            node = left if x[feature[tree, node]] < threshold[tree, node] else left + 1
        else:
            node = left + 1 if mass[tree, left] < mass[tree, left + 1] else left
    leaf: int = node - n_inner
    return leaf


@njit(**_INNER)
def _visit(mass: _Masses, profile: _Longs, tree: int, leaf: int, learns: bool, inner: int) -> int:
    """What the leaf adds to the score; counts the row there if asked."""
    if learns:
        node = leaf + (mass.shape[1] >> 1)
        mass[tree, node] += 1
        while inner and node > 0:
            node = (node - 1) >> 1
            mass[tree, node] += 1
    part: int = profile[tree, leaf]
    return part


@njit(**_INNER)
def _add_up_inner(mass: _Masses) -> None:
    for tree in range(mass.shape[0]):
        for node in range((mass.shape[1] >> 1) - 1, -1, -1):
            mass[tree, node] = mass[tree, 2 * node + 1] + mass[tree, 2 * node + 2]


@njit(types.void(_MASSES, _PROFILE, _CLOCK), **_OPTIONS)
def end_window(masses: _Masses, profile: _Longs, clock: _Longs) -> None:
    """Make the current masses the reference and begin a window.

    Parameters
    ----------
    masses : int32[2, n_trees, n_nodes]
        Of the current ones only the leaves need be right. Changed: the current ones become 0.
    profile : int64[n_trees, n_leaves]
        Written: for each leaf the sum of ``mass * 2**depth`` from the root down to it or to the first node with less
        than a tenth of the window, where a walk ends.
    clock : int64[4]
        Changed.
    """
    _add_up_inner(masses[CURRENT])
    mass = masses[REFERENCE]
    for tree in range(mass.shape[0]):
        for node in range(mass.shape[1]):
            mass[tree, node] = masses[CURRENT, tree, node]
            masses[CURRENT, tree, node] = 0
    least = 0.1 * clock[WINDOW]
    for tree in range(profile.shape[0]):
        sums = profile[tree]
        sums[0] = mass[tree, 0]
        width, depth = 1, 0
        while (
            width < sums.size
        ):  # a level at a time, each over the last one: from its end, so nothing is lost
            depth += 1
            for place in range(width - 1, -1, -1):
                node = width - 1 + place
                so_far = sums[place]
                left, right = np.int64(mass[tree, 2 * node + 1]), np.int64(mass[tree, 2 * node + 2])
                if mass[tree, node] < least:
                    left = right = np.int64(0)
                sums[2 * place] = so_far + (left << depth)
                sums[2 * place + 1] = so_far + (right << depth)
            width *= 2
    clock[N_LEARNED] = 0
    clock[HAS_REFERENCE] = 1


@njit(**_INNER)
def _after_learning(n_rows: int, masses: _Masses, profile: _Longs, clock: _Longs) -> None:
    clock[N_LEARNED] += n_rows
    if clock[N_LEARNED] == clock[WINDOW]:
        end_window(masses, profile, clock)


@njit(**_INNER)
def _as_score(total: int, profile: _Longs, clock: _Longs) -> float:
    if not clock[HAS_REFERENCE]:
        return 0.0
    score: float = 1.0 - total / (profile.shape[0] * clock[WINDOW] * (2 * profile.shape[1] - 1))
    return score


@njit(types.float64(_VECTOR, types.bool_, *_MODEL), **_OPTIONS)
def walk(
    x: _Floats,
    learns: bool,
    feature: _Features,
    threshold: _Floats,
    masses: _Masses,
    profile: _Longs,
    clock: _Longs,
) -> float:
    """Score a row of which every feature is known; then learn it if asked.

    Parameters
    ----------
    x : float64[n_features]
        In the order of the forest's features; a NaN goes right at every threshold.
    learns : bool
        Whether to learn it. If not, nothing changes.
    feature, threshold : uint32[n_trees, n_inner], float64[n_trees, n_inner]
        The forest.
    masses : int32[2, n_trees, n_nodes]
        Changed.
    profile : int64[n_trees, n_leaves]
        From `end_window`; changed when the window ends.
    clock : int64[4]
        Changed.

    Returns
    -------
    float
        Between 0 (usual) and 1; 0 until a window is complete.
    """
    rows, mass, inner = x.reshape((1, x.size)), masses[CURRENT], clock[KEEPS_INNER]
    n_trees, total = feature.shape[0], 0
    last = n_trees - 1
    for t in range(0, n_trees, 4):
        trees = (
            t,
            min(t + 1, last),
            min(t + 2, last),
            min(t + 3, last),
        )  # walks beyond the last tree are idle
        a, b, c, d = find_four_leaves(rows, (0, 0, 0, 0), feature, threshold, trees)
        total += _visit(mass, profile, t, a, learns, inner)
        if t + 1 < n_trees:
            total += _visit(mass, profile, t + 1, b, learns, inner)
        if t + 2 < n_trees:
            total += _visit(mass, profile, t + 2, c, learns, inner)
        if t + 3 < n_trees:
            total += _visit(mass, profile, t + 3, d, learns, inner)
    score: float = _as_score(total, profile, clock)
    if learns:
        _after_learning(1, masses, profile, clock)
    return score


@njit(types.float64(_VECTOR, _KNOWN, types.bool_, *_MODEL), **_OPTIONS)
def walk_known(
    x: _Floats,
    known: _Known,
    learns: bool,
    feature: _Features,
    threshold: _Floats,
    masses: _Masses,
    profile: _Longs,
    clock: _Longs,
) -> float:
    """Score a row that lacks features, and learn it if asked; see `walk`.

    From the first such row on inner nodes are counted too, which takes every later row a little longer.

    Parameters
    ----------
    known : bool[n_features]
        Where false, ``x`` is not read: the child with more mass of this window takes the row.
    learns : bool
        Whether to learn it.
    """
    mass = masses[CURRENT]
    if not clock[KEEPS_INNER]:
        _add_up_inner(mass)
        clock[KEEPS_INNER] = 1
    total = 0
    for tree in range(feature.shape[0]):
        leaf = _heavier_leaf(x, known, feature, threshold, mass, tree)
        total += _visit(mass, profile, tree, leaf, learns, 1)
    score: float = _as_score(total, profile, clock)
    if learns:
        _after_learning(1, masses, profile, clock)
    return score


@njit(**_INNER)
def _pass_trees(
    rows: _Floats,
    begin: int,
    end: int,
    feature: _Features,
    threshold: _Floats,
    mass: _Masses,
    profile: _Longs,
    inner: int,
    out: _Floats,
) -> None:
    """Rows of one window, in which neither forest nor profile changes: so each tree takes them all in turn."""
    for r in range(begin, end):
        out[r] = 0.0
    for t in range(feature.shape[0]):
        trees = (t, t, t, t)
        for r in range(begin, end, 4):
            four = (r, min(r + 1, end - 1), min(r + 2, end - 1), min(r + 3, end - 1))
            a, b, c, d = find_four_leaves(rows, four, feature, threshold, trees)
            out[r] += _visit(mass, profile, t, a, True, inner)
            if r + 1 < end:
                out[r + 1] += _visit(mass, profile, t, b, True, inner)
            if r + 2 < end:
                out[r + 2] += _visit(mass, profile, t, c, True, inner)
            if r + 3 < end:
                out[r + 3] += _visit(mass, profile, t, d, True, inner)


@njit(types.void(_ROWS, *_MODEL, _OUT), **_OPTIONS)
def walk_many(
    rows: _Floats,
    feature: _Features,
    threshold: _Floats,
    masses: _Masses,
    profile: _Longs,
    clock: _Longs,
    out: _Floats,
) -> None:
    """Score and learn row after row: what `walk` does, a tree at a time.

    Parameters
    ----------
    rows : float64[n_rows, n_features]
        In stream order.
    out : float64[n_rows]
        Written: scores.
    """
    n_rows, begin = rows.shape[0], 0
    while begin < n_rows:
        end = min(n_rows, begin + clock[WINDOW] - clock[N_LEARNED])
        _pass_trees(rows, begin, end, feature, threshold, masses[CURRENT], profile, clock[KEEPS_INNER], out)
        for row in range(begin, end):
            out[row] = _as_score(out[row], profile, clock)
        _after_learning(end - begin, masses, profile, clock)
        begin = end
