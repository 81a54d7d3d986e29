from __future__ import annotations

import math

import numpy as np
import pytest
from river import drift

from detectors.drift import N_MEAN, PageHinkley, ScoreDrift


def scores(n: int, level: float = 0.3, seed: int = 0) -> list[float]:
    return list(np.random.default_rng(seed).normal(level, 0.05, size=n))


def test_steady_scores_do_not_drift() -> None:
    drift = ScoreDrift()

    assert not any([drift.update(score) for score in scores(20_000)])


@pytest.mark.parametrize(("before", "after"), [(0.3, 0.6), (0.9, 0.2), (0.4, 0.55), (0.5, 0.35)])
def test_step_is_told_once(before: float, after: float) -> None:
    drift = ScoreDrift()
    for score in scores(3000, before):
        drift.update(score)

    told = [drift.update(score) for score in scores(6000, after, seed=1)]

    assert sum(told) == 1
    assert told.index(True) < 50 * N_MEAN


def test_a_change_that_is_not_worth_mention_is_not_told() -> None:
    drift = ScoreDrift()

    told = [drift.update(score) for score in scores(3000, 0.30) + scores(30_000, 0.34, seed=1)]

    assert not any(told)


def test_creep_is_told_within_the_time_it_takes() -> None:
    drift = ScoreDrift()
    steady = scores(6000)
    creep = np.array(scores(18_000, seed=1)) + np.linspace(0.0, 0.5, 18_000)

    told = [drift.update(score) for score in [*steady, *creep]]

    assert not any(told[: len(steady)])
    assert any(told)


@pytest.mark.parametrize("rising", [True, False])
def test_page_hinkley_is_rivers(rising: bool) -> None:
    way = 1.0 if rising else -1.0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        means = rng.normal(0.5, 0.03, size=300) + way * np.repeat([0.0, 0.15], [150, 150])
        ours = PageHinkley(delta=0.05, threshold=1.0, n_least=10)
        rivers = drift.PageHinkley(
            min_instances=10, delta=0.05, threshold=1.0, alpha=1.0, mode="up" if rising else "down"
        )

        for mean in means.tolist():
            rivers.update(mean)
            assert ours.update(mean) == rivers.drift_detected
            if rivers.drift_detected:
                break
        assert rivers.drift_detected


def test_unknown_scores_are_passed_over() -> None:
    with_gaps, without = ScoreDrift(), ScoreDrift()

    said = [with_gaps.update(s) for score in scores(2000) + scores(2000, 0.8) for s in (score, math.nan)]
    expected = [without.update(score) for score in scores(2000) + scores(2000, 0.8)]

    assert [changed for changed, _ in zip(said[::2], said[1::2], strict=True)] == expected
    assert not any(said[1::2])
    assert any(expected)


def test_wild_score_is_no_drift() -> None:
    drift = ScoreDrift()
    stream = scores(3000)
    stream[1500] = math.inf

    assert not any([drift.update(score) for score in stream])


@pytest.mark.parametrize("split", [17, N_MEAN * 40 + 5, N_MEAN * 290])
def test_restored_in_mid_stream_goes_on_as_if_nothing_happened(split: int) -> None:
    stream = scores(split) + scores(4000, 0.7, seed=2) + scores(4000, 0.2, seed=3)
    drift, heir = ScoreDrift(), ScoreDrift()
    for score in stream[:split]:
        drift.update(score)

    heir.restore(drift.save())
    told = [drift.update(score) for score in stream[split:]]

    assert any(told)
    assert [heir.update(score) for score in stream[split:]] == told


def test_state_is_bounded_and_of_another_version_refused() -> None:
    drift = ScoreDrift()
    for score in scores(N_MEAN * 500):
        drift.update(score)
    state = drift.save()

    assert len(state) + len(state["test"]) < 15
    with pytest.raises(ValueError, match="version"):
        drift.restore(state | {"version": 1})
