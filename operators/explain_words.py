"""Why an alert was raised, and what would have kept it from being raised: in English and Korean."""

from __future__ import annotations

import math

from engine.records import Said
from engine.verdicts import FaultClass, Reason
from operators.fault_words import name_of
from operators.wording import quantity, tier_words

_SETTINGS = {
    "judge.on": Said("the score at which an episode opens", "경보가 시작되는 점수"),
    "judge.on_delay_vectors": Said("exceedances in a row before an alert", "경보 전 연속 초과 횟수"),
    "margin": Said("the margins of all detectors, together", "모든 검출기의 여유(margin)를 함께"),
    "learn.false_alerts_per_day": Said("false alerts accepted per day", "하루 허용 오경보 수"),
    "ensemble.rule": Said("what several detectors make of a vector", "여러 검출기의 결합 규칙"),
    "dynamic.enabled": Said("the tier that needs no teach-in, as a whole", "학습 없는 감지 단계 전체"),
    "diagnosis.off": Said("a fault class that is not watched for at all", "감시하지 않는 고장 종류"),
}
_SENSITIVITY = Said("the factor on the scores of this class", "이 고장 종류 점수의 배율")
_LIMIT = Said("your own limit", "사용자 설정 한계")
_TRUTHS = {
    "true": Said("By the labels it is true", "라벨에 따르면 참 경보"),
    "false": Said("By the labels it is false", "라벨에 따르면 오경보"),
    "not labelled": Said("No label says whether it is true", "참/거짓 라벨 없음"),
}
NOT_REPLAYED = Said(
    "concluded from what was told, and not verified: give the recordings to try it out",
    "전달된 경보로부터 추정한 값이며 확인되지 않음: 기록을 지정하면 재생하여 확인함",
)
TOLD_IN_DOUBLES = Said(
    "messages tell a rise only when a score has doubled: a change may have to be up to twice as large",
    "점수가 두 배가 될 때만 다시 전달됨: 필요한 변경은 최대 두 배까지 커질 수 있음",
)


def explain_opening(fault: str, tier: str, score: float, on: float, n_delay: int, immediate: float) -> Said:
    """Why an alert opened, in one sentence.

    Parameters
    ----------
    fault, tier : str
        As it opened.
    score : float
        As it opened; NaN for a sensor's.
    on, n_delay, immediate : float, int and float
        ``[judge]``.

    Returns
    -------
    Said
        English and Korean.

    Examples
    --------
    >>> explain_opening("chatter", "dynamic", 1.3, 1.0, 2, 4.0).en
    'A signature of Chatter confirmed it: score 1.3, judge.on is 1 (change without teach-in)'
    """
    if fault == FaultClass.SENSOR:
        return Said(
            "The sensor itself was in trouble: [check] raised it, no score and no limit did",
            "센서 자체의 이상: 점수나 한계가 아니라 [check]가 감지함",
        )
    tier_en, tier_ko = tier_words(tier)
    if fault != FaultClass.PROCESS:
        name = name_of(FaultClass(fault))
        return Said(
            f"A signature of {name.en} confirmed it: score {score:.3g}, judge.on is {on:g} ({tier_en})",
            f"{name.ko} 특징이 확인됨: 점수 {score:.3g}, judge.on {on:g} ({tier_ko})",
        )
    if score >= immediate:
        return Said(
            f"Score {score:.3g} reached judge.immediate = {immediate:g}, which opens at once ({tier_en})",
            f"점수 {score:.3g}, judge.immediate = {immediate:g} 이상으로 즉시 경보 ({tier_ko})",
        )
    return Said(
        f"The score reached judge.on = {on:g} {n_delay} times in a row, the last time with {score:.3g} ({tier_en})",
        f"점수가 judge.on = {on:g}에 {n_delay}회 연속 도달, 마지막 점수 {score:.3g} ({tier_ko})",
    )


