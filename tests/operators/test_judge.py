import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shop import SPINDLES, T0

from engine.clock import NoClock, WallClock
from engine.config import load_config
from engine.records import Regime, Said, SensorOutcome, Trouble
from engine.verdicts import Alert, AlertState, Condition, Reason, Score, SpindleState, Tier, Verdict
from operators.judge import Judge

CONFIG = load_config()
ON, OFF = CONFIG.judge.on, CONFIG.judge.off
HOP_NS = 100_000_000
BETWEEN = (ON + OFF) / 2
USUAL = Score(
    spindle="M1",
    group="vib",
    t_ns=T0,
    onset_ns=T0 - HOP_NS,
    regime=Regime("T1", "O1", "rough", True),
    tier=Tier.LEARNED,
    detector="mewma",
    score=0.2,
    ready=True,
    learned=60,
    wanted=60,
    top_feature="vib_x.rms",
    reasons=(Reason("vib_x.rms", 2.0, 1.0, 0.8, 1.2, "g", 1.0),),
    usable=True,
    steady=True,
    immediate=False,
    drift=False,
    received_ns=None,
)


def at(hop, score=0.2, **changes):
    t_ns = T0 + hop * HOP_NS
    return replace(USUAL, t_ns=t_ns, onset_ns=t_ns - HOP_NS, score=score, **changes)


def scores(values, first=0, **changes):
    return [at(first + i, value, **changes) for i, value in enumerate(values)]


def judge(items):
    return Judge(SPINDLES, CONFIG, NoClock()).process(items)


def alerts(out):
    return [item for item in out if isinstance(item, Alert)]


def states(out):
    return [item.state for item in alerts(out)]


def trouble(hop, kind=Trouble.GAP, alerting=True, group="vib"):
    t_ns = T0 + hop * HOP_NS
    return SensorOutcome(
        "M1", group, kind, t_ns, t_ns - HOP_NS, 10, None, Said("500 samples", "샘플 500개"), alerting
    )


def test_an_alert_opens_after_the_configured_run_of_exceedances_and_not_before():
    n = CONFIG.judge.on_delay_vectors

    assert alerts(judge(scores([ON] * (n - 1) + [0.2] + [ON] * (n - 1)))) == []
    (alert,) = alerts(judge(scores([0.2] + [ON] * n)))
    assert alert.state is AlertState.OPENED
    assert alert.t_ns == T0 + n * HOP_NS


def test_an_alert_names_its_first_exceedance_as_onset_and_as_id():
    n = CONFIG.judge.on_delay_vectors

    (alert,) = alerts(judge(scores([0.2, 0.2] + [ON] * n)))

    assert alert.onset_ns == T0 + HOP_NS
    assert alert.id == f"M1:process:{T0 + HOP_NS}"
    assert alert.reasons[0].feature == "vib_x.rms"
    assert alert.config_hash == CONFIG.hash
    assert alert.text_en
    assert alert.text_ko
    assert alert.judged_ns is None


def test_one_overwhelming_score_opens_at_once():
    assert states(judge(scores([0.2, CONFIG.judge.immediate]))) == ["opened"]


def test_a_collision_opens_at_once_and_is_named():
    (alert,) = alerts(judge([at(0), at(1, 1.5, immediate=True, tier=Tier.DYNAMIC)]))

    assert (alert.fault, alert.tier) == ("collision", "dynamic")


def test_an_alert_closes_only_below_the_off_limit_for_the_whole_delay():
    n_quiet = math.ceil(CONFIG.judge.off_delay_s * 10)

    assert states(judge(scores([9.0] + [BETWEEN] * 3 * n_quiet))) == ["opened"]
    assert states(judge(scores([9.0] + [0.2] * (n_quiet - 1)))) == ["opened"]
    assert states(judge(scores([9.0] + [0.2] * n_quiet))) == ["opened", "closed"]


def test_scores_between_the_limits_change_nothing():
    assert alerts(judge(scores([BETWEEN] * 100))) == []


def test_nan_neither_opens_nor_closes():
    assert states(judge(scores([9.0] + [math.nan] * 100))) == ["opened"]


def test_other_groups_join_the_open_alert_instead_of_opening_their_own():
    out = judge([at(0, 9.0), *scores([9.0] * 5, first=1, group="current")])

    assert states(out) == ["opened"]


def test_a_collision_during_a_process_alert_is_told_of_its_own():
    out = judge([at(0, 9.0), at(1, 9.0, immediate=True)])

    assert [alert.fault for alert in alerts(out)] == ["process", "collision"]


def test_an_alert_that_becomes_twice_as_bad_is_told_again_under_the_same_id():
    opened, updated = alerts(judge(scores([5.0, 9.0, 11.0, 12.0])))

    assert updated.state is AlertState.UPDATED
    assert updated.id == opened.id
    assert updated.score == 11.0


