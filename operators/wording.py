"""What an alert says to the operator, in English and Korean."""

from __future__ import annotations

import math

from engine.records import Regime, Said, Trouble
from engine.verdicts import Finding, Reason, Tier
from operators.fault_words import how_sure, name_of, phrase

_TIERS = {
    Tier.ABSOLUTE: ("over a fixed limit", "설정 한계 초과"),
    Tier.DYNAMIC: ("change without teach-in", "학습 없이 감지된 변화"),
    Tier.LEARNED: ("differs from what was learned", "학습된 정상 범위를 벗어남"),
}
_TROUBLES = {
    Trouble.GAP: ("samples are missing", "데이터 누락"),
    Trouble.OVERLAP: ("samples came twice", "데이터 중복"),
    Trouble.LATE: ("samples came too late", "데이터 지연 도착"),
    Trouble.CLOCK_JUMP: ("the sensor's clock jumped", "센서 시각이 갑자기 바뀜"),
    Trouble.RATE: ("the sampling rate is wrong", "샘플링 속도 이상"),
    Trouble.SILENT: ("no signal", "신호 없음"),
    Trouble.NAN: ("invalid values", "유효하지 않은 값"),
    Trouble.CLIPPED: ("the signal is clipped", "신호가 측정 범위를 초과(클리핑)"),
    Trouble.FLAT: ("the signal does not move", "신호가 변하지 않음"),
    Trouble.SHAPE: ("blocks have the wrong shape", "데이터 블록 형식 오류"),
}


def describe_fault(finding: Finding, spindle: str, regime: Regime) -> Said:
    """One sentence in each language about a machine or its process: what, where, why, how sure.

    Parameters
    ----------
    finding : Finding
        What is told; its first reason is quoted.
    spindle : str
        Where.
    regime : Regime
        In which cut.

    Returns
    -------
    Said
        English and Korean.

    Examples
    --------
    >>> from engine.verdicts import FaultClass
    >>> reason = Reason("vib_x.peak", 31.0, 2.0, 1.0, 4.0, "g", 0.9)
    >>> finding = Finding(FaultClass.COLLISION, "shock", Tier.DYNAMIC, 6.2, 0.5, (reason,))
    >>> describe_fault(finding, "M1", Regime("T2", "O1", "rough", True)).en
    'Collision on M1 (T2, rough): vib_x.peak 31 g, expected 2 g. Possible; score 6.2, change without teach-in'
    """
    name, detail, sure = name_of(finding.fault), phrase(finding.detail), how_sure(finding.certainty)
    where = ", ".join(dict.fromkeys(part for part in (finding.key, regime.tool, regime.section) if part))
    place = f"{spindle} ({where})" if where else spindle
    tier_en, tier_ko = _TIERS[finding.tier]
    english, korean = f"{name.en} on {place}", f"{name.ko} · {place}"
    if detail is not None:
        english, korean = f"{english}, {detail.en}", f"{korean}, {detail.ko}"
    if finding.reasons:
        why = _why(finding.reasons[0])
        english, korean = f"{english}: {why.en}", f"{korean}: {why.ko}"
    return Said(
        f"{english}. {sure.en}; score {finding.score:.2g}, {tier_en}",
        f"{korean}. {sure.ko}; 점수 {finding.score:.2g}, {tier_ko}",
    )


def _why(reason: Reason) -> Said:
    value = f"{reason.feature} {quantity(reason.value, reason.unit)}"
    if not math.isnan(reason.expected):
        expected = quantity(reason.expected, reason.unit)
        return Said(f"{value}, expected {expected}", f"{value}, 정상 {expected}")
    if not math.isnan(reason.high):
        limit = quantity(reason.high, reason.unit)
        return Said(f"{value}, limit {limit}", f"{value}, 한계 {limit}")
    return Said(value, value)


def describe_trouble(kind: Trouble, group: str, detail: Said) -> tuple[str, str]:
    """One sentence each in English and Korean about a sensor alert.

    Parameters
    ----------
    kind : Trouble
        What is wrong.
    group : str
        Whose sensor group.
    detail : Said
        The figures; see `operators.trouble_words`.

    Returns
    -------
    tuple of str
        English, Korean.
    """
    english, korean = _TROUBLES[kind]
    return f"Sensor {group}: {english} ({detail.en})", f"센서 {group}: {korean} ({detail.ko})"


def tier_words(tier: str) -> Said:
    """How much an alert had to know.

    Parameters
    ----------
    tier : str
        A value of `engine.verdicts.Tier`.

    Returns
    -------
    Said
        English and Korean.
    """
    return Said(*_TIERS[Tier(tier)])


def quantity(value: float, unit: str) -> str:
    """A value in its unit, with three digits."""
    return f"{value:.3g} {unit}".rstrip()
