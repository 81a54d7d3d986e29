"""How fast detectors score and learn: each by itself, and half-space trees beside the libraries that have them too.

Rows of 16 features, standardised; ten trees of height 8, windows of 250 rows: river's defaults. River gets what it
likes best: dicts of Python floats, made beforehand. A work is `N_ROWS` rows, one window, so that whatever happens at
a window's end is in every sample. Times are the thread's own processor time, ours and a peer's in turn.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from river import anomaly, preprocessing

from detectors.base import Detector
from detectors.registry import DETECTORS, build
from detectors.scaled_half_space_trees import LIMITS, ScaledHalfSpaceTrees
from detectors.streaming_half_space_trees import StreamingHalfSpaceTrees
from perf.figures import Bench, Measured, figure
from perf.peers import load_peer
from perf.timing import Paired, Work, time_paired, time_work

N_FEATURES = 16
N_ROWS = 250
N_TAUGHT = 120
SEED = 1
N_TREES_PYSAD = 25
"""Its default, and the paper's."""
CONFIGURATIONS = (
    # n_trees, height, window_size, n_features
    (10, 8, 250, 16),
    (25, 8, 250, 64),
    (25, 12, 100, 5),
    (5, 3, 3, 1),
    (50, 10, 200, 16),
    (7, 6, 50, 24),
)
"""Among which scores are compared; heights and windows that end often and seldom, one feature and many."""

Floats = NDArray[np.float64]
Dict = Mapping[int, float]


def usual_rows(n_rows: int, n_features: int, seed: int = SEED) -> Floats:
    """Rows of independent normal features."""
    rows: Floats = np.random.default_rng(seed).normal(size=(n_rows, n_features))
    return rows


def dirty_rows(n_rows: int, n_features: int) -> Floats:
    """Rows of which one in 20 is strange and one value in 100 NaN; the first is complete."""
    rng = np.random.default_rng(SEED)
    rows: Floats = usual_rows(n_rows, n_features) * rng.choice([1.0, 4.0], size=(n_rows, 1), p=[0.95, 0.05])
    rows[1:][rng.random((n_rows - 1, n_features)) < 0.01] = np.nan
    return rows


def taught(name: str) -> Detector:
    """A detector of default parameters, taught on `N_TAUGHT` usual rows."""
    detector = build(name, {}, N_FEATURES, SEED)
    detector.fit(usual_rows(N_TAUGHT, N_FEATURES, seed=SEED + 1), np.full(N_FEATURES, 0.1))
    return detector


def as_dicts(rows: Floats, share_missing: float = 0.0) -> list[dict[int, float]]:
    """The rows as river takes them; all but the first lack this share of features."""
    lacking = np.random.default_rng(SEED).random(rows.shape) < share_missing
    lacking[0] = False
    return [
        {index: value for index, value in enumerate(row) if not out[index]}
        for row, out in zip(rows.tolist(), lacking, strict=True)
    ]


def finite_dicts(rows: Floats) -> list[dict[int, float]]:
    """The rows as dicts without what is not finite."""
    return [{index: value for index, value in enumerate(row) if np.isfinite(value)} for row in rows.tolist()]


def score_then_learn(model: Any, dicts: Iterable[Dict]) -> list[float]:
    """Scores of a model of river's interface, each before its row is learned."""
    scores = []
    for x in dicts:
        scores.append(float(model.score_one(x)))
        model.learn_one(x)
    return scores


def river_trees(n_features: int, **parameters: Any) -> Any:
    """River's half-space trees for standardised rows."""
    return anomaly.HalfSpaceTrees(limits=dict.fromkeys(range(n_features), LIMITS), seed=SEED, **parameters)


def our_trees(n_features: int, **parameters: Any) -> StreamingHalfSpaceTrees:
    """Ours of the same parameters."""
    limits = dict.fromkeys(range(n_features), LIMITS)
    return StreamingHalfSpaceTrees(limits=limits, seed=SEED, **parameters)


