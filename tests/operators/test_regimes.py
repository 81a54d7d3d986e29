import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.records import Context, Regime
from operators.regimes import RegimeTracker

SECOND = 1_000_000_000
SETTLE = 300_000_000


def tracker(*contexts):
    found = RegimeTracker(SETTLE)
    for context in contexts:
        found.update(context)
    return found


def at(t_s, rpm=None, **fields):
    return Context("M1", round(t_s * SECOND), rpm=rpm, **fields)


def regime(found, t_s):
    return found.current("M1", round(t_s * SECOND))[1]


def since_s(found, t_s):
    return found.current("M1", round(t_s * SECOND))[2] / SECOND


def test_a_regime_lasts_as_long_as_tool_program_section_and_cutting_do():
    found = tracker(at(1, tool="T1", cutting=True, feed_mm_min=100.0), at(2, tool="T1", cutting=True))

    assert regime(found, 3) == Regime("T1", cutting=True)
    assert since_s(found, 3) == 1

    found.update(at(4, tool="T2", cutting=True))
    assert (regime(found, 4), since_s(found, 4)) == (Regime("T2", cutting=True), 4)


def test_an_overridden_speed_has_a_baseline_of_its_own_once_it_has_settled():
    found = tracker(at(1, 3000.0, tool="T1"))
    assert regime(found, 2).rpm == 3000

    found.update(at(5, 2400.0, tool="T1"))

    assert since_s(found, 5.1) == 5
    assert regime(found, 5.2).rpm == 3000
    assert regime(found, 5.3).rpm == 2400


def test_a_speed_within_five_percent_is_the_same():
    found = tracker(at(1, 3000.0), at(2, 3100.0), at(3, 2900.0), at(4, 3140.0))

    assert (regime(found, 5).rpm, since_s(found, 5)) == (3000, 1)


def test_a_speed_that_returns_finds_its_class_again():
    found = tracker(at(1, 3000.0))
    for t_s, rpm in ((2, 2400.0), (4, 3020.0), (6, 2390.0)):
        found.update(at(t_s, rpm))
        assert regime(found, t_s + 1).rpm == (3000 if rpm > 2500 else 2400)


def test_a_spindle_that_accelerates_is_unsteady_all_the_while_and_leaves_no_classes_behind():
    found = tracker(at(0, 0.0))
    seen = set()
    for step in range(1, 151):
        found.update(at(1 + step / 100, 20.0 * step))
        seen.add(regime(found, 1 + step / 100).rpm)

    assert seen == {0}
    assert since_s(found, 2.5) > 2.4
    assert 2900 < regime(found, 3).rpm <= 3000


def test_a_controller_that_tells_only_the_speed_still_has_regimes_for_standstill_and_each_speed():
    found = tracker()
    seen = []
    for number, rpm in enumerate((0.0, 1500.0, 0.0, 3000.0, 1510.0)):
        found.update(at(number, rpm))
        seen.append(regime(found, number + 0.5).label)

    assert seen == [f"-/-/-/-/{rpm}rpm" for rpm in (0, 1500, 0, 3000, 1500)]


def test_a_section_that_sweeps_the_speed_has_one_baseline_and_only_steps_unsettle_it():
    found = tracker()
    rpm, t_s = 500.0, 0.0
    while rpm < 3000.0:
        found.update(at(t_s, rpm, tool="T1", cutting=True))
        regime(found, t_s)
        rpm, t_s = 1.02 * rpm, t_s + 0.2
    swept_s = t_s

    assert regime(found, t_s).rpm is None
    while rpm > 1000.0:
        found.update(at(t_s, rpm, tool="T1", cutting=True))
        rpm, t_s = rpm / 1.02, t_s + 0.2
    assert since_s(found, t_s) < swept_s

    found.update(at(t_s, 2000.0, tool="T1", cutting=True))
    assert since_s(found, t_s) == pytest.approx(t_s)
    assert regime(found, t_s + 1).rpm is None


