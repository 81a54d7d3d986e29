from __future__ import annotations

import numpy as np
import pytest

from detectors.cut_curves import N_BINS, CutRow, Level, Place, coarser
from detectors.envelope_along_cut import CutEnvelope

LEVEL = Level(0, "current_u.mean", "A", load=True, floor=0.15, whole=1.35)


def row(levels, *, length=32.0, width=1.0, rpm=3000.0, feed=600.0):
    """A cut whose level at each place is given, with speed and feed."""
    bounds = np.full((2, 3, N_BINS), np.nan, dtype=np.float32)
    n = len(levels)
    bounds[:, 0, :n], bounds[:, 1, :n], bounds[:, 2, :n] = levels, rpm, feed
    return CutRow(bounds, width, length, n, by_feed=True)


def learned(rows, n_cuts=5):
    envelope = CutEnvelope([LEVEL], n_cuts)
    for one in rows:
        envelope.ended(one, healthy=True)
    return envelope


def places(envelope):
    return [Place(*envelope.limits_at(place)[0]) for place in range(N_BINS)]


STEP = np.where(np.arange(32) < 16, 4.0, 8.0)


def test_limits_follow_the_cut_and_leave_room_for_steps_that_come_early_or_late():
    found = places(learned([row(STEP)] * 5))

    assert (found[5].low, found[5].high) == pytest.approx((4.0, 4.0))
    assert (found[25].low, found[25].high) == pytest.approx((8.0, 8.0))
    for place in (14, 15, 16, 17):
        assert (found[place].low, found[place].high) == pytest.approx((4.0, 8.0))


def test_how_hard_each_cut_was_as_a_whole_is_no_spread():
    alike = places(learned([row(STEP)] * 5))
    harder = places(learned([row(STEP * height) for height in (0.94, 0.97, 1.0, 1.03, 1.06)]))

    np.testing.assert_allclose(harder[:32], alike[:32], rtol=1e-5)


def test_room_is_never_less_than_the_floor_and_grows_with_what_cuts_differ_in_one_place():
    cuts = [STEP.copy() for _ in range(7)]
    for cut, factor in zip(cuts, (0.8, 0.9, 1.0, 1.0, 1.0, 1.1, 1.2), strict=True):
        cut[25] *= factor
    calm, uneven = places(learned([row(STEP)] * 7))[25], places(learned([row(cut) for cut in cuts]))[25]

    assert calm.room == pytest.approx(0.15 * 8.0)
    assert uneven.room > 1.5 * calm.room


def test_one_strange_cut_among_those_learnt_moves_nothing():
    strange = STEP.copy()
    strange[20:28] *= 1.6
    usual = places(learned([row(STEP)] * 9, 9))
    mixed = places(learned([row(STEP)] * 8 + [row(strange)], 9))

    np.testing.assert_allclose(mixed[:32], usual[:32], rtol=0.01)


def test_places_that_few_cuts_reached_are_not_judged():
    found = places(learned([row(STEP)] * 5))

    assert np.isnan(found[40].high)
    assert np.isfinite(found[31].high)


def test_limits_tighten_up_to_twice_as_many_cuts_and_then_stand_still():
    envelope = learned([row(STEP)] * 10)
    before = envelope.save()
    envelope.ended(row(1.2 * STEP), healthy=True)

    assert envelope.learned == 10
    np.testing.assert_array_equal(envelope.save()["limits"], before["limits"])


@pytest.mark.parametrize("changes", [{"rpm": 3300.0}, {"feed": 500.0}, {"length": 40.0}])
def test_a_cut_at_another_speed_feed_or_length_is_not_mixed_in_and_replaces_them_if_it_stays(changes):
    envelope = learned([row(STEP)] * 5)
    for _ in range(4):
        envelope.ended(row(STEP, **changes), healthy=True)
    assert envelope.learned == 5

    envelope.ended(row(STEP, **changes), healthy=True)
    assert envelope.learned == 1


def test_longer_cuts_make_coarser_places_for_the_shorter_ones_learnt_before():
    envelope = learned([row(STEP), row(STEP[::2], width=2.0)])

    assert envelope.width == 2.0
    assert envelope.learned == 2


def test_joined_places_hold_the_extremes_of_both():
    bounds = np.random.default_rng(0).normal(size=(2, 3, N_BINS)).astype(np.float32)
    joined = coarser(bounds, 1.0, 4.0)

    np.testing.assert_array_equal(joined[0, :, : N_BINS // 4], bounds[0].reshape(3, -1, 4).min(axis=-1))
    np.testing.assert_array_equal(joined[1, :, : N_BINS // 4], bounds[1].reshape(3, -1, 4).max(axis=-1))
    assert np.isnan(joined[:, :, N_BINS // 4 :]).all()
    assert coarser(bounds, 1.0, 1.0) is bounds


def test_a_first_cut_that_was_the_odd_one_is_soon_given_up():
    envelope = learned([row(STEP, feed=540.0)] + [row(STEP)] * 3)

    assert envelope.learned == 2


def test_two_kinds_of_cuts_in_turn_do_not_keep_one_from_being_learnt():
    envelope = learned([row(STEP), row(STEP, length=40.0)] * 5)

    assert envelope.ready