def count_mismatches(
    n_trees: int, height: int, window_size: int, n_features: int, n_rows: int
) -> tuple[int, int]:
    """Compare every way to score with river's; equal means equal to the last bit.

    Returns
    -------
    n_mismatches, n_compared : int
        Of scores: dicts with NaN and missing features, arrays one by one and all at once, and both behind a scaler.
    """
    parameters: dict[str, Any] = {"n_trees": n_trees, "height": height, "window_size": window_size}
    rows = dirty_rows(n_rows, n_features)
    lacking = as_dicts(rows, share_missing=0.05)
    scaler: Any = preprocessing.StandardScaler()
    wanted = score_then_learn(river_trees(n_features, **parameters), as_dicts(rows))
    chained = score_then_learn(scaler | river_trees(n_features, **parameters), finite_dicts(rows))
    alone, at_once = our_trees(n_features, **parameters), our_trees(n_features, **parameters)
    chain, chain_at_once = (ScaledHalfSpaceTrees(n_features, seed=SEED, **parameters) for _ in range(2))
    pairs: Sequence[tuple[Sequence[float], Sequence[float]]] = (
        (
            score_then_learn(our_trees(n_features, **parameters), lacking),
            score_then_learn(river_trees(n_features, **parameters), lacking),
        ),
        ([alone.score_learn(row) for row in rows], wanted),
        (at_once.score_learn_many(rows).tolist(), wanted),
        ([chain.score_learn(row) for row in rows], chained),
        (chain_at_once.score_learn_many(rows).tolist(), chained),
    )
    n_mismatches = sum(a != b for ours, rivers in pairs for a, b in zip(ours, rivers, strict=True))
    return n_mismatches, sum(len(ours) for ours, _ in pairs)


def each(model: Any, rows: Floats) -> Work:
    """Score and learn the rows, a call for each."""
    vectors = list(rows)

    def work() -> None:
        for vector in vectors:
            model.score_learn(vector)

    return work


def warm(model: Any) -> Any:
    """Let a model of river's interface complete its first window, so that it scores."""
    score_then_learn(model, as_dicts(usual_rows(N_ROWS, N_FEATURES, seed=SEED + 1)))
    return model


def by_river(model: Any, rows: Floats) -> Work:
    """The same by river: two calls for each, of dicts."""
    dicts = as_dicts(rows)
    warm(model)
    return lambda: score_then_learn(model, dicts)


def per_row(paired: Paired, n_rows: int, said: str) -> Measured:
    """How many times as long the peer takes, and both times of a row."""
    ours_us, peer_us = 1e6 * paired.ours_s / n_rows, 1e6 * paired.peer_s / n_rows
    return Measured(paired.ratio, note=f"{ours_us:.3g} beside {peer_us:.3g} µs a row; {said}")


def row_costs(detector: Detector, rows: Floats) -> tuple[float, float]:
    """Microseconds of a row: by `Detector.score`, a call for each, and by `Detector.score_rows`, one for all."""
    vectors = list(rows)

    def one_by_one() -> None:
        for vector in vectors:
            detector.score(vector)

    each_s, at_once_s = time_work(one_by_one), time_work(lambda: detector.score_rows(rows))
    return 1e6 * each_s / len(rows), 1e6 * at_once_s / len(rows)


@figure("detectors_us", unit="us")
def detectors(bench: Bench, n_rows: int = N_ROWS) -> Measured:  # noqa: ARG001
    rows = usual_rows(n_rows, N_FEATURES)
    costs = {name: row_costs(taught(name), rows) for name in DETECTORS}
    told = ", ".join(
        f"{name} {each_us:.2g} ({at_once_us:.2g})"
        for name, (each_us, at_once_us) in sorted(costs.items(), key=lambda cost: cost[1])
    )
    return Measured(
        max(each_us for each_us, _ in costs.values()),
        note=f"the slowest; µs to score a row, a call for each (in brackets {n_rows} rows in one call): {told}",
    )


