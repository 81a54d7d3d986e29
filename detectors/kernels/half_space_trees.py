"""Half-space trees on arrays: walking, counting and scoring, exactly as river does it node by node.

Trees are complete and lie in heap order: the children of node ``i`` are ``2 i + 1`` (below the threshold) and
``2 i + 2``. A *forest*, float64[n_trees, n_inner, 2], holds for each inner node a threshold and, as the bits of an
integer, the feature that is compared with it; it never changes. A *ledger*, int64[...], holds what the forest has
counted; `find_parts` says what lies where. Both are single arrays, and parts are found by arithmetic, because a call
takes longer to be handed an array, or to cut one up, than to walk a tree.

What a walk adds up on its way depends on the leaf alone and changes only when a window ends, so it is added up then,
once for each leaf (the *profile*). The masses of inner nodes are sums of those below, so only leaves are counted;
inner ones are kept up from the first row on that lacks a feature, which goes to the child with more mass. And a
single walk waits for memory at every node, so all trees go down a level before any goes down the next.

``fastmath`` stays off: scores are river's to the last bit, which holds because all sums are of whole numbers.
"""

from __future__ import annotations

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

_Floats = NDArray[np.float64]
_Longs = NDArray[np.int64]
_Known = NDArray[np.bool_]

WINDOW, N_LEARNED, HAS_REFERENCE, KEEPS_INNER, AT = range(5)
"""First entries of a ledger: rows per window, rows of this window so far, whether a window is complete, whether inner
nodes are counted; from `AT` on scratch, the nodes where walks are."""

_N_ABREAST = 16  # rows that go down a tree together

_INNER = {"nogil": True, "error_model": "numpy"}
_OPTIONS = {**_INNER, "cache": True}
_VECTOR = types.Array(types.float64, 1, "C", readonly=True)
_ROWS = types.Array(types.float64, 2, "C", readonly=True)
_KNOWN = types.Array(types.bool_, 1, "C", readonly=True)
_FOREST = types.Array(types.float64, 3, "C", readonly=True)
_LEDGER = types.Array(types.int64, 1, "C")
_OUT = types.Array(types.float64, 1, "C")


@njit(types.UniTuple(types.int64, 4)(types.int64, types.int64), **_OPTIONS)
def find_parts(n_trees: int, n_leaves: int) -> tuple[int, int, int, int]:
    """Where the parts of a ledger begin.

    Parameters
    ----------
    n_trees, n_leaves : int
        Of the forest.

    Returns
    -------
    profile : int
        ``[n_trees, n_leaves]``: for each leaf what a walk to it adds to the score.
    reference : int
        ``[n_trees, n_leaves]``: rows of the last complete window that ended in each leaf.
    mass : int
        ``[n_trees, n_nodes]``: rows of this window that passed each node; of inner nodes only if the ledger says so.
    size : int
        Entries of the ledger, all 0 at first but for the window.
    """
    profile = AT + max(n_trees, _N_ABREAST)
    reference = profile + n_trees * n_leaves
    mass = reference + n_trees * n_leaves
    return profile, reference, mass, mass + n_trees * (2 * n_leaves - 1)


@njit(**_INNER)
def descend(x: _Floats, forest: _Floats, ledger: _Longs) -> None:
    """Walk a row down every tree; a NaN goes right, as in river."""
    feature, n_trees, n_inner = forest.view(np.uint64), forest.shape[0], forest.shape[1]
    two = np.uint64(2)  # unsigned: a negative index would have to be looked out for
    for tree in range(n_trees):
        ledger[AT + tree] = 0
    width = 1
    while width <= n_inner:
        for tree in range(n_trees):
            node = np.uint64(ledger[AT + tree])
            goes_left = np.uint64(x[feature[tree, node, 1]] < forest[tree, node, 0])
            ledger[AT + tree] = np.int64(two * node + two - goes_left)
        width *= 2


@njit(**_INNER)
def _descend_abreast(rows: _Floats, begin: int, n: int, tree: int, forest: _Floats, ledger: _Longs) -> None:
    """Walk ``n`` rows down one tree."""
    feature, n_inner = forest.view(np.uint64), forest.shape[1]
    two = np.uint64(2)
    for k in range(n):
        ledger[AT + k] = 0
    width = 1
    while width <= n_inner:
        for k in range(n):
            node = np.uint64(ledger[AT + k])
            goes_left = np.uint64(rows[begin + k, feature[tree, node, 1]] < forest[tree, node, 0])
            ledger[AT + k] = np.int64(two * node + two - goes_left)
        width *= 2


