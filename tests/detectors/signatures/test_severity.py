from __future__ import annotations

import math
from collections.abc import Iterable

import msgspec
import pytest
from long_vectors import CONFIG, SET, VIB, vector

from detectors.signatures.severity import Severity
from engine.config import SeverityConfig
from engine.records import FeatureVector
from engine.verdicts import FaultClass, Finding, Tier, Why

RPM = 6000.0
TO_G = 2 * math.pi * RPM / 60 / 9806.65
ISO = SeverityConfig(standard="iso_20816_3", group=2, support="rigid")
HOUR_S = 3600.0


def severity(*entries: SeverityConfig) -> Severity:
    return Severity(SET.features, VIB, msgspec.structs.replace(CONFIG, severity=entries or (ISO,)))


def idling(
    velocity_mm_s: float, n: int = 60, at_s: float = 10.0, turning: float = 0.1, **context: object
) -> list[FeatureVector]:
    """Turning without cutting; ``turning`` is the line's share of the velocity."""
    values = {"velocity_rms": velocity_mm_s, "rev_1": turning * velocity_mm_s * TO_G}
    values |= {f"vib_y.{name}": 0.5 * value for name, value in values.items()}
    told = {"rpm": RPM, "told_s": 5.0, "section": "approach", "cutting": False, **context}
    return [vector(at_s + 0.1 * i, values, **told) for i in range(n)]  # type: ignore[arg-type]


def watch(signature: Severity, vectors: Iterable[FeatureVector]) -> list[Finding | None]:
    found = []
    for one in vectors:
        found.append(signature.assess(one))
        signature.learn(one, False)
    return found


def said(found: Iterable[Finding | None]) -> list[Finding]:
    return [finding for finding in found if finding is not None]


@pytest.mark.parametrize(
    ("velocity", "detail"),
    [
        (2.9, "zone C, ISO 20816-3 group 2 rigid"),
        (4.6, "zone D, ISO 20816-3 group 2 rigid"),
    ],
)
def test_a_zone_is_named_after_three_seconds_without_any_teach_in(velocity: float, detail: str) -> None:
    found = watch(severity(), idling(velocity))

    first = next(index for index, finding in enumerate(found) if finding)
    assert first == 25  # half a second, then a tenth each
    (only,) = said(found)
    assert (only.detail, only.tier, only.fault) == (detail, Tier.ABSOLUTE, FaultClass.PROCESS)
    assert only.score == pytest.approx(velocity / 2.8)
    assert only.reasons[0].feature == "vib_x.velocity_rms"
    assert only.reasons[0].high == 2.8


def test_zones_a_and_b_are_not_worth_a_word() -> None:
    assert said(watch(severity(), idling(2.7, n=600))) == []


def test_velocity_in_the_line_at_the_speed_is_imbalance_and_spoken_of_until_it_is_gone() -> None:
    signature = severity()

    found = said(watch(signature, idling(4.0, turning=0.9)))
    gone = said(watch(signature, idling(1.0, at_s=20.0, turning=0.9, n=200)))

    assert {finding.fault for finding in found} == {FaultClass.IMBALANCE}
    assert len(found) == 35
    assert gone[-1].score < 0.7
    assert [finding.score < 0.7 for finding in gone].count(True) == 1


def test_what_is_no_imbalance_is_told_again_in_the_next_shift_only() -> None:
    signature = severity()

    hours = [said(watch(signature, idling(4.0, at_s=10.0 + hour * HOUR_S))) for hour in range(10)]

    assert [len(found) for found in hours] == [1, 0, 0, 0, 0, 0, 0, 0, 1, 0]


def test_pauses_of_the_cut_are_added_up() -> None:
    signature, found = severity(), []
    for number in range(5):
        found += watch(signature, idling(4.0, n=5, at_s=10.0 + 60 * number))

    assert [finding is not None for finding in found].index(True) == 15  # 0.9 s of each are new


def test_the_worst_speed_counts_as_last_seen() -> None:
    signature = severity()
    assert said(watch(signature, idling(4.0, turning=0.9)))

    slower = said(watch(signature, idling(0.5, at_s=100.0, rpm=3000.0, told_s=50.0)))

    assert min(finding.score for finding in slower) == pytest.approx(4.0 / 2.8)


def test_ones_own_zones_hold_for_the_spindles_and_channels_named() -> None:
    own = SeverityConfig(zones_mm_s=(1.0, 2.0, 3.0), name="ISO/TR 17243-1", channels=("vib_y",))
    other = SeverityConfig(zones_mm_s=(0.1, 0.2, 0.3), spindles=("M2",))

    (only,) = said(watch(severity(other, own), idling(5.0)))

    assert only.detail == "zone C, ISO/TR 17243-1"
    assert only.reasons[0].feature == "vib_y.velocity_rms"
    assert severity(other).why_not(idling(5.0)[0]) == Why.CHANNEL


@pytest.mark.parametrize(
    ("context", "why"),
    [
        ({}, ""),
        ({"cutting": True}, Why.CUTTING),
        ({"cutting": None}, Why.CONTEXT),
        ({"rpm": None}, Why.RPM),
        ({"rpm": 60.0}, Why.RESOLUTION),
        ({"told_s": 8.5}, Why.UNSTEADY),
        ({"steady": False}, Why.UNSTEADY),
    ],
)
def test_it_says_why_it_cannot_judge(context: dict[str, object], why: str) -> None:
    assert severity().why_not(idling(1.0, n=1, **context)[0]) == why  # type: ignore[arg-type]


def test_nothing_declared_is_nothing_judged() -> None:
    assert Severity(SET.features, VIB, CONFIG).why_not(idling(9.0)[0]) == Why.CHANNEL


def test_restored_it_goes_on_to_the_bit() -> None:
    vectors = [*idling(4.0, turning=0.9), *idling(1.0, at_s=20.0, turning=0.9, rpm=3000.0)]
    expected = watch(severity(), vectors)

    for split in (10, 40, 70):
        before, after = severity(), severity()
        watch(before, vectors[:split])
        after.restore(before.save())
        assert watch(after, vectors[split:]) == expected[split:]


def test_a_state_of_another_version_is_refused() -> None:
    with pytest.raises(ValueError, match="version"):
        severity().restore({**severity().save(), "version": 0})


def test_its_memory_is_bounded() -> None:
    signature = severity()
    for number in range(90):
        watch(signature, idling(1.0, n=2, at_s=10.0 + number, rpm=150.0 * 1.1**number))

    assert len(signature.save()["levels"]) == 64