@figure("hst_mismatches", unit="scores")
def hst_mismatches(bench: Bench, n_rows: int = 600) -> Measured:  # noqa: ARG001 - figures have one shape
    counted = [count_mismatches(*configuration, n_rows) for configuration in CONFIGURATIONS]
    return Measured(
        sum(n_mismatches for n_mismatches, _ in counted),
        note=f"of {sum(n_compared for _, n_compared in counted)}, with NaN and missing features: dicts, arrays, "
        f"batches, behind a scaler; {len(CONFIGURATIONS)} configurations",
    )


@figure("hst_vector_vs_river", unit="x")
def hst_vector(bench: Bench, n_rows: int = N_ROWS) -> Measured:  # noqa: ARG001
    rows = usual_rows(n_rows, N_FEATURES)
    paired = time_paired(each(warm(our_trees(N_FEATURES)), rows), by_river(river_trees(N_FEATURES), rows))
    return per_row(paired, n_rows, "score and learn in one call of an array")


@figure("hst_batch_vs_river", unit="x")
def hst_batch(bench: Bench, n_rows: int = N_ROWS) -> Measured:  # noqa: ARG001
    rows, ours = usual_rows(n_rows, N_FEATURES), warm(our_trees(N_FEATURES))
    paired = time_paired(lambda: ours.score_learn_many(rows), by_river(river_trees(N_FEATURES), rows))
    return per_row(paired, n_rows, f"{n_rows} rows in one call")


@figure("chain_vs_river", unit="x")
def chain(bench: Bench, n_rows: int = N_ROWS) -> Measured:  # noqa: ARG001
    rows, ours = usual_rows(n_rows, N_FEATURES), ScaledHalfSpaceTrees(N_FEATURES, seed=SEED)
    ours.score_learn_many(usual_rows(N_ROWS, N_FEATURES, seed=SEED + 1))
    scaler: Any = preprocessing.StandardScaler()
    paired = time_paired(each(ours, rows), by_river(scaler | river_trees(N_FEATURES), rows))
    return per_row(paired, n_rows, "StandardScaler | HalfSpaceTrees, score and learn in one call of an array")


@figure("hst_vs_pysad", unit="x")
def hst_pysad(bench: Bench, n_rows: int = N_ROWS) -> Measured:  # noqa: ARG001
    low, high = LIMITS
    model = load_peer("pysad.models").HalfSpaceTrees(
        [low] * N_FEATURES, [high] * N_FEATURES, N_ROWS, N_TREES_PYSAD, 8, random_state=SEED
    )
    rows, ours = usual_rows(n_rows, N_FEATURES), warm(our_trees(N_FEATURES, n_trees=N_TREES_PYSAD))
    vectors = list(rows)

    def by_pysad() -> None:
        for vector in vectors:
            model.fit_score_partial(vector)

    for vector in usual_rows(N_ROWS, N_FEATURES, seed=SEED + 1):
        model.fit_partial(vector)
    paired = time_paired(each(ours, rows), by_pysad)
    return per_row(paired, n_rows, f"{N_TREES_PYSAD} trees, both score and learn in one call of an array")


@figure("hst_save_vs_river", unit="x")
def hst_save(bench: Bench, n_rows: int = N_ROWS) -> Measured:  # noqa: ARG001
    ours, rivers = warm(our_trees(N_FEATURES)), warm(river_trees(N_FEATURES))
    score_then_learn(ours, as_dicts(usual_rows(n_rows // 2, N_FEATURES)))
    score_then_learn(rivers, as_dicts(usual_rows(n_rows // 2, N_FEATURES)))
    paired = time_paired(lambda: pickle.dumps(ours), lambda: pickle.dumps(rivers))
    note = (
        f"pickled: {1e6 * paired.ours_s:.3g} beside {1e6 * paired.peer_s:.3g} µs, "
        f"{1e-3 * len(pickle.dumps(ours)):.3g} beside {1e-3 * len(pickle.dumps(rivers)):.3g} kB"
    )
    return Measured(paired.ratio, note=note)
