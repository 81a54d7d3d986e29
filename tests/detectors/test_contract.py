"""What every detector of the registry promises; a new one is tested by being registered."""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from detectors.base import Detector
from detectors.registry import DETECTORS, build, detector_type

N_FEATURES = 6
N_TAUGHT = 120
FLOOR = np.full(N_FEATURES, 0.1)


@pytest.fixture(params=[*sorted(DETECTORS), "river.anomaly.LODA"])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def rows() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(400, N_FEATURES))


def taught(name: str, rows: np.ndarray, seed: int = 0) -> Detector:
    detector = build(name, {}, N_FEATURES, seed)
    detector.fit(rows[:N_TAUGHT], FLOOR)
    return detector


def adapting(name: str) -> dict[str, float]:
    """Parameters with which a detector learns after its teach-in, if it can."""
    told = getattr(detector_type(name).parameters_type, "__struct_fields__", ())
    return {"adaptation": 0.02} if "adaptation" in told else {}


def leaves(state: Any) -> Iterator[Any]:
    if isinstance(state, dict):
        for value in state.values():
            yield from leaves(value)
    else:
        yield state


def test_untaught_detector_says_nothing(name: str, rows: np.ndarray) -> None:
    detector = build(name, {}, N_FEATURES)

    assert not detector.ready
    assert math.isnan(detector.score(rows[0]))
    assert np.isnan(detector.attribute(rows[0])).all()


def test_fewer_than_two_rows_or_a_nan_are_refused(name: str, rows: np.ndarray) -> None:
    detector = build(name, {}, N_FEATURES)
    dirty = rows.copy()
    dirty[3, 2] = np.nan

    with pytest.raises(ValueError, match="shape"):
        detector.fit(rows[:1], FLOOR)
    with pytest.raises(ValueError, match="NaN"):
        detector.fit(dirty, FLOOR)


def test_strangeness_grows_with_distance(name: str, rows: np.ndarray) -> None:
    highest = []
    for distance in (0.0, 2.0, 6.0):
        detector = taught(name, rows)
        highest.append(max(detector.score(np.full(N_FEATURES, distance)) for _ in range(30)))

    assert highest[0] < highest[1] < highest[2]


def test_scoring_a_long_fault_teaches_nothing(name: str, rows: np.ndarray) -> None:
    detector = taught(name, rows)
    fault = np.full(N_FEATURES, 5.0)

    early = [detector.score(fault) for _ in range(150)][-1]
    late = [detector.score(fault) for _ in range(1000)][-1]

    assert late == pytest.approx(early, rel=1e-6)


def test_learning_after_the_teach_in_is_off_by_default(name: str, rows: np.ndarray) -> None:
    silent, told = taught(name, rows), taught(name, rows)

    for _ in range(100):
        told.learn(np.full(N_FEATURES, 2.0))

    assert [told.score(row) for row in rows[200:]] == [silent.score(row) for row in rows[200:]]


def test_rows_in_one_call_score_as_one_by_one(name: str, rows: np.ndarray) -> None:
    one_by_one, at_once = taught(name, rows), taught(name, rows)
    dirty = rows[200:].copy()
    dirty[np.random.default_rng(2).random(dirty.shape) < 0.1] = np.nan
    dirty[50] = np.nan
    dirty[60:80] += 6.0

    expected = [one_by_one.score(row) for row in dirty]

    np.testing.assert_array_equal(at_once.score_rows(dirty), expected)
    assert at_once.score(rows[0]) == one_by_one.score(rows[0])
    assert at_once.score_rows(np.empty((0, N_FEATURES))).shape == (0,)


def test_rows_that_nobody_may_write_are_scored(name: str, rows: np.ndarray) -> None:
    detector, other = taught(name, rows), taught(name, rows)
    rows = rows[200:].copy()
    expected = other.score_rows(rows)
    rows.flags.writeable = False

    np.testing.assert_array_equal(detector.score_rows(rows), expected)
    assert np.isfinite(detector.score(rows[0]))


@pytest.mark.parametrize("adapts", [False, True])
def test_scoring_and_learning_in_one_call_is_scoring_then_learning(
    name: str, rows: np.ndarray, adapts: bool
) -> None:
    parameters = adapting(name) if adapts else {}
    interleaved, at_once = (build(name, parameters, N_FEATURES) for _ in range(2))
    interleaved.fit(rows[:N_TAUGHT], FLOOR)
    at_once.fit(rows[:N_TAUGHT], FLOOR)
    stream = rows[200:] + 1.0
    stream[30, 2] = np.nan
    stream[40] = np.nan
    learnable = np.random.default_rng(3).random(200) < 0.5

    expected = []
    for row, may_learn in zip(stream, learnable, strict=True):
        expected.append(interleaved.score(row))
        if may_learn:
            interleaved.learn(row)

    np.testing.assert_array_equal(at_once.score_learn(stream, learnable), expected)
    assert at_once.score(rows[0]) == interleaved.score(rows[0])


def test_untaught_detector_scores_rows_as_unknown(name: str, rows: np.ndarray) -> None:
    detector = build(name, {}, N_FEATURES)

    assert np.isnan(detector.score_rows(rows)).all()
    assert np.isnan(detector.score_learn(rows, np.ones(len(rows), dtype=np.bool_))).all()


