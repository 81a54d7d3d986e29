"""What an alert says to the operator, in English and Korean."""

from __future__ import annotations

import math
from collections.abc import Sequence

from engine.records import Said, Trouble
from engine.verdicts import Reason, Tier

_FAULTS = {
    "collision": ("Sudden shock", "갑작스러운 충격"),
    "process": ("Unusual cutting behaviour", "평소와 다른 가공 상태"),
}
_TIERS = {
    Tier.ABSOLUTE: ("over a fixed limit", "설정 한계 초과"),
    Tier.DYNAMIC: ("sudden change", "급격한 변화"),
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


def describe_fault(fault: str, tier: Tier, reasons: Sequence[Reason]) -> tuple[str, str]:
    """One sentence each in English and Korean about a machine or process alert.

    Parameters
    ----------
    fault : str
        Fault class.
    tier : Tier
        What the alert rests on.
    reasons : sequence of Reason
        Most important first; the first is quoted.

    Returns
    -------
    tuple of str
        English, Korean.

    Examples
    --------
    >>> describe_fault("collision", Tier.DYNAMIC, [Reason("vib_x.peak", 31.0, 2.0, 1.0, 4.0, "g", 0.9)])[0]
    'Sudden shock: vib_x.peak 31 g, expected 2 g (sudden change)'
    """
    english, korean = _FAULTS[fault]
    tier_en, tier_ko = _TIERS[tier]
    if not reasons:
        return f"{english} ({tier_en})", f"{korean} ({tier_ko})"
    first = reasons[0]
    value = f"{first.feature} {_quantity(first.value, first.unit)}"
    if math.isnan(first.expected):
        return f"{english}: {value} ({tier_en})", f"{korean}: {value} ({tier_ko})"
    expected = _quantity(first.expected, first.unit)
    return (
        f"{english}: {value}, expected {expected} ({tier_en})",
        f"{korean}: {value}, 정상 {expected} ({tier_ko})",
    )


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


def _quantity(value: float, unit: str) -> str:
    return f"{value:.3g} {unit}".rstrip()
