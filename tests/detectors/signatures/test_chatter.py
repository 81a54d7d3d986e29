from __future__ import annotations

from collections.abc import Iterable

import pytest
from long_vectors import CONFIG, SET, VIB, heard, long_set, vector

from detectors.signatures.chatter import Chatter
from engine.declared import Channel, SensorGroup
from engine.records import FeatureVector
from engine.verdicts import FaultClass, Finding, Tier, Why
from replay.simulate import ShopPlan, order_faults
from replay.simulate.program import Preset

CALM = {"rms": 1.0, "asynchronous_line": 0.1, "asynchronous_hz": 1500.0, "asynchronous_contrast": 2.2}
NOTE = {"rms": 1.3, "asynchronous_line": 0.9, "asynchronous_hz": 870.0, "asynchronous_contrast": 40.0}
AIR = {"rms": 0.05, "asynchronous_line": 0.005, "asynchronous_hz": 49.0, "asynchronous_contrast": 9.0}


def chatter() -> Chatter:
    return Chatter(SET.features, VIB, CONFIG)


def watch(signature: Chatter, vectors: Iterable[FeatureVector]) -> list[Finding | None]:
    found = []
    for one in vectors:
        found.append(signature.assess(one))
        signature.learn(one, one.steady)
    return found


def run(values: dict[str, float], n: int, first: int = 0, **context: object) -> list[FeatureVector]:
    return [vector(1.0 + 0.1 * (first + i), values, **context) for i in range(n)]  # type: ignore[arg-type]


def test_a_note_that_grows_out_of_the_cut_is_chatter_from_the_third_window_on() -> None:
    found = watch(chatter(), [*run(CALM, 10), *run(NOTE, 4, first=10)])

    assert found[:12] == [None] * 12
    assert found[12] is not None
    assert found[12].fault is FaultClass.CHATTER
    assert found[12].tier is Tier.DYNAMIC
    assert found[12].score > 1.0
    assert found[12].detail == "870 Hz"
    assert found[12].onset_ns == vector(2.0, NOTE).onset_ns
    assert [reason.feature.split(".")[1] for reason in found[12].reasons] == [
        "asynchronous_line",
        "asynchronous_hz",
        "asynchronous_contrast",
    ]


@pytest.mark.parametrize(
    "other",
    [
        {"asynchronous_contrast": 4.5},
        {"asynchronous_contrast": float("nan")},
        {"rms": 3.0},
        {"asynchronous_line": 0.3, "rms": 0.5},
    ],
    ids=["noise", "no surroundings", "faint beside the cut", "little more than before"],
)
def test_what_is_not_narrow_loud_and_grown_is_no_chatter(other: dict[str, float]) -> None:
    found = watch(chatter(), [*run(CALM, 10), *run({**NOTE, **other}, 10, first=10)])

    assert all(finding is None or finding.score < 1.0 for finding in found)


def test_a_loudest_line_that_jumps_about_is_no_note() -> None:
    jumping = [vector(2.0 + 0.1 * i, {**NOTE, "asynchronous_hz": 800.0 + 30.0 * i}) for i in range(10)]

    assert watch(chatter(), [*run(CALM, 10), *jumping]) == [None] * 20


def test_what_the_spindle_sings_in_the_air_is_no_chatter() -> None:
    air = run(NOTE, 5, cutting=False, section="approach")

    found = watch(chatter(), [*air, *run(CALM, 10, first=10), *run(NOTE, 10, first=20)])

    assert all(finding is None or finding.score < 1.0 for finding in found)


def test_a_cut_that_chatters_from_its_first_moment_is_found_by_its_loudness_over_the_air() -> None:
    air = run(AIR, 5, cutting=False, section="approach")
    loud = {**NOTE, "asynchronous_line": 1.2}

    found = watch(chatter(), [*air, *run(loud, 10, first=5)])

    assert found[7] is not None
    assert found[7].tier is Tier.ABSOLUTE
    assert found[7].certainty == 0.9
    assert min(finding.score for finding in found[7:] if finding) >= 1.0


def test_a_section_that_was_calm_before_tells_chatter_from_its_first_moment() -> None:
    signature = chatter()
    watch(signature, run(CALM, 60))
    watch(signature, run(AIR, 3, first=60, cutting=False, section="approach"))

    found = watch(signature, run(NOTE, 4, first=70))

    assert found[2] is not None
    assert found[2].tier is Tier.LEARNED
    assert found[2].score >= 1.0


