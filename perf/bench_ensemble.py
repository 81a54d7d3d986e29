"""What the learned tier takes for a vector by default, beside detectors that people would use in its place.

A vector of 16 features in their own units. Ours is `detectors.baseline.Baseline` as the flow runs it: standardising,
every detector of ``default.toml`` for waveforms, their limits, drift of the score, the feature with the largest share
where a score is high; then the limits learn from it. It is taught once and frozen but for the limits, which the peers
are not: so this is what a vector costs, and not how fast the same work is done.
"""

from __future__ import annotations

from itertools import cycle, islice

import numpy as np
from numpy.typing import NDArray
from river import preprocessing

from detectors.baseline import NAMED, Baseline
from detectors.budget import Budget
from engine.config import load_config
from engine.records import Feature
from perf.bench_detectors import (
    N_FEATURES,
    N_ROWS,
    SEED,
    by_river,
    per_row,
    river_trees,
    usual_rows,
)
from perf.figures import Bench, Measured, figure
from perf.peers import ScoreLearn, rrcf_detector
from perf.timing import Work, time_paired

RATE_HZ = 10.0
"""Vectors per second of a waveform group: what a budget of alerts a day is divided by."""
N_BEFORE = 36_000
"""Vectors of an hour: until then limits move, and with them how often a score is high enough to be looked into."""
N_TREES, N_POINTS = 40, 256
"""Of the peer, as its documentation has them."""
_SAID = "default ensemble, scored and limits learnt"

Floats = NDArray[np.float64]


def vectors(n_rows: int, seed: int = SEED) -> Floats:
    """Levels of vibration, which vary by a tenth."""
    rows: Floats = np.exp(0.1 * usual_rows(n_rows, N_FEATURES, seed))
    return rows


def default_ensemble(n_before: int = N_BEFORE) -> ScoreLearn:
    """Make what the flow has for a waveform group of one spindle after its teach-in and so many vectors more."""
    config = load_config()
    baseline = Baseline(
        [Feature(f"vib_{index}.rms", "g", log=True) for index in range(N_FEATURES)],
        [entry for entry in config.detectors if "waveform" in entry.kinds],
        config.learn.n_vectors_waveform,
        budget=Budget.of_group(config, RATE_HZ, n_groups=1),
        ensemble=config.ensemble,
    )
    for row in vectors(baseline.wanted, seed=SEED + 1):
        baseline.learn(row)

    def score_learn(vector: Floats) -> float:
        score = baseline.score(vector).score
        baseline.observe()
        return score

    return used(score_learn, n_before)


def used(score_learn: ScoreLearn, n_before: int) -> ScoreLearn:
    """Let it score and learn so many vectors, other ones than are timed."""
    for row in vectors(n_before, seed=SEED + 2):
        score_learn(row)
    return score_learn


def in_turn(score_learn: ScoreLearn, rows: Floats, n_rows: int) -> Work:
    """Hand it the rows one after the other, over and over, so many at each call of the work."""
    stream = cycle(list(rows))

    def work() -> None:
        for row in islice(stream, n_rows):
            score_learn(row)

    return work


@figure("ensemble_vs_river", unit="x")
def ensemble_river(bench: Bench, n_rows: int = N_ROWS) -> Measured:  # noqa: ARG001 - figures have one shape
    rows, ours = vectors(n_rows), default_ensemble()
    pipeline = preprocessing.StandardScaler() | river_trees(N_FEATURES)
    paired = time_paired(in_turn(ours, rows, n_rows), by_river(pipeline, rows))
    share_named = float(np.mean([ours(row) >= NAMED for row in rows]))
    said = (
        f"{_SAID}, {share_named:.0%} of scores looked into; StandardScaler | HalfSpaceTrees, score and learn"
    )
    return per_row(paired, n_rows, said)


@figure("ensemble_vs_rrcf", unit="x")
def ensemble_rrcf(bench: Bench, n_rows: int = 10, n_points: int = N_POINTS) -> Measured:  # noqa: ARG001
    peer = used(rrcf_detector(N_TREES, n_points, SEED), n_before=n_points)
    # A vector that its trees still hold is only counted there, and takes it half the time: by then it is forgotten.
    rows = vectors(2 * n_points)
    paired = time_paired(in_turn(default_ensemble(), rows, n_rows), in_turn(peer, rows, n_rows))
    return per_row(paired, n_rows, f"{_SAID}; {N_TREES} trees of the latest {n_points} vectors")
