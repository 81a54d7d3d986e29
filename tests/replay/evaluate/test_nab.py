from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.evaluate.nab import (
    LOW_FN,
    LOW_FP,
    PROFILES,
    STANDARD,
    NabSum,
    Profile,
    nab_score,
    nab_sum,
    sigmoid,
)
from replay.scoring import Span

UNIT = Profile("all ones", 1.0, 1.0, 1.0)
# Rows 0, 1, 2, ...: a window of five rows ends where its last row begins.
FIRST, SECOND = Span(20, 24), Span(60, 64)


def test_numentas_own_example_of_all_metrics_gives_what_its_test_states() -> None:
    # tests/integration/scorer_test.py of numenta/NAB, testScoringAllMetrics: -0.9540.
    # Two hits in the first window, of which the earlier counts; one false, three rows behind it; the second missed.
    scored = nab_sum([FIRST, SECOND], [20, 21, 27], UNIT, row_ns=1)

    assert scored.raw == pytest.approx(-0.9540, abs=5e-5)


@pytest.mark.parametrize(
    ("profile", "raw"),
    [(STANDARD, -0.11), (LOW_FP, -0.22), (Profile("scorer_test", 1.0, 2.0, 0.5), -2.0)],
)
def test_a_detection_before_any_window_costs_all_that_a_false_one_can(profile: Profile, raw: float) -> None:
    assert nab_sum([], [5], profile).raw == raw


def test_a_missed_window_costs_what_the_profile_says() -> None:
    assert [nab_sum([FIRST], [], profile).raw for profile in PROFILES] == [-1.0, -1.0, -2.0]


def rows_scored(windows: list[Span], told: list[int], n_rows: int, profile: Profile) -> float:
    """The benchmark's loop over rows, written out: one row at a time, indices only."""
    best, cost, last = {}, 0.0, None
    for row in range(n_rows):
        inside = next((window for window in windows if window.start_ns <= row <= window.end_ns), None)
        last = inside or last
        if row not in told:
            continue
        if inside is not None:
            width = inside.end_ns - inside.start_ns + 1
            place = -(inside.end_ns - row + 1) / width
            best[inside] = max(best.get(inside, -profile.fn), profile.tp * sigmoid(place) / sigmoid(-1))
        elif last is None:
            cost += profile.fp
        else:
            cost -= profile.fp * sigmoid((row - last.end_ns) / (last.end_ns - last.start_ns))
    return sum(best.get(window, -profile.fn) for window in windows) - cost


@given(told=st.lists(st.integers(0, 119), unique=True), profile=st.sampled_from(PROFILES))
def test_rows_score_as_the_benchmarks_loop_over_them(told: list[int], profile: Profile) -> None:
    told, windows = sorted(told), [FIRST, SECOND]

    assert nab_sum(windows, told, profile, row_ns=1).raw == pytest.approx(
        rows_scored(windows, told, 120, profile)
    )


@pytest.mark.parametrize("profile", PROFILES)
def test_perfect_is_a_hundred_and_silent_is_nothing(profile: Profile) -> None:
    assert nab_score([nab_sum([FIRST, SECOND], [20, 60], profile)], profile) == pytest.approx(100.0)
    assert nab_score([nab_sum([FIRST, SECOND], [], profile)], profile) == 0.0


def test_no_windows_is_nan_and_not_perfect() -> None:
    assert math.isnan(nab_score([NabSum(0.0, 0)], STANDARD))


@given(first=st.integers(20, 24), second=st.integers(20, 24))
def test_of_two_detections_in_a_window_the_earlier_counts(first: int, second: int) -> None:
    both = nab_sum([FIRST], sorted([first, second]), LOW_FN)

    assert both == nab_sum([FIRST], [min(first, second)], LOW_FN)
