from __future__ import annotations

import math

import numpy as np
import pytest

from detectors.wear_trend import NO_TREND, fit_trend, seconds_left, share_at, wear_at


def points(n, life_s=100.0, until=1.0, noise=0.0, seed=0):
    """Wear at evenly spaced times of a life, as cuts show it."""
    at_s = np.linspace(0.05, until, n) * life_s
    wears = np.array([wear_at(t / life_s) for t in at_s])
    return at_s, wears + np.random.default_rng(seed).normal(0.0, noise, n), np.full(n, max(noise, 0.02))


def test_wear_and_share_of_life_are_each_others_inverse_also_beyond_both_ends():
    shares = np.array([-0.05, 0.0, 0.02, 0.5, 0.93, 1.0, 1.2])

    assert share_at(np.array([wear_at(x) for x in shares])) == pytest.approx(shares, abs=2e-3)


def test_wear_never_falls_with_share_of_life():
    assert (np.diff([wear_at(x) for x in np.linspace(-0.1, 1.3, 200)]) > 0.0).all()


@pytest.mark.parametrize("until", [0.3, 0.6, 0.9, 1.1])
def test_a_life_that_follows_the_curve_is_told_where_it_stands(until):
    at_s, wears, errors = points(40, until=until)

    trend = fit_trend(at_s, wears, errors, at_s[-1])

    assert trend.share == pytest.approx(until, abs=0.01)
    assert trend.wear == pytest.approx(wear_at(until), abs=0.02)
    assert seconds_left(trend, 0.1)[0] == pytest.approx(max(100.0 * (1.0 - until), 0.0), abs=2.0)


def test_one_cut_that_is_out_of_line_hardly_moves_the_trend():
    at_s, wears, errors = points(40, until=0.8)
    before = fit_trend(at_s, wears, errors, at_s[-1])
    wears[-3] = 3.0

    assert fit_trend(at_s, wears, errors, at_s[-1]).share == pytest.approx(before.share, abs=0.03)


def test_noisy_cuts_know_less_than_quiet_ones():
    quiet, loud = (points(40, until=0.8, noise=noise) for noise in (0.02, 0.2))

    assert fit_trend(*loud, loud[0][-1]).error > 2.0 * fit_trend(*quiet, quiet[0][-1]).error


def test_scatter_that_nobody_announced_widens_the_error():
    at_s, wears, errors = points(40, until=0.8, noise=0.2)

    honest = fit_trend(at_s, wears, errors, at_s[-1])
    boastful = fit_trend(at_s, wears, np.full(40, 0.02), at_s[-1])

    assert boastful.error > 0.3 * honest.error


def test_without_points_nothing_is_said_and_with_two_no_pace():
    none = np.empty(0)

    assert fit_trend(none, none, none, 5.0) is NO_TREND
    two = fit_trend(np.array([1.0, 2.0]), np.array([0.2, 0.2]), np.array([0.1, 0.1]), 2.0)
    assert two.wear == pytest.approx(0.2, abs=0.01)
    assert all(math.isnan(left) for left in seconds_left(two, 0.1))


def test_the_interval_holds_what_is_likely_and_widens_with_what_is_not_known_about_the_response():
    at_s, wears, errors = points(40, until=0.6)
    trend = fit_trend(at_s, wears, errors, at_s[-1])

    sure, unsure = seconds_left(trend, 0.05), seconds_left(trend, 0.3)

    assert unsure[1] < sure[1] < sure[0] < sure[2] < unsure[2]
    assert unsure[0] == sure[0]


def test_a_trend_that_does_not_grow_has_no_end():
    flat = np.full(20, 0.3)

    trend = fit_trend(np.linspace(50.0, 60.0, 20), flat, np.full(20, 0.02), 60.0)

    assert trend.per_s == 0.0
    assert seconds_left(trend, 0.1)[0] == math.inf


def test_wear_after_more_cutting_follows_the_curve():
    at_s, wears, errors = points(40, until=0.9)
    trend = fit_trend(at_s, wears, errors, at_s[-1])

    assert trend.after(10.0) == pytest.approx(1.0, abs=0.03)
