from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from told import S, alert

from engine.verdicts import Alert
from replay.faults import Fault
from replay.outcome import match_faults, raised_alerts

END_NS = 1000 * S


def raised(*moments: tuple[int, str]) -> list[Alert]:
    return [alert(at_s, fault=fault) for at_s, fault in moments]


def test_an_alert_bears_the_last_name_it_was_given_and_the_tier_that_raised_it() -> None:
    opened = alert(10, fault="process")
    values = {name: getattr(opened, name) for name in Alert.__slots__}
    named = Alert(**values | {"state": "updated", "fault": "bearing", "tier": "absolute"})

    (joined,) = raised_alerts([opened, named], END_NS)

    assert (joined.fault, joined.tier) == ("bearing", "learned")
    assert joined.episode.closed_ns == END_NS


def test_a_label_of_wear_from_the_first_touch_on_neither_excuses_an_alert_nor_is_found_by_it() -> None:
    labels = [Fault(0.0, 600.0, "tool_wear"), Fault(500.0, 500.0, "wear_limit")]

    (early,), false_ids = match_faults(labels, raised((100, "process")), 0, END_NS)
    (found,), none = match_faults(labels, raised((510, "process"), (300, "tool_wear")), 0, END_NS)

    assert not early.found.found
    assert false_ids == {"M1:process:100"}
    assert (found.found.found, found.alert, found.found.delay_s) == (True, "M1:tool_wear:300", 300.0)
    assert not none


LABELS = st.lists(
    st.builds(
        lambda start_s, length_s, fault: Fault(float(start_s), float(start_s + length_s), fault),
        st.integers(0, 900),
        st.integers(0, 300),
        st.sampled_from(["anomaly", "chatter", "bearing_inner", "tool_wear", "wear_limit", "sensor_dropout"]),
    ),
    max_size=6,
)
ALERTS = st.lists(
    st.tuples(st.integers(0, 999), st.sampled_from(["process", "chatter", "bearing", "tool_wear", "sensor"])),
    max_size=8,
    unique=True,
)


@given(labels=LABELS, moments=ALERTS)
def test_no_alert_is_false_and_finds_a_fault_unless_it_was_open_before(
    labels: Sequence[Fault], moments: Sequence[tuple[int, str]]
) -> None:
    outcomes, false_ids = match_faults(labels, raised(*moments), 0, END_NS)

    assert len(outcomes) == sum(label.fault != "wear_limit" for label in labels)
    for outcome in outcomes:
        assert outcome.found.found == bool(outcome.alert)
        # told.alert: an alert opens at its onset, so one that opens as the fault begins was decided before.
        if outcome.found.delay_s > 0:
            assert outcome.alert not in false_ids
