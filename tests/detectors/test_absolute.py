from __future__ import annotations

import math

import numpy as np
import pytest

from detectors.absolute import AbsoluteLimits, check_limits
from engine.config import LimitConfig
from engine.errors import ConfigError
from engine.records import Feature

FEATURES = (Feature("vib_x.rms", "g", True), Feature("oil.value", "bar", False))


def tier(*limits: LimitConfig, spindle: str = "M1") -> AbsoluteLimits:
    return AbsoluteLimits(FEATURES, limits, spindle)


def test_upper_limit_scores_value_over_limit() -> None:
    limits = tier(LimitConfig(feature="vib_x.rms", above=5.0))

    scores = [limits.score(np.array([value, 3.0])).score for value in (0.0, 2.5, 5.0, 10.0)]

    assert scores == [0.0, 0.5, 1.0, 2.0]


def test_lower_limit_scores_one_at_the_limit_and_more_below() -> None:
    limits = tier(LimitConfig(feature="oil.value", below=2.0))

    scores = [limits.score(np.array([0.1, value])).score for value in (4.0, 2.0, 1.0, 0.0, -1.0)]

    assert scores == [0.0, 1.0, 1.5, 2.0, 2.5]


def test_negative_limits_keep_their_direction() -> None:
    limits = tier(LimitConfig(feature="oil.value", above=-5.0, below=-20.0))

    inside, high, low = (limits.score(np.array([0.1, v])).score for v in (-10.0, -4.0, -22.0))

    assert inside < 1.0 < min(high, low)


def test_most_exceeded_limit_counts_and_is_the_reason() -> None:
    limits = tier(
        LimitConfig(feature="vib_x.rms", above=5.0), LimitConfig(feature="oil.value", above=8.0, below=2.0)
    )
    values = np.array([6.0, 16.0])

    assessment = limits.score(values)
    (reason,) = limits.reasons(values, assessment)

    assert (assessment.score, assessment.top, assessment.detector) == (2.0, 1, "absolute")
    assert (reason.feature, reason.value, reason.low, reason.high) == ("oil.value", 16.0, 2.0, 8.0)
    assert (reason.unit, reason.share) == ("bar", 1.0)
    assert math.isnan(reason.expected)


def test_unknown_value_is_not_judged_but_the_others_are() -> None:
    limits = tier(LimitConfig(feature="vib_x.rms", above=5.0), LimitConfig(feature="oil.value", above=8.0))

    assert math.isnan(limits.score(np.full(2, np.nan)).score)
    assert limits.score(np.array([np.nan, 16.0])).score == 2.0
    assert limits.reasons(np.full(2, np.nan), limits.score(np.full(2, np.nan))) == ()


def test_limits_of_other_spindles_and_groups_are_passed_over() -> None:
    limits = tier(
        LimitConfig(feature="vib_x.rms", above=5.0, spindles=("M2",)),
        LimitConfig(feature="temperature.value", above=60.0),
    )

    assert math.isnan(limits.score(np.array([100.0, 100.0])).score)


def test_unknown_feature_of_a_known_channel_is_refused_with_its_path() -> None:
    with pytest.raises(ConfigError, match=r"vib_x\.rms, got 'vib_x\.rmss' - at `\$\.limits\[0\]\.feature`"):
        tier(LimitConfig(feature="vib_x.rmss", above=5.0))


def test_limit_of_zero_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"other than 0 .* at `\$\.limits\[0\]`"):
        tier(LimitConfig(feature="vib_x.rms", above=0.0))


def test_limits_that_would_never_be_looked_at_are_refused() -> None:
    features_of = {"M1": ["vib_x.rms"], "M2": ["oil.value"]}

    check_limits([LimitConfig(feature="oil.value", above=1.0)], features_of)
    with pytest.raises(ConfigError, match=r"M1, M2, got 'M3' - at `\$\.limits\[0\]\.spindles\[0\]`"):
        check_limits([LimitConfig(feature="oil.value", above=1.0, spindles=("M3",))], features_of)
    with pytest.raises(
        ConfigError, match=r"a feature of M1, got 'oil\.value' - at `\$\.limits\[0\]\.feature`"
    ):
        check_limits([LimitConfig(feature="oil.value", above=1.0, spindles=("M1",))], features_of)
