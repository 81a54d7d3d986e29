from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from replay.explain.search import Setting, smallest_change, tidied

positive = st.floats(0.01, 100.0)


@given(
    now=positive, factor=st.floats(1.01, 900.0), upwards=st.booleans(), guess=st.floats(0.2, 5.0) | st.none()
)
def test_the_smallest_change_has_the_effect_and_hardly_less_has_not(now, factor, upwards, guess):
    edge = now * factor if upwards else now / factor
    far = now * 1000.0 if upwards else now / 1000.0
    tried = []

    def has_effect(value: float) -> bool:
        tried.append(value)
        return value >= edge if upwards else value <= edge

    start = None if guess is None else edge * guess
    if start is not None and (start > now) != upwards:
        start = None
    found = smallest_change(Setting(now, far, start), has_effect, most=30)

    assert found.value is not None
    assert has_effect(found.value)
    assert found.tight
    assert 0.95 < edge / found.value < 1.05
    assert len(tried) <= 31


@given(now=st.integers(1, 20), edge=st.integers(1, 150))
def test_counts_are_found_exactly(now, edge):
    found = smallest_change(Setting(now, now + 200), lambda count: count >= now + edge)

    assert found == (now + edge, True)


def test_a_good_guess_needs_two_trials():
    tried = []

    def has_effect(value):
        tried.append(value)
        return value > 2.5

    found = smallest_change(Setting(1.0, 1000.0, 2.51), has_effect)

    assert found == (2.51, True)
    assert len(tried) == 2


def test_what_has_no_effect_at_the_far_end_has_none():
    assert smallest_change(Setting(1.0, 1000.0, 2.0), lambda _: False) == (None, False)
    assert smallest_change(Setting(True, False), lambda _: False) == (None, False)


def test_too_few_trials_find_something_that_is_not_called_the_smallest():
    found = smallest_change(Setting(1.0, 1000.0), lambda value: value > 1.5, most=3)

    assert found.value > 1.5
    assert not found.tight


@given(now=st.floats(-100, 100), value=st.floats(-100, 100).filter(lambda value: abs(value) > 1e-3))
def test_a_tidied_value_is_no_nearer_and_hardly_farther(now, value):
    tidy = tidied(value, now)

    assert abs(tidy - now) >= abs(value - now) - 1e-6 * abs(value)
    assert abs(tidy - value) <= 0.011 * abs(value)