def test_a_shock_remains_the_reason_when_what_follows_is_worse():
    shock = (Reason("vib_x.peak", 17.0, 1.2, math.nan, 3.6, "g", 1.0),)

    opened, updated = alerts(
        judge([at(0, 2.0, immediate=True, reasons=shock, tier=Tier.DYNAMIC), at(1, 9.0)])
    )

    assert (opened.fault, updated.state, updated.score) == ("collision", AlertState.UPDATED, 9.0)
    assert (updated.reasons, updated.text_en, updated.tier) == (shock, opened.text_en, "dynamic")


def test_a_clock_set_back_does_not_keep_an_alert_open_for_ever():
    out = judge([at(100_000, 9.0), *scores([0.2] * 50)])

    assert states(out) == ["opened", "closed"]


def test_sensor_trouble_is_an_alert_of_its_own_and_closes_after_recovery():
    n_well = math.ceil(CONFIG.check.recover_s * 10)

    out = judge([trouble(0), *scores([0.2] * n_well, first=1)])

    assert [(alert.fault, alert.state, alert.detail) for alert in alerts(out)] == [
        ("sensor", "opened", "gap"),
        ("sensor", "closed", "gap"),
    ]


def test_trouble_that_is_only_counted_is_no_alert_but_shows_in_the_state():
    out = judge([trouble(0, alerting=False), at(1)])

    assert alerts(out) == []
    state = [item for item in out if isinstance(item, SpindleState)][-1]
    assert state.troubles == (("gap", 1),)


def test_a_sensor_alert_stays_open_while_the_group_cannot_be_judged():
    assert states(judge([trouble(0), *scores([math.nan] * 100, first=1, usable=False)])) == ["opened"]


def test_each_score_becomes_a_verdict_that_says_whether_an_alert_is_open():
    out = judge(scores([0.2, 9.0, 0.2]))

    assert [item.alerting for item in out if isinstance(item, Verdict)] == [False, True, True]


def test_the_state_names_the_worst_that_holds():
    def condition(items):
        return [item for item in judge(items) if isinstance(item, SpindleState)][-1].condition

    assert condition([at(0)]) is Condition.OK
    assert condition([at(0, ready=False)]) is Condition.LEARNING
    assert condition([at(0), trouble(1)]) is Condition.SENSOR
    assert condition([at(0), trouble(1), at(2, 9.0)]) is Condition.ALERTING


def test_idle_regimes_and_slow_channels_do_not_make_a_learnt_spindle_look_untaught():
    idle = at(1, ready=False, regime=Regime("T1", "O1", "tool_change", False))
    slow = at(1, ready=False, group="load", wanted=400)

    told = [item for item in judge([at(0), idle, slow]) if isinstance(item, SpindleState)][-1]

    assert told.condition is Condition.OK
    assert (told.learned, told.wanted) == (60, 60)


def test_the_state_is_told_once_a_second_while_nothing_changes():
    told = [item for item in judge(scores([0.2] * 100)) if isinstance(item, SpindleState)]

    assert len(told) == 10


def test_a_live_clock_stamps_alerts():
    (alert,) = alerts(Judge(SPINDLES, CONFIG, WallClock()).process([at(0, 9.0, received_ns=5)]))

    assert alert.received_ns == 5
    assert alert.judged_ns is not None


@given(st.lists(st.floats(0, 10) | st.just(math.nan), max_size=80), st.integers(0, 80))
def test_saved_and_restored_in_mid_stream_it_goes_on_as_if_nothing_had_happened(values, split):
    items = scores(values)
    whole = alerts(judge(items))

    first, second = Judge(SPINDLES, CONFIG, NoClock()), Judge(SPINDLES, CONFIG, NoClock())
    out = first.process(items[:split])
    second.restore(first.save())
    out += second.process(items[split:])

    assert [(a.id, a.state, a.t_ns) for a in alerts(out)] == [(a.id, a.state, a.t_ns) for a in whole]


@given(st.lists(st.floats(0, 10), max_size=200))
def test_alerts_of_one_class_never_overlap_and_every_closed_one_was_opened(values):
    open_id = None
    for alert in alerts(judge(scores(values))):
        if alert.state is AlertState.OPENED:
            assert open_id is None
            open_id = alert.id
        else:
            assert alert.id == open_id
            open_id = None if alert.state is AlertState.CLOSED else open_id


@pytest.mark.parametrize("kind", list(Trouble))
def test_every_kind_of_trouble_has_words_in_both_languages(kind):
    (alert,) = alerts(judge([trouble(0, kind)]))

    assert alert.text_en != alert.text_ko
    assert "500 samples" in alert.text_en
    assert "샘플 500개" in alert.text_ko