def test_an_adapting_detector_restored_in_mid_stream_goes_on_as_if_nothing_happened(
    name: str, rows: np.ndarray
) -> None:
    detector, heir = (build(name, adapting(name), N_FEATURES) for _ in range(2))
    detector.fit(rows[:N_TAUGHT], FLOOR)
    every = np.ones(len(rows), dtype=np.bool_)
    detector.score_learn(rows, every)

    heir.restore(detector.save())

    np.testing.assert_array_equal(heir.score_learn(rows, every), detector.score_learn(rows, every))


def test_forgetting_drops_what_was_scored_and_keeps_what_was_learned(name: str, rows: np.ndarray) -> None:
    detector, calm = taught(name, rows), taught(name, rows)
    for each, level in ((detector, 4.0), (calm, 0.0)):
        each.score_rows(np.full((30, N_FEATURES), level))
        each.forget()

    np.testing.assert_array_equal(detector.score_rows(rows[200:]), calm.score_rows(rows[200:]))


def test_scoring_hands_nothing_back_to_be_kept(name: str, rows: np.ndarray) -> None:
    detector = taught(name, rows)
    for row in rows[200:210]:
        detector.score(row)

    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for row in rows[210:]:
            detector.score(row)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert after - before < 4096


@pytest.mark.parametrize("name", sorted(DETECTORS))
@pytest.mark.parametrize("n_rows", [60, 600])
def test_48_features_take_20_kB_at_most(name: str, n_rows: int) -> None:
    detector = build(name, {}, 48)
    detector.fit(np.random.default_rng(4).normal(size=(n_rows, 48)), np.full(48, 0.1))

    assert sum(np.asarray(leaf).nbytes for leaf in leaves(detector.save())) <= 20_000


def test_same_seed_gives_same_scores(name: str, rows: np.ndarray) -> None:
    one, other = taught(name, rows, seed=7), taught(name, rows, seed=7)

    assert [one.score(row) for row in rows[200:]] == [other.score(row) for row in rows[200:]]


def test_restored_in_mid_stream_goes_on_as_if_nothing_happened(name: str, rows: np.ndarray) -> None:
    detector = taught(name, rows)
    for row in rows[200:250]:
        detector.score(row)

    heir = build(name, {}, N_FEATURES, seed=0)
    heir.restore(detector.save())

    assert heir.ready
    assert [heir.score(row) for row in rows[250:]] == [detector.score(row) for row in rows[250:]]
    np.testing.assert_array_equal(heir.attribute(rows[-1]), detector.attribute(rows[-1]))


def test_untaught_state_restores_as_untaught(name: str) -> None:
    heir = build(name, {}, N_FEATURES)

    heir.restore(build(name, {}, N_FEATURES).save())

    assert not heir.ready


def test_saved_state_is_a_copy_of_plain_arrays_and_numbers(name: str, rows: np.ndarray) -> None:
    detector = taught(name, rows)
    state = detector.save()
    before = [np.copy(leaf) for leaf in leaves(state)]

    for row in rows[200:]:
        detector.score(row)

    assert state["version"] == detector.version
    assert all(isinstance(leaf, np.ndarray | int | float | bool | str) for leaf in leaves(state))
    for kept, leaf in zip(before, leaves(state), strict=True):
        np.testing.assert_array_equal(kept, leaf)


def test_state_does_not_grow_with_the_stream(name: str, rows: np.ndarray) -> None:
    detector = taught(name, rows)
    before = sum(np.asarray(leaf).nbytes for leaf in leaves(detector.save()))

    for row in rows:
        detector.score(row)
        detector.learn(row)

    assert sum(np.asarray(leaf).nbytes for leaf in leaves(detector.save())) == before


def test_state_of_another_version_or_size_is_refused(name: str, rows: np.ndarray) -> None:
    state = taught(name, rows).save()

    with pytest.raises(ValueError, match="version"):
        build(name, {}, N_FEATURES).restore(state | {"version": 99})
    with pytest.raises(ValueError, match="wanted"):
        build(name, {}, N_FEATURES + 1).restore(state)


@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf])
def test_a_row_without_a_value_is_passed_over(name: str, rows: np.ndarray, poison: float) -> None:
    clean, poisoned = taught(name, rows), taught(name, rows)

    assert math.isnan(poisoned.score(np.full(N_FEATURES, poison)))
    assert [poisoned.score(row) for row in rows[200:]] == [clean.score(row) for row in rows[200:]]


@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_missing_does_not_silence_the_others(
    name: str, rows: np.ndarray, poison: float
) -> None:
    detector = taught(name, rows)
    dirty = np.full(N_FEATURES, 8.0)
    dirty[0] = poison

    score = [detector.score(dirty) for _ in range(50)][-1]
    usual = taught(name, rows).score(np.zeros(N_FEATURES))

    assert score > usual
    assert np.isfinite(detector.score(rows[0]))


def test_shares_sum_to_one_and_name_the_culprit(name: str, rows: np.ndarray) -> None:
    detector = taught(name, rows)
    strange = np.zeros(N_FEATURES)
    strange[4] = 8.0
    for _ in range(30):
        detector.score(strange)

    shares = detector.attribute(strange)

    assert shares.shape == (N_FEATURES,)
    assert shares.sum() == pytest.approx(1.0)
    assert (shares >= 0.0).all()
    assert int(np.argmax(shares)) == 4


def test_a_feature_that_never_varied_in_the_teach_in_does_no_harm(name: str, rows: np.ndarray) -> None:
    still = rows.copy()
    still[:, 2] = 0.0
    detector = taught(name, still)

    scores = [detector.score(row) for row in still[200:]]

    assert np.isfinite(scores).all()