def test_a_speed_that_creeps_while_it_cuts_makes_no_classes_at_all():
    found = tracker()
    seen = set()
    for step in range(60):
        t_s = 0.2 * step
        found.update(at(t_s, 1000.0 * 1.02**step, tool="T1", cutting=True))
        seen.add(regime(found, t_s).rpm)

    assert seen == {1000, None}


def test_an_accelerating_spindle_brings_the_last_class_into_a_new_section_not_a_passing_speed():
    found = tracker(at(0, 3000.0, section="rough"))
    regime(found, 1)
    found.update(at(2, 0.0, section="idle"))
    for step in range(1, 101):
        found.update(at(2 + step / 100, 30.0 * step, section="idle" if step < 50 else "rough"))
        assert regime(found, 2 + step / 100).rpm == (0 if step < 50 else 3000)

    assert regime(found, 3.4).rpm == 3000


def test_speed_classes_belong_to_their_section():
    found = tracker(at(1, 3000.0, section="rough"), at(2, 3100.0, section="finish"))
    assert regime(found, 2).rpm == 3100

    found.update(at(3, 3100.0, section="rough"))
    assert regime(found, 3).rpm == 3000


def test_an_unknown_speed_is_another_regime_than_a_known_one():
    found = tracker(at(1, 3000.0, tool="T1"), at(2, None, tool="T1"))

    assert since_s(found, 2) == 2
    assert regime(found, 3).rpm is None


def test_turning_backwards_is_the_same_speed():
    found = tracker(at(1, -3000.0), at(2, 3000.0))

    assert (regime(found, 3).rpm, since_s(found, 3)) == (3000, 1)


def test_a_context_older_than_the_latest_is_counted_and_changes_nothing():
    found = tracker(at(5, tool="T2"))
    before = found.current("M1", 6 * SECOND)

    assert found.update(at(4, 100.0, tool="T1", cutting=True)) is False
    assert found.update(at(3, tool="T0")) is False
    assert (found.n_late, found.current("M1", 6 * SECOND)) == (2, before)

    assert found.update(at(5, tool="T3")) is True
    assert found.n_late == 0


def test_what_the_loads_say_counts_only_where_the_controller_does_not_say():
    found = tracker(at(1, tool="T1"))
    found.infer(True, 2 * SECOND)
    assert regime(found, 2).label == "T1/-/-/cutting~"
    assert since_s(found, 2) == 2

    found.update(at(3, tool="T1", cutting=True))
    assert regime(found, 3) == Regime("T1", cutting=True)
    found.infer(False, 4 * SECOND)
    assert regime(found, 4).cutting is True

    found.update(at(5, tool="T1"))
    assert regime(found, 5).cutting is None


def test_speed_classes_are_the_same_whether_it_cuts_or_not_where_that_is_only_inferred():
    found = tracker(at(1, 3000.0), at(3, 3100.0))
    found.infer(True, 4 * SECOND)

    assert regime(found, 5) == Regime(cutting=True, rpm=3000, inferred=True)
    assert regime(found, 5).baseline == Regime(rpm=3000)


CONTEXTS = st.lists(
    st.tuples(
        st.floats(0.0, 20.0),
        st.sampled_from([None, 0.0, 1000.0, 1030.0, 1100.0, 2000.0]),
        st.sampled_from(["T1", None]),
    ),
    max_size=30,
)


@settings(max_examples=60, deadline=None)
@given(contexts=CONTEXTS, n_before=st.integers(0, 30))
def test_a_restored_tracker_goes_on_as_if_nothing_had_happened(contexts, n_before):
    def step(found, context):
        found.update(at(context[0], context[1], tool=context[2]))
        return found.current("M1", round(context[0] * SECOND))

    one, other = tracker(), tracker()
    for context in contexts[:n_before]:
        step(one, context)
    other.restore(one.save())

    rest = contexts[n_before:]
    assert [step(one, context) for context in rest] == [step(other, context) for context in rest]