def test_chatter_is_not_learnt() -> None:
    signature = chatter()
    watch(signature, run(CALM, 60))

    found = watch(signature, run(NOTE, 600, first=60))

    assert found[-1] is not None
    assert found[-1].tier is Tier.LEARNED
    assert found[-1].reasons[0].expected == pytest.approx(0.1, rel=0.01)


@pytest.mark.parametrize(
    ("context", "why"),
    [
        ({}, ""),
        ({"cutting": False}, Why.NOT_CUTTING),
        ({"cutting": None}, Why.CONTEXT),
        ({"rpm": None}, Why.RPM),
        ({"rpm": 900.0}, Why.RESOLUTION),
        ({"rpm": 500.0, "n_teeth": 2}, ""),  # its teeth's lines stand 16.7 Hz apart
        ({"rpm": 500.0, "n_teeth": 1}, Why.RESOLUTION),
        ({"told_s": 0.8}, Why.UNSTEADY),
        ({"steady": False}, ""),
    ],
)
def test_it_says_why_it_cannot_judge(context: dict[str, object], why: str) -> None:
    assert chatter().why_not(vector(1.0, CALM, **context)) == why  # type: ignore[arg-type]


def test_a_slow_sensor_and_a_current_hear_no_chatter() -> None:
    slow = SensorGroup("vib", "waveform", 1000.0, (Channel("vib_x", "g"),))
    current = SensorGroup("vib", "waveform", 12_800.0, (Channel("current_u", "A", dc_coupled=True),))

    for group, why in ((slow, Why.RATE), (current, Why.CHANNEL)):
        signature = Chatter(long_set(group).features, group, CONFIG)
        assert signature.why_not(vector(1.0, CALM)) == why


def test_a_dead_channel_does_not_silence_the_other() -> None:
    dead = {f"vib_x.{name}": float("nan") for name in CALM}

    found = watch(chatter(), [*run({**CALM, **dead}, 10), *run({**NOTE, **dead}, 4, first=10)])

    assert found[-1] is not None
    assert found[-1].reasons[0].feature == "vib_y.asynchronous_line"


def test_a_change_of_speed_within_the_cut_starts_it_afresh() -> None:
    vectors = [*run(CALM, 10), *run(NOTE, 10, first=10, rpm=3300.0, told_s=1.95)]

    found = watch(chatter(), vectors)

    # A window that contains the change says nothing; then more of the power is needed, for nothing else is known.
    assert found[:15] == [None] * 15
    assert all(finding is None or finding.tier is Tier.ABSOLUTE for finding in found)


def test_restored_it_goes_on_to_the_bit() -> None:
    air = run(AIR, 5, cutting=False, section="approach")
    vectors = [*air, *run(CALM, 60, first=10), *run(NOTE, 6, first=70)]
    whole = chatter()
    expected = watch(whole, vectors)

    for split in (3, 30, 66, 67):
        before, after = chatter(), chatter()
        watch(before, vectors[:split])
        after.restore(before.save())
        assert watch(after, vectors[split:]) == expected[split:]


def test_a_state_of_another_version_is_refused() -> None:
    with pytest.raises(ValueError, match="version"):
        chatter().restore({**chatter().save(), "version": 0})


def test_its_memory_is_bounded() -> None:
    signature = chatter()
    for number in range(200):
        watch(signature, run(AIR, 2, cutting=False, rpm=1000.0 * 1.1 ** (number % 90), tool=f"T{number}"))
        watch(signature, run(CALM, 2, tool=f"T{number}"))

    state = signature.save()

    assert len(state["air"]) == len(state["learned"]) == 64


@pytest.mark.parametrize("seed", [3, 4])
def test_simulated_chatter_is_found_within_a_second_and_nothing_else(seed: int) -> None:
    plan = order_faults(ShopPlan(("M1",), Preset.DEMO, seed), ["chatter@7:M1"])
    (fault,) = plan.faults
    vectors = list(heard(plan, fault.end_s + 1.0))

    found = watch(chatter(), vectors)

    times_s = [
        v.t_ns / 1e9 for v, finding in zip(vectors, found, strict=True) if finding and finding.score >= 1
    ]
    assert 0.0 < times_s[0] - fault.start_s <= 1.0
    assert times_s[-1] <= fault.end_s + 0.5


@pytest.mark.parametrize(
    "fault", ["tool_breakage@5:M1", "bearing@0-10:M1", "tool_wear@0-10:M1", "collision@5:M1"]
)
def test_other_simulated_faults_are_no_chatter(fault: str) -> None:
    plan = order_faults(ShopPlan(("M1",), Preset.DEMO, 5), [fault])

    found = watch(chatter(), heard(plan, 10.0))

    assert all(finding is None or finding.score < 1.0 for finding in found)
