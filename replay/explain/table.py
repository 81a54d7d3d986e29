"""An explanation as lines for people, in English or Korean."""

from __future__ import annotations

from collections.abc import Callable

from engine.records import Said
from operators.explain_words import explain_truth
from replay.compare.result import FALSE, TRUE
from replay.explain.result import Explanation, Other

_N_LISTED = 5
_HEADINGS = {
    "why": Said("why it was raised", "경보 원인"),
    "instead": Said(
        "what would have kept it from being raised, the cheapest first",
        "경보를 막았을 변경, 손실이 적은 순서",
    ),
    "none": Said("no setting here has to do with it", "관련된 설정 없음"),
    "over": Said("replayed: {} under configuration {}", "재생한 기록: {}, 설정 {}"),
    "other": Said("decided by configuration {}, explained under {}", "경보 당시 설정 {}, 설명에 쓴 설정 {}"),
    "missed": Said("not found any more: {}", "더 이상 감지되지 않음: {}"),
    "more": Said("and {} more", "외 {}건"),
}


def explanation_lines(explanation: Explanation, language: str = "en") -> list[str]:
    """Write an explanation down.

    Parameters
    ----------
    explanation : Explanation
        What was found.
    language : str
        ``en`` or ``ko``.

    Returns
    -------
    list of str
        Lines without markup.
    """

    def say(said: Said, *values: object) -> str:
        return str(getattr(said, language)).format(*values)

    alert, heads = explanation.alert, _HEADINGS
    lines = [alert.id, f"  {explanation.worst['text'][language]}"]
    lines.append(f"  {getattr(explain_truth(explanation.truth), language)}")
    if alert.config_hash != explanation.config.hash:
        lines.append(f"  {say(heads['other'], alert.config_hash, explanation.config.hash)}")
    lines += ["", say(heads["why"]), f"  {getattr(explanation.opening, language)}"]
    lines += [f"  {getattr(said, language)}" for _, said in explanation.reasons]
    lines += ["", say(heads["instead"] if explanation.remedies else heads["none"])]
    for remedy in explanation.remedies:
        change, cost = remedy.said
        lines.append(f"  {getattr(change, language)}")
        if cost is not None:
            lines.append(f"      {getattr(cost, language)}")
        if listed := _listed(remedy.lost, say):
            lines.append(f"        {listed}")
        if remedy.faults_lost:
            lines.append(f"      {say(heads['missed'], ', '.join(remedy.faults_lost))}")
    if explanation.recordings:
        over = ", ".join(dict.fromkeys(explanation.recordings))
        lines += ["", say(heads["over"], over, explanation.config.hash)]
    return lines + [f"* {getattr(note, language)}" for note in explanation.notes]


def _listed(others: tuple[Other, ...], say: Callable[..., str]) -> str:
    """Ids of what is lost besides: true ones first, false ones not at all."""
    ids = [
        f"{other.alert.id} ({other.truth})"
        for other in sorted(others, key=lambda other: other.truth != TRUE)
        if other.truth != FALSE
    ]
    if not ids:
        return ""
    more = f", {say(_HEADINGS['more'], len(ids) - _N_LISTED)}" if len(ids) > _N_LISTED else ""
    return f"{', '.join(ids[:_N_LISTED])}{more}"