@njit(**_INNER)
def _descend_heavier(x: _Floats, known: _Known, forest: _Floats, ledger: _Longs, mass: int) -> None:
    """Walk a row that lacks features: the child with more mass of this window takes it, of equals the left one."""
    feature, n_inner = forest.view(np.int64), forest.shape[1]
    for tree in range(forest.shape[0]):
        node, root = 0, mass + tree * (2 * n_inner + 1)
        while node < n_inner:
            left, j = 2 * node + 1, feature[tree, node, 1]
            goes_left = ledger[root + left] >= ledger[root + left + 1]
            if known[j]:
                goes_left = x[j] < forest[tree, node, 0]
            node = left if goes_left else left + 1
        ledger[AT + tree] = node


@njit(**_INNER)
def count(ledger: _Longs, root: int, node: int) -> None:
    """Count a row at the leaf that it reached, and above it if inner nodes are counted."""
    ledger[root + node] += 1
    while ledger[KEEPS_INNER] and node > 0:
        node = (node - 1) >> 1
        ledger[root + node] += 1


@njit(**_INNER)
def _add_up_inner(n_trees: int, n_inner: int, ledger: _Longs, mass: int) -> None:
    for tree in range(n_trees):
        root = mass + tree * (2 * n_inner + 1)
        for node in range(n_inner - 1, -1, -1):
            ledger[root + node] = ledger[root + 2 * node + 1] + ledger[root + 2 * node + 2]


@njit(**_INNER)
def _add_up_profile(n_leaves: int, ledger: _Longs, root: int, sums: int) -> None:
    """Sum ``mass * 2**depth`` of one tree, down to each leaf or to the first node with less than a tenth of all."""
    least = 0.1 * ledger[WINDOW]  # river's, from the paper
    ledger[sums] = ledger[root]
    width, depth = 1, 0
    while width < n_leaves:  # a level at a time, each over the last one: from its end, so nothing is lost
        depth += 1
        for place in range(width - 1, -1, -1):
            node, so_far = width - 1 + place, ledger[sums + place]
            goes_on = ledger[root + node] >= least
            left, right = ledger[root + 2 * node + 1] << depth, ledger[root + 2 * node + 2] << depth
            ledger[sums + 2 * place] = so_far + (left if goes_on else 0)
            ledger[sums + 2 * place + 1] = so_far + (right if goes_on else 0)
        width *= 2


@njit(types.void(types.int64, types.int64, _LEDGER), **_OPTIONS)
def end_window(n_trees: int, n_leaves: int, ledger: _Longs) -> None:
    """Make this window the reference and begin another.

    Parameters
    ----------
    n_trees, n_leaves : int
        Of the forest.
    ledger : int64[...]
        Changed. Of its masses only the leaves' need be right.
    """
    profile, reference, mass, _ = find_parts(n_trees, n_leaves)
    _add_up_inner(n_trees, n_leaves - 1, ledger, mass)
    n_nodes = 2 * n_leaves - 1
    for tree in range(n_trees):
        root, first = mass + tree * n_nodes, tree * n_leaves
        _add_up_profile(n_leaves, ledger, root, profile + first)
        for leaf in range(n_leaves):
            ledger[reference + first + leaf] = ledger[root + n_leaves - 1 + leaf]
        for node in range(n_nodes):
            ledger[root + node] = 0
    ledger[N_LEARNED] = 0
    ledger[HAS_REFERENCE] = 1


@njit(**_INNER)
def count_learned(n_rows: int, n_trees: int, n_leaves: int, ledger: _Longs) -> None:
    """Count rows of this window, and end it if they complete it."""
    ledger[N_LEARNED] += n_rows
    if ledger[N_LEARNED] == ledger[WINDOW]:
        end_window(n_trees, n_leaves, ledger)


@njit(**_INNER)
def as_score(total: float, n_trees: int, n_leaves: int, ledger: _Longs) -> float:
    """Turn the sum of what the leaves' profiles say into river's score."""
    if not ledger[HAS_REFERENCE]:
        return 0.0
    score: float = 1.0 - total / (n_trees * ledger[WINDOW] * (2 * n_leaves - 1))
    return score


