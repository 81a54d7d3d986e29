import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.clock import NS_PER_S
from engine.verdicts import Alert, AlertState
from replay.scoring import (
    Confusion,
    Episode,
    Span,
    confusion,
    episodes,
    find_faults,
    per_hour,
    within,
)


def seconds(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64) * NS_PER_S


def span(start_s: int, end_s: int) -> Span:
    return Span(start_s * NS_PER_S, end_s * NS_PER_S)


def episode(onset_s: int, opened_s: int, closed_s: int) -> Episode:
    return Episode(onset_s * NS_PER_S, opened_s * NS_PER_S, closed_s * NS_PER_S)


def message(id: str, state: AlertState, t_s: int, onset_s: int = 0) -> Alert:
    return Alert(
        id=id,
        spindle="M1",
        group="vib",
        fault="process",
        state=state,
        tier="learned",
        regime="-",
        onset_ns=onset_s * NS_PER_S,
        t_ns=t_s * NS_PER_S,
        score=1.5,
        detail="mewma",
        reasons=(),
        text_en="",
        text_ko="",
        config_hash="0" * 12,
    )


def test_both_ends_of_a_span_belong_to_it():
    inside = within(seconds(1, 2, 3, 4, 5), [span(2, 4)])

    assert inside.tolist() == [False, True, True, True, False]


def test_each_row_is_counted_on_its_own():
    counted = confusion(seconds(0, 1, 2, 3), np.array([True, True, False, False]), [span(1, 2)])

    assert counted == Confusion(n_hit=1, n_false=1, n_missed=1, n_calm=1)


def test_rows_and_alerts_of_different_length_are_refused():
    with pytest.raises(ValueError, match=r"got \(2,\) and \(3,\)"):
        confusion(seconds(0, 1), np.zeros(3, dtype=bool), [])


def test_rates_follow_the_definitions_of_skab():
    counted = Confusion(n_hit=6, n_false=1, n_missed=3, n_calm=9)

    assert counted.f1 == 6 / (6 + (1 + 3) / 2)
    assert counted.false_alert_rate == 1 / 10
    assert counted.missed_alert_rate == 3 / 9


def test_nothing_to_judge_is_nan_and_not_perfect():
    nothing = Confusion()

    assert math.isnan(nothing.f1)
    assert math.isnan(nothing.false_alert_rate)
    assert math.isnan(nothing.missed_alert_rate)
    assert math.isnan(per_hour(0, 0.0))


def test_always_on_misses_nothing_and_calls_every_normal_row_false():
    always = Confusion(n_hit=1, n_false=2, n_missed=3, n_calm=4).always_on

    assert always == Confusion(n_hit=4, n_false=6, n_missed=0, n_calm=0)


@given(
    rows=st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60), cut=st.integers(0, 60)
)
def test_recordings_pool_as_if_they_were_one(rows, cut):
    t_ns = np.arange(len(rows), dtype=np.int64)
    alerting = np.array([alerting for alerting, _ in rows])
    faults = [Span(i, i) for i, (_, faulty) in enumerate(rows) if faulty]

    parts = confusion(t_ns[:cut], alerting[:cut], faults) + confusion(t_ns[cut:], alerting[cut:], faults)

    assert parts == confusion(t_ns, alerting, faults)
    assert parts.n_hit + parts.n_false + parts.n_missed + parts.n_calm == len(rows)


def test_messages_of_one_id_make_one_episode_that_opens_with_the_first():
    sent = [
        message("a", AlertState.OPENED, t_s=5, onset_s=4),
        message("b", AlertState.OPENED, t_s=6, onset_s=6),
        message("a", AlertState.UPDATED, t_s=7, onset_s=4),
        message("a", AlertState.CLOSED, t_s=9, onset_s=4),
    ]

    joined = episodes(sent, end_ns=20 * NS_PER_S)

    assert joined == (episode(4, 5, 9), episode(6, 6, 20))


def test_delay_is_onset_to_the_first_alert_within_the_fault():
    (outcome,) = find_faults([span(10, 20)], [episode(12, 13, 14), episode(15, 16, 17)])

    assert outcome.found
    assert outcome.delay_s == 3.0
    assert not outcome.early


def test_an_alert_open_at_the_onset_finds_the_fault_without_delay_and_says_early():
    (outcome,) = find_faults([span(10, 20)], [episode(7, 8, 11)])

    assert outcome.found
    assert outcome.delay_s == 0.0
    assert outcome.early


@pytest.mark.parametrize("seen", [[], [episode(1, 2, 9)], [episode(19, 21, 25)]])
def test_a_fault_without_an_open_alert_is_missed(seen):
    (outcome,) = find_faults([span(10, 20)], seen)

    assert not outcome.found
    assert math.isnan(outcome.delay_s)
