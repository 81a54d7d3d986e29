from __future__ import annotations

import math

import numpy as np
import pytest

from detectors.dynamic import HALF_LIFE, N_DELAY, N_WARM, DynamicChange
from engine.records import Feature

FEATURES = (
    Feature("vib_x.kurtosis", "", True),
    Feature("vib_x.rms", "g", True),
    Feature("vib_x.peak", "g", True),
    Feature("load.value", "%", False),
)


def vector(level: float = 1.0) -> np.ndarray:
    return np.array([3.0, 0.3 * level, 1.2 * level, 50.0])


def warmed(n: int = N_WARM) -> DynamicChange:
    dynamic = DynamicChange(FEATURES)
    for _ in range(n):
        dynamic.learn(vector())
    return dynamic


def test_nothing_is_said_before_enough_of_the_regime_was_seen() -> None:
    dynamic = warmed(N_WARM - 1)

    assert math.isnan(dynamic.score(vector(10.0)).score)
    dynamic.learn(vector())
    assert dynamic.score(vector(10.0)).score > 1.0


def test_score_counts_the_rise_in_powers_of_the_factor() -> None:
    dynamic = warmed()

    assert dynamic.score(vector(3.0)).score == pytest.approx(1.0, rel=1e-3)
    assert dynamic.score(vector(9.0)).score == pytest.approx(2.0, rel=1e-3)
    assert dynamic.score(vector(0.1)).score == 0.0


def test_variation_of_a_factor_of_two_stays_below_the_limit() -> None:
    levels = np.exp(np.random.default_rng(0).uniform(-math.log(2) / 2, math.log(2) / 2, size=2000))
    dynamic = DynamicChange(FEATURES)

    scores = []
    for level in levels:
        scores.append(dynamic.score(vector(level)).score)
        dynamic.learn(vector(level))

    assert np.nanmax(scores) < 1.0


def test_lasting_jump_exceeds_for_as_long_as_the_reference_lags() -> None:
    dynamic = warmed(100)

    scores = []
    for _ in range(N_DELAY + 1):
        scores.append(dynamic.score(vector(4.0)).score)
        dynamic.learn(vector(4.0))

    assert min(scores[:N_DELAY]) > 1.0
    assert dynamic.score(vector(4.0)).score < 0.01


def test_interrupted_cut_is_news_once_only() -> None:
    dynamic = warmed(100)
    scores = []
    for level in ([6.0] * 20 + [1.0] * 200) * 5:
        scores.append(dynamic.score(vector(level)).score)
        dynamic.learn(vector(level))

    assert scores[0] > 1.0
    assert max(scores[N_DELAY + 1 :]) < 1.0


def test_reference_is_forgotten_slowly() -> None:
    dynamic = warmed(N_WARM)
    dynamic.learn(vector(8.0))
    for _ in range(N_DELAY + HALF_LIFE):
        dynamic.learn(vector())

    assert dynamic.score(vector(8.0)).score == pytest.approx(math.log(2) / math.log(3), rel=1e-2)


def test_reset_forgets_the_regime() -> None:
    dynamic = warmed()

    dynamic.reset()

    assert math.isnan(dynamic.score(vector(10.0)).score)


def test_scoring_learns_nothing_and_missing_values_do_no_harm() -> None:
    dynamic, twin = warmed(), warmed()
    for _ in range(10):
        dynamic.score(vector(100.0))
        dynamic.learn(np.full(4, np.nan))
        twin.learn(np.full(4, np.nan))

    assert math.isnan(dynamic.score(np.full(4, np.nan)).score)
    assert dynamic.score(vector(9.0)) == twin.score(vector(9.0))
    assert dynamic.score(vector(9.0)).score == pytest.approx(2.0, rel=1e-2)


def test_group_without_level_features_is_never_judged() -> None:
    dynamic = DynamicChange((Feature("load.value", "%", False),))
    for _ in range(50):
        dynamic.learn(np.array([1.0]))

    assert math.isnan(dynamic.score(np.array([100.0])).score)


def test_reasons_name_the_rise_in_its_unit() -> None:
    dynamic = warmed()
    loud = vector()
    loud[2] *= 6.0

    (reason, *_) = dynamic.reasons(loud, dynamic.score(loud))

    assert reason.feature == "vib_x.peak"
    assert reason.unit == "g"
    assert reason.value == pytest.approx(7.2)
    assert reason.expected == pytest.approx(1.2, rel=1e-3)
    assert reason.high == pytest.approx(3.6, rel=1e-3)
    assert math.isnan(reason.low)
    assert reason.share == pytest.approx(1.0)


def test_restored_in_mid_stream_goes_on_as_if_nothing_happened() -> None:
    levels = np.exp(np.random.default_rng(1).normal(scale=0.5, size=100))
    dynamic = warmed(7)
    for level in levels[:40]:
        dynamic.learn(vector(level))
    heir = DynamicChange(FEATURES)
    heir.restore(dynamic.save())

    for level in levels[40:]:
        assert heir.score(vector(level)) == dynamic.score(vector(level))
        heir.learn(vector(level))
        dynamic.learn(vector(level))


def test_state_of_other_features_is_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        DynamicChange(FEATURES[:2]).restore(warmed().save())
