from __future__ import annotations

import math

import numpy as np
import pytest

from detectors.drift import N_HISTORY, N_MEAN, ScoreDrift


def scores(n: int, level: float = 0.3, seed: int = 0) -> list[float]:
    return list(np.random.default_rng(seed).normal(level, 0.05, size=n))


def test_steady_scores_do_not_drift() -> None:
    drift = ScoreDrift()

    assert not any([drift.update(score) for score in scores(20_000)])


@pytest.mark.parametrize(("before", "after"), [(0.3, 0.6), (0.9, 0.2)])
def test_step_is_told_once(before: float, after: float) -> None:
    drift = ScoreDrift()
    for score in scores(3000, before):
        drift.update(score)

    told = [drift.update(score) for score in scores(6000, after, seed=1)]

    assert sum(told) == 1
    assert told.index(True) < 50 * N_MEAN


def test_unknown_scores_are_passed_over() -> None:
    with_gaps, without = ScoreDrift(), ScoreDrift()

    said = [with_gaps.update(s) for score in scores(2000) + scores(2000, 0.8) for s in (score, math.nan)]
    expected = [without.update(score) for score in scores(2000) + scores(2000, 0.8)]

    assert [changed for changed, _ in zip(said[::2], said[1::2], strict=True)] == expected
    assert not any(said[1::2])
    assert any(expected)


@pytest.mark.parametrize("split", [17, N_MEAN * 40 + 5, N_MEAN * (N_HISTORY + 30)])
def test_restored_in_mid_stream_goes_on_as_if_nothing_happened(split: int) -> None:
    stream = scores(split) + scores(4000, 0.7, seed=2) + scores(4000, 0.2, seed=3)
    drift, heir = ScoreDrift(), ScoreDrift()
    for score in stream[:split]:
        drift.update(score)

    heir.restore(drift.save())
    told = [drift.update(score) for score in stream[split:]]

    assert any(told)
    assert [heir.update(score) for score in stream[split:]] == told


def test_state_is_bounded() -> None:
    drift = ScoreDrift()
    for score in scores(N_MEAN * N_HISTORY * 2):
        drift.update(score)

    assert drift.save()["means"].size <= N_HISTORY
