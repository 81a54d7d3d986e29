import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shop import SPINDLES, T0

from engine.clock import NoClock, WallClock
from engine.config import load_config
from engine.records import Regime, Said, SensorOutcome, Trouble
from engine.verdicts import (
    Alert,
    AlertState,
    Condition,
    Cover,
    FaultClass,
    Finding,
    Reason,
    Score,
    SpindleState,
    Tier,
    ToolLife,
    Verdict,
)
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


def test_an_alert_that_becomes_twice_as_bad_is_told_again_under_the_same_id():
    opened, updated = alerts(judge(scores([5.0, 9.0, 11.0, 12.0])))

    assert updated.state is AlertState.UPDATED
    assert updated.id == opened.id
    assert updated.score == 11.0


def test_a_shock_remains_the_reason_when_what_follows_is_worse():
    shock = finding(FaultClass.COLLISION, 2.0)

    opened, updated = alerts(judge([found(0, shock), at(1, 9.0)]))

    assert (opened.fault, updated.state, updated.score) == ("collision", AlertState.UPDATED, 9.0)
    assert (updated.reasons, updated.text_en, updated.tier) == (shock.reasons, opened.text_en, "dynamic")


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


def finding(fault, score=2.0, certainty=0.7, **changes):
    reason = Reason("vib_x.rev_1", 0.5, 0.1, 0.0, 0.2, "g", 1.0)
    return Finding(fault, "somebody", Tier.DYNAMIC, score, certainty, (reason,), **changes)


def found(hop, *findings, score=0.2):
    return at(hop, score, findings=findings)


def names(out):
    return [(alert.fault, str(alert.state)) for alert in alerts(out)]


def quiet(first, n=40):
    return scores([0.2] * n, first=first)


def test_a_finding_opens_at_once_because_its_signature_has_confirmed_it():
    (alert,) = alerts(judge([at(0), found(1, finding(FaultClass.CHATTER, detail="870 Hz"))]))

    assert alert.fault == "chatter"
    assert (alert.detail, alert.certainty, alert.tier) == ("870 Hz", 0.7, "dynamic")
    assert alert.text_en == (
        "Chatter on M1 (T1, rough), 870 Hz: vib_x.rev_1 0.5 g, expected 0.1 g. Likely; score 2, change without teach-in"
    )
    assert alert.text_ko.startswith("채터 · M1 (T1, rough)")
    assert "speed" in alert.advice_en


def test_findings_below_the_limit_open_nothing():
    assert alerts(judge([found(0, finding(FaultClass.CHATTER, 0.95))])) == []


def test_evidence_that_coincides_is_one_alert_and_the_most_certain_names_it():
    out = judge(
        [
            found(0, finding(FaultClass.COLLISION, certainty=0.5)),
            found(2, finding(FaultClass.TOOL_BREAKAGE, certainty=0.8)),
            found(3, finding(FaultClass.CHATTER, certainty=0.6)),
            *quiet(4),
        ]
    )

    assert names(out) == [
        ("collision", "opened"),
        ("tool_breakage", "updated"),
        ("tool_breakage", "closed"),
    ]
    assert len({alert.id for alert in alerts(out)}) == 1
    assert len({alert.onset_ns for alert in alerts(out)}) == 1


def test_what_a_second_witness_makes_surer_is_told_again_and_keeps_its_name():
    felt = finding(FaultClass.COLLISION, certainty=0.9)
    broken = finding(FaultClass.TOOL_BREAKAGE, certainty=0.8)
    out = judge([found(0, finding(FaultClass.COLLISION, certainty=0.7)), found(1, felt), found(3, broken)])

    assert names(out) == [("collision", "opened"), ("collision", "updated")]
    assert [alert.certainty for alert in alerts(out)] == [0.7, 0.9]
    assert alerts(out)[-1].text_en.count("Unmistakable") == 1


def test_a_little_surer_is_no_news_but_counts():
    surer = finding(FaultClass.COLLISION, certainty=0.75)
    out = judge(
        [
            found(0, finding(FaultClass.COLLISION, certainty=0.65)),
            found(1, surer),
            found(2, finding(FaultClass.TOOL_BREAKAGE, certainty=0.7)),
        ]
    )

    assert names(out) == [("collision", "opened")]


def test_what_was_unexplained_is_named_whenever_somebody_can():
    out = judge([*scores([1.5] * 40), found(40, finding(FaultClass.CHATTER), score=1.5)])

    assert names(out) == [("process", "opened"), ("chatter", "updated")]


def test_a_collision_long_after_the_opening_is_a_second_alert():
    out = judge(
        [
            *[found(hop, finding(FaultClass.CHATTER)) for hop in range(30)],
            found(30, finding(FaultClass.COLLISION, 8.0, 0.9)),
            *quiet(31),
        ]
    )

    assert names(out)[:2] == [("chatter", "opened"), ("collision", "opened")]
    assert sorted(names(out)[2:]) == [("chatter", "closed"), ("collision", "closed")]