def explain_reason(reason: Reason) -> Said:
    """One feature's part in an alert: value, what was expected, limits, share.

    Parameters
    ----------
    reason : Reason
        NaN where nothing is known is left out.

    Returns
    -------
    Said
        English and Korean.

    Examples
    --------
    >>> explain_reason(Reason("vib_x.peak", 31.0, 2.0, 1.0, 4.0, "g", 0.9)).en
    'vib_x.peak 31 g; expected 2 g; normal 1 to 4 g; 90 % of the score'
    """
    value = f"{reason.feature} {quantity(reason.value, reason.unit)}"
    english, korean = [value], [value]
    if not math.isnan(reason.expected):
        expected = quantity(reason.expected, reason.unit)
        english.append(f"expected {expected}")
        korean.append(f"기대값 {expected}")
    low, high = (f"{bound:.3g}" for bound in (reason.low, reason.high))
    unit = f" {reason.unit}".rstrip()
    if not math.isnan(reason.low) and not math.isnan(reason.high):
        english.append(f"normal {low} to {high}{unit}")
        korean.append(f"정상 범위 {low}~{high}{unit}")
    elif not math.isnan(reason.high):
        english.append(f"limit {high}{unit}, from above")
        korean.append(f"상한 {high}{unit}")
    elif not math.isnan(reason.low):
        english.append(f"limit {low}{unit}, from below")
        korean.append(f"하한 {low}{unit}")
    english.append(f"{100 * reason.share:.0f} % of the score")
    korean.append(f"점수의 {100 * reason.share:.0f} %")
    return Said("; ".join(english), "; ".join(korean))


def explain_setting(key: str) -> Said:
    """What a setting is.

    Parameters
    ----------
    key : str
        Of the configuration.

    Returns
    -------
    Said
        English and Korean.
    """
    if key.startswith("diagnosis.sensitivity."):
        return _SENSITIVITY
    return _LIMIT if key.startswith("limits[") else _SETTINGS[key]


def explain_change(
    key: str, now: str, to: str | None, *, verified: bool, smallest: bool, instead: str = ""
) -> Said:
    """What a change of a setting would have done to an alert.

    Parameters
    ----------
    key, now : str
        The setting, and what it is.
    to : str or None
        What would have kept the alert from being raised; None: nothing would.
    verified : bool
        A replay with it has shown so.
    smallest : bool
        Hardly less would not have done.
    instead : str
        Class that the alert would have had at the farthest value, if nothing would have done; empty: its own.

    Returns
    -------
    Said
        English and Korean.

    Examples
    --------
    >>> explain_change("judge.on", "1", "2.2", verified=True, smallest=True).en
    'judge.on 1 → 2.2 (the score at which an episode opens): it would not have been raised; verified, hardly less does'
    """
    what = explain_setting(key)
    if to is None:
        name = name_of(FaultClass(instead)) if instead else Said("", "")
        return Said(
            f"{key} ({what.en}): alone, it would not have prevented it"
            + (f"; it would have been told as {name.en}" if instead else ""),
            f"{key} ({what.ko}): 이 설정만으로는 경보를 막을 수 없음"
            + (f"; '{name.ko}'(으)로 전달되었을 것임" if instead else ""),
        )
    english = "verified" if verified else "not verified"
    korean = "재생으로 확인됨" if verified else "확인되지 않음"
    if smallest:
        english, korean = f"{english}, hardly less does", f"{korean}, 최소 변경"
    return Said(
        f"{key} {now} → {to} ({what.en}): it would not have been raised; {english}",
        f"{key} {now} → {to} ({what.ko}): 경보가 발생하지 않음; {korean}",
    )


def explain_truth(truth: str) -> Said:
    """What the labels say of an alert: ``true``, ``false`` or ``not labelled``."""
    return _TRUTHS[truth]


def explain_cost(n_true: int, n_false: int, n_unknown: int, n_gained: int, n_later: int) -> Said:
    """What else a change would have done.

    Parameters
    ----------
    n_true, n_false, n_unknown : int
        Other alerts lost: true ones, false ones, and those that no label judges.
    n_gained, n_later : int
        Alerts that would have been raised besides, and those told later.

    Returns
    -------
    Said
        English and Korean.

    Examples
    --------
    >>> explain_cost(1, 0, 2, 0, 0).en
    'also lost: 1 true alert, 2 not labelled'
    >>> explain_cost(0, 0, 0, 1, 3).en
    'nothing else lost; 1 gained; 3 told later'
    """
    counts = ((n_true, "true alert", "참 경보"), (n_false, "false alert", "오경보"))
    english = [f"{n} {word}{'s' if n > 1 else ''}" for n, word, _ in counts if n]
    korean = [f"{word} {n}건" for n, _, word in counts if n]
    if n_unknown:
        english.append(f"{n_unknown} not labelled")
        korean.append(f"라벨 없음 {n_unknown}건")
    told = Said("nothing else lost", "그 밖에 사라지는 경보 없음")
    if english:
        told = Said(f"also lost: {', '.join(english)}", f"함께 사라짐: {', '.join(korean)}")
    besides = ((n_gained, "gained", "새 경보"), (n_later, "told later", "늦어지는 경보"))
    english = [f"{n} {word}" for n, word, _ in besides if n]
    korean = [f"{word} {n}건" for n, _, word in besides if n]
    return Said("; ".join([told.en, *english]), "; ".join([told.ko, *korean]))