@njit(**_INNER)
def _visit(learns: bool, n_trees: int, n_leaves: int, ledger: _Longs) -> float:
    """Score the row that has reached a leaf in every tree, and count it there if asked."""
    profile, _, mass, _ = find_parts(n_trees, n_leaves)
    total = 0
    for tree in range(n_trees):
        node = ledger[AT + tree]
        total += ledger[profile + tree * n_leaves + node - (n_leaves - 1)]
        if learns:
            count(ledger, mass + tree * (2 * n_leaves - 1), node)
    score: float = as_score(total, n_trees, n_leaves, ledger)
    if learns:
        count_learned(1, n_trees, n_leaves, ledger)
    return score


@njit(**_INNER)
def walk(x: _Floats, learns: bool, forest: _Floats, ledger: _Longs) -> float:
    """`walk_known` of a row of which everything is known."""
    descend(x, forest, ledger)
    score: float = _visit(learns, forest.shape[0], forest.shape[1] + 1, ledger)
    return score


@njit(**_INNER)
def walk_lacking(x: _Floats, known: _Known, learns: bool, forest: _Floats, ledger: _Longs) -> float:
    """`walk_known` of a row that lacks features."""
    n_trees, n_leaves = forest.shape[0], forest.shape[1] + 1
    _, _, mass, _ = find_parts(n_trees, n_leaves)
    if not ledger[KEEPS_INNER]:
        _add_up_inner(n_trees, n_leaves - 1, ledger, mass)
        ledger[KEEPS_INNER] = 1
    _descend_heavier(x, known, forest, ledger, mass)
    score: float = _visit(learns, n_trees, n_leaves, ledger)
    return score


@njit(types.float64(_VECTOR, _KNOWN, types.bool_, _FOREST, _LEDGER), **_OPTIONS)
def walk_known(x: _Floats, known: _Known, learns: bool, forest: _Floats, ledger: _Longs) -> float:
    """Score a row, some features of which may be missing; then learn it if asked.

    From the first row on that lacks a feature inner nodes are counted, which takes every later row a little longer.

    Parameters
    ----------
    x : float64[n_features]
        In the order of the forest's features; a NaN goes right at every threshold.
    known : bool[n_features]
        Where false, ``x`` is not read. Empty: everything is known.
    learns : bool
        Whether to learn it. If not, nothing changes but scratch.
    forest : float64[n_trees, n_inner, 2]
        The trees.
    ledger : int64[...]
        What they have counted; changed.

    Returns
    -------
    float
        Between 0 (usual) and 1; 0 until a window is complete.
    """
    if known.size == 0:
        return walk(x, learns, forest, ledger)  # type: ignore[no-any-return]
    return walk_lacking(x, known, learns, forest, ledger)  # type: ignore[no-any-return]


@njit(types.float64(_VECTOR, _FOREST, _LEDGER), **_OPTIONS)
def score_learn(x: _Floats, forest: _Floats, ledger: _Longs) -> float:
    """`walk_known` of a row of which everything is known and that is learned, with less to hand over."""
    return walk(x, True, forest, ledger)  # type: ignore[no-any-return]


@njit(types.void(_ROWS, _FOREST, _LEDGER, _OUT), **_OPTIONS)
def score_learn_many(rows: _Floats, forest: _Floats, ledger: _Longs, out: _Floats) -> None:
    """Score and learn row after row; within a window nothing changes, so there each tree takes all rows in turn.

    Parameters
    ----------
    rows : float64[n_rows, n_features]
        In stream order; as for `walk_known`, everything is known.
    forest, ledger
        As for `walk_known`.
    out : float64[n_rows]
        Written: scores.
    """
    n_trees, n_leaves = forest.shape[0], forest.shape[1] + 1
    profile, _, mass, _ = find_parts(n_trees, n_leaves)
    begin = 0
    while begin < rows.shape[0]:
        end = min(rows.shape[0], begin + ledger[WINDOW] - ledger[N_LEARNED])
        for row in range(begin, end):
            out[row] = 0.0
        for tree in range(n_trees):
            for first in range(begin, end, _N_ABREAST):
                n = min(_N_ABREAST, end - first)
                _descend_abreast(rows, first, n, tree, forest, ledger)
                for k in range(n):
                    node = ledger[AT + k]
                    out[first + k] += ledger[profile + tree * n_leaves + node - (n_leaves - 1)]
                    count(ledger, mass + tree * (2 * n_leaves - 1), node)
        for row in range(begin, end):
            out[row] = as_score(out[row], n_trees, n_leaves, ledger)
        count_learned(end - begin, n_trees, n_leaves, ledger)
        begin = end
