from __future__ import annotations

import math
from typing import Any

import pytest

from detectors.guard import may_learn, may_observe

TEACHING: dict[str, Any] = {
    "learnable": True,
    "steady": True,
    "exceeding": False,
    "complete": False,
    "score": math.nan,
    "limit": 0.7,
}
TAUGHT = TEACHING | {"complete": True, "score": 0.3}


@pytest.mark.parametrize("usual", [TEACHING, TAUGHT])
@pytest.mark.parametrize("obstacle", [{"learnable": False}, {"steady": False}, {"exceeding": True}])
def test_each_obstacle_alone_forbids_learning(usual: dict[str, Any], obstacle: dict[str, bool]) -> None:
    assert may_learn(**usual)
    assert not may_learn(**(usual | obstacle))


def test_teach_in_learns_what_no_other_tier_objects_to() -> None:
    assert may_learn(**(TEACHING | {"score": 0.9}))
    assert not may_learn(**(TEACHING | {"score": 1.0}))


def test_taught_baseline_learns_only_below_the_learning_limit() -> None:
    assert not may_learn(**(TAUGHT | {"score": 0.7}))
    assert not may_learn(**(TAUGHT | {"score": math.nan}))
    assert not may_learn(**(TAUGHT | {"limit": 0.0, "score": 0.0}))


@pytest.mark.parametrize("score", [0.0, 0.85, 0.999])
@pytest.mark.parametrize("own", [True, False])
def test_limits_see_healthy_scores_right_up_to_the_limit(score: float, own: bool) -> None:
    assert may_observe(learnable=True, steady=True, score=score, own=own)


def test_limits_see_that_the_learned_tier_alerts_but_nothing_that_another_tier_objects_to() -> None:
    assert may_observe(learnable=True, steady=True, score=7.0, own=True)
    assert not may_observe(learnable=True, steady=True, score=7.0, own=False)


@pytest.mark.parametrize("obstacle", [{"learnable": False}, {"steady": False}, {"score": math.nan}])
def test_limits_learn_nothing_from_what_is_unfit_or_unknown(obstacle: dict[str, Any]) -> None:
    assert not may_observe(**({"learnable": True, "steady": True, "score": 0.5, "own": True} | obstacle))
