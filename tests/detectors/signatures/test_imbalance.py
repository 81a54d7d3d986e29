from __future__ import annotations

import math
from collections.abc import Iterable

import pytest
from long_vectors import CONFIG, VIB
from long_vectors import vector as any_vector

from detectors.signatures.imbalance import Imbalance
from engine.declared import Channel, SensorGroup
from engine.records import FeatureVector
from engine.verdicts import FaultClass, Finding, Tier, Why
from operators.features import FeatureSet

SHORT = FeatureSet.for_group(VIB, CONFIG)
RPM = 6000.0
TO_G = 2 * math.pi * RPM / 60 / 9806.65  # of a velocity in mm/s, in the line at the speed


def vector(at_s: float, values: dict[str, float], **context: object) -> FeatureVector:
    return any_vector(at_s, values, features=SHORT, **context)  # type: ignore[arg-type]


def imbalance() -> Imbalance:
    return Imbalance(SHORT.features, VIB, CONFIG)


def pause(at_s: float, velocity_mm_s: float, *, n: int = 10, **context: object) -> list[FeatureVector]:
    """A spindle that idles at speed, told two seconds before."""
    values = {"rev_1": velocity_mm_s * TO_G, "velocity_rms": 1.2 * velocity_mm_s}
    told = {"rpm": RPM, "told_s": at_s - 3.0, "section": "approach", "cutting": False, **context}
    return [vector(at_s + 0.1 * i, values, **told) for i in range(n)]


def pauses(
    n_times: int, velocity_mm_s: float, first: int = 0, *, n: int = 10, **context: object
) -> list[FeatureVector]:
    """The same, before each of several cuts, a minute apart."""
    found: list[FeatureVector] = []
    for number in range(first, first + n_times):
        found += pause(60.0 * (number + 1), velocity_mm_s, n=n, **context)
        found.append(vector(60.0 * (number + 1) + 5, {}, rpm=RPM, told_s=60.0 * number + 58))
    return found


def watch(signature: Imbalance, vectors: Iterable[FeatureVector]) -> list[Finding | None]:
    found = []
    for one in vectors:
        found.append(signature.assess(one))
        signature.learn(one, one.steady)
    return found


def said(found: Iterable[Finding | None]) -> list[Finding]:
    return [finding for finding in found if finding is not None]


def test_a_tool_far_beyond_what_it_had_is_imbalance_within_a_second_of_idling() -> None:
    signature = imbalance()
    assert said(watch(signature, pauses(5, 0.4))) == []

    found = watch(signature, pauses(5, 2.5, first=5))

    first = next(index for index, finding in enumerate(found) if finding)
    assert 0.1 * (first + 1) <= 1.0
    assert said(found)[0].fault is FaultClass.IMBALANCE
    assert said(found)[0].tier is Tier.LEARNED
    assert said(found)[0].score >= 1.0
    assert said(found)[0].detail == "tool T1"
    assert said(found)[0].certainty == 0.7
    assert said(found)[0].reasons[0].expected == pytest.approx(0.4 * TO_G, rel=1e-4)
    assert said(found)[0].reasons[0].high == pytest.approx(1.2 * TO_G, rel=1e-4)


def test_a_tool_that_idles_for_a_third_of_a_second_at_a_time_is_known_and_found_after_some_pauses() -> None:
    signature = imbalance()
    assert said(watch(signature, pauses(3, 0.4, n=4))) == []

    assert said(watch(signature, pauses(1, 2.5, first=3, n=4))) == []
    assert said(watch(signature, pauses(2, 2.5, first=4, n=4)))[0].detail == "tool T1"


def test_a_tool_that_is_known_a_little_has_more_room_than_one_that_is_known_well() -> None:
    little, well = imbalance(), imbalance()
    watch(little, pauses(1, 0.4))
    watch(well, pauses(8, 0.4))

    assert said(watch(little, pauses(5, 1.4, first=1))) == []
    assert said(watch(well, pauses(5, 1.4, first=8))) != []


def test_twice_as_much_is_what_another_clamping_does() -> None:
    signature = imbalance()
    watch(signature, pauses(5, 0.4))

    assert said(watch(signature, pauses(20, 0.8, first=5))) == []


def test_many_times_very_little_is_very_little() -> None:
    signature = imbalance()
    watch(signature, pauses(5, 0.01))

    assert said(watch(signature, pauses(20, 0.2, first=5))) == []


