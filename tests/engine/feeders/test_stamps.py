from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.feeders.stamps import stamp_ns

ANY_TIME = st.integers(10**17, 9 * 10**18)


@given(ANY_TIME, st.sampled_from([("s", 10**9), ("ms", 10**6), ("us", 10**3), ("ns", 1)]))
def test_whole_numbers_are_read_exactly_in_the_unit_told_or_found(t_ns, unit):
    name, scale = unit
    assert stamp_ns(t_ns // scale, name) == stamp_ns(t_ns // scale, "") == t_ns // scale * scale


@given(st.one_of(st.text(), st.floats(), st.integers(), st.booleans(), st.none(), st.lists(st.integers())))
def test_whatever_it_is_the_answer_is_a_time_or_a_value_error(value):
    with suppress(ValueError):
        assert 10**17 <= stamp_ns(value, "") < 2**63


@pytest.mark.parametrize(
    "text", ["2023-11-14T22:13:20.25Z", "2023-11-15 07:13:20.250+09:00", "2023-11-14T22:13:20.25"]
)
def test_iso_times_without_a_zone_are_utc(text):
    assert stamp_ns(text, "") == 1_700_000_000_250_000_000