def test_an_episode_of_now_closes_after_its_findings_have_been_quiet():
    n_quiet = math.ceil(CONFIG.judge.off_delay_s * 10)

    assert names(judge([found(0, finding(FaultClass.CHATTER)), *quiet(1, n_quiet - 1)])) == [
        ("chatter", "opened")
    ]
    assert names(judge([found(0, finding(FaultClass.CHATTER)), *quiet(1, n_quiet)]))[-1] == (
        "chatter",
        "closed",
    )


def test_a_condition_stays_open_through_silence_and_closes_on_evidence_only():
    worn = finding(FaultClass.TOOL_WEAR, key="T1")

    assert names(judge([found(0, worn), *quiet(1, 600)])) == [("tool_wear", "opened")]
    out = judge([found(0, worn), *quiet(1), found(50, replace(worn, score=0.1))])
    assert names(out) == [("tool_wear", "opened"), ("tool_wear", "closed")]


def test_a_condition_that_comes_back_is_another_alert_however_early_its_signature_dates_it():
    damaged = finding(FaultClass.BEARING, key="vib_x", onset_ns=T0 - 5 * HOP_NS)
    out = judge([found(0, damaged), found(9, replace(damaged, score=0.1)), found(20, damaged)])

    opened = [alert for alert in alerts(out) if alert.state is AlertState.OPENED]
    assert [alert.onset_ns for alert in opened] == [T0 - 5 * HOP_NS, T0 + 9 * HOP_NS]
    assert len({alert.id for alert in opened}) == 2


def test_conditions_of_different_keys_are_different_alerts():
    out = judge(
        [found(0, finding(FaultClass.BEARING, key="vib_x"), finding(FaultClass.BEARING, key="vib_y"))]
    )

    assert names(out) == [("bearing", "opened"), ("bearing", "opened")]


def test_a_named_element_is_told_once_it_is_known():
    damaged = finding(FaultClass.BEARING, key="vib_x", certainty=0.6, detail="element_not_identifiable")
    out = judge([found(0, damaged), found(9, replace(damaged, detail="outer_race", certainty=0.9))])

    assert [(alert.detail, str(alert.state)) for alert in alerts(out)] == [
        ("element_not_identifiable", "opened"),
        ("outer_race", "updated"),
    ]
    assert "outer race" in alerts(out)[1].text_en
    assert "외륜" in alerts(out)[1].text_ko


def test_an_open_condition_hides_no_shock_and_no_breakage():
    out = judge(
        [found(0, finding(FaultClass.BEARING, key="vib_x")), found(50, finding(FaultClass.TOOL_BREAKAGE))]
    )

    assert names(out) == [("bearing", "opened"), ("tool_breakage", "opened")]


def test_what_the_learned_tier_sees_of_a_worn_tool_is_no_second_alert():
    worn = found(0, finding(FaultClass.TOOL_WEAR, key="T1"))

    assert names(judge([worn, *scores([1.5] * 20, first=1)])) == [("tool_wear", "opened")]
    above = finding(FaultClass.PROCESS, certainty=0.3)
    along = [found(hop, replace(above, tier=Tier.LEARNED)) for hop in range(1, 9)]
    assert names(judge([worn, *along])) == [("tool_wear", "opened")]
    other = scores([1.5] * 20, first=1, regime=Regime("T2", "O1", "rough", True))
    assert names(judge([worn, *other])) == [("tool_wear", "opened"), ("process", "opened")]


def test_a_condition_takes_over_what_was_unexplained_before():
    out = judge([*scores([1.5] * 5), found(5, finding(FaultClass.BEARING, key="vib_x")), *quiet(6, 100)])

    assert names(out) == [("process", "opened"), ("bearing", "updated")]


def test_the_imbalance_that_a_collision_leaves_is_told_with_it():
    bent = finding(FaultClass.IMBALANCE, key="vib_x")
    out = judge([found(0, finding(FaultClass.COLLISION, 8.0)), found(3, bent), *quiet(4), found(60, bent)])

    assert names(out) == [("collision", "opened"), ("collision", "closed")]
    again = judge(
        [
            found(0, finding(FaultClass.COLLISION)),
            found(3, bent),
            *quiet(4),
            found(60, replace(bent, score=0.1)),
            found(90, bent),
        ]
    )
    assert names(again)[-1] == ("imbalance", "opened")


def test_a_spindles_state_tells_every_fault_class_once_and_the_nearest_reason():
    cover = (
        Cover(FaultClass.CHATTER, "chatter", "rpm unknown"),
        Cover(FaultClass.CHATTER, "other", "not cutting"),
        Cover(FaultClass.COLLISION, "shock", ""),
    )
    out = judge(
        [
            at(0, cover=cover),
            at(1, group="current", cover=(Cover(FaultClass.COLLISION, "shock", "learning"),)),
        ]
    )

    told = [item for item in out if isinstance(item, SpindleState)][-1]
    assert [(c.fault, c.why) for c in told.cover] == [("collision", ""), ("chatter", "not cutting")]


def test_tool_lives_pass_through():
    life = ToolLife(
        "M1", "T1", "1", T0, T0, 1, 2.0, 0.0, math.nan, math.nan, math.nan, None, None, False, False, (), ""
    )

    assert judge([life]) == [life]