def test_a_blow_while_idling_is_no_imbalance() -> None:
    signature = imbalance()
    watch(signature, pauses(5, 0.4))

    found = watch(signature, [*pause(400.0, 5.0, n=5), *pause(400.5, 0.4, told_s=397.0), *pauses(5, 0.4, 10)])

    assert said(found) == []


def test_it_speaks_until_the_tool_has_shown_that_it_is_over() -> None:
    signature = imbalance()
    watch(signature, pauses(5, 0.4))
    watch(signature, pauses(5, 2.5, first=5))

    other = watch(signature, pauses(5, 0.4, first=10, tool="T2"))
    mended = said(watch(signature, pauses(10, 0.4, first=15)))

    assert all(finding.score >= 1.0 for finding in said(other))
    assert mended[0].score >= 1.0
    assert mended[-1].score < 0.7
    assert len(mended) < 40


def test_several_tools_out_of_balance_point_to_the_spindle() -> None:
    signature = imbalance()
    watch(signature, [*pauses(5, 0.4, tool="T1"), *pauses(5, 0.4, first=5, tool="T2")])

    found = [
        finding
        for number in range(10, 20)
        for finding in said(watch(signature, pauses(1, 2.5, first=number, tool="T1" if number % 2 else "T2")))
    ]

    assert found[-1].detail == "several_tools"
    assert {finding.key for finding in found} == {""}


def test_an_unknown_tool_is_judged_by_the_others_and_only_if_far_outside() -> None:
    signature = imbalance()
    watch(signature, pauses(5, 0.4, tool="T1"))

    assert said(watch(signature, pauses(2, 2.0, first=5, tool="T2"))) == []
    assert said(watch(signature, pauses(3, 4.0, first=10, tool="T3")))


def test_a_spindle_on_its_way_to_speed_is_not_judged() -> None:
    signature = imbalance()
    watch(signature, pauses(5, 0.4))
    rising = [one for i in range(60) for one in pause(400 + 0.1 * i, 0.1 * 1.2**i, n=1, told_s=397.0)]

    assert said(watch(signature, rising)) == []


@pytest.mark.parametrize(
    ("context", "why"),
    [
        ({}, Why.LEARNING),
        ({"cutting": True}, Why.CUTTING),
        ({"cutting": None}, Why.CONTEXT),
        ({"rpm": None}, Why.RPM),
        ({"rpm": 0.0}, Why.STANDS),
        ({"rpm": 60.0}, Why.RESOLUTION),
        ({"told_s": 8.5}, Why.UNSTEADY),
        ({"steady": False}, Why.UNSTEADY),
    ],
)
def test_it_says_why_it_cannot_judge(context: dict[str, object], why: str) -> None:
    (one,) = pause(10.0, 0.4, n=1, **context)

    assert imbalance().why_not(one) == why


def test_without_an_acceleration_there_is_no_velocity() -> None:
    for channel, why in (
        (Channel("vib_x", "V"), Why.UNIT),
        (Channel("i", "A", dc_coupled=True), Why.CHANNEL),
    ):
        group = SensorGroup("vib", "waveform", 12_800.0, (channel,))
        assert (
            Imbalance(FeatureSet.for_group(group, CONFIG).features, group, CONFIG).why_not(
                pause(10.0, 0.4, n=1)[0]
            )
            == why
        )


def test_restored_it_goes_on_to_the_bit() -> None:
    vectors = [*pauses(5, 0.4), *pauses(5, 2.5, first=5), *pauses(8, 0.4, first=10)]
    expected = watch(imbalance(), vectors)

    for split in (4, 40, 73, 120):
        before, after = imbalance(), imbalance()
        watch(before, vectors[:split])
        after.restore(before.save())
        assert watch(after, vectors[split:]) == expected[split:]


def test_a_state_of_another_version_is_refused() -> None:
    with pytest.raises(ValueError, match="version"):
        imbalance().restore({**imbalance().save(), "version": 0})


def test_its_memory_is_bounded() -> None:
    signature = imbalance()
    for number in range(200):
        watch(signature, pauses(2, 0.4, first=2 * number, tool=f"T{number}"))

    state = signature.save()

    assert len(state["known"]) == len(state["evidence"]) == 64
