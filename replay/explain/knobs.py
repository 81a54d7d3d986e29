"""Settings that might have kept an alert from being raised."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from msgspec.structs import replace as changed

from detectors.registry import detector_type
from engine.config import Config, DetectorConfig, LimitConfig
from engine.verdicts import Alert, FaultClass, Score, Tier
from operators.episodes import FaultEpisodes
from replay.compare.alerts import ToldAlert
from replay.explain.search import Setting

_FAR = 1000.0
"""Farther than by this factor no setting is moved."""
_MOST_VECTORS = 200


@dataclass(frozen=True, slots=True)
class Knob:
    """One setting, and how to change it.

    Parameters
    ----------
    key : str
        As in the configuration; ``margin`` stands for those of all detectors and is a factor on them.
    setting : Setting
        What it is, and how far it may go.
    change : callable
        Makes the configuration with another value.
    scaling : callable or None
        Says what another value makes of a score's findings, if it does nothing to the scores themselves and nothing
        but ``[judge]`` differs besides: then the judge alone can say what is likely to happen.
    """

    key: str
    setting: Setting
    change: Callable[[Config, Any], Config]
    scaling: Callable[[Any], dict[str, float]] | None = None


def knobs_of(alert: ToldAlert, config: Config) -> list[Knob]:
    """List the settings that may have to do with an alert.

    Parameters
    ----------
    alert : ToldAlert
        About the machine; one about a sensor has none: it is no matter of limits.
    config : Config
        What decided.

    Returns
    -------
    list of Knob
        Numbers first, then what can only be switched off.
    """
    first = alert.messages[0]
    if first["fault"] == FaultClass.SENSOR:
        return []
    named = dict.fromkeys(str(m["fault"]) for m in alert.messages if m["fault"] != FaultClass.PROCESS)
    classes = [FaultClass(name) for name in named]
    knobs = [_judge_on(config)]
    if first["fault"] == FaultClass.PROCESS:
        knobs.append(_judge_delay(config))
        knobs += _of_tier(alert, config)
    knobs += [_sensitivity(config, fault) for fault in classes]
    knobs += [_off(fault) for fault in classes]
    return knobs


def rejudged(scores: Sequence[Score], knob: Knob, config: Config, value: Any) -> list[Alert]:
    """Judge scores again, as if a setting had been another while nothing was learnt differently.

    Parameters
    ----------
    scores : sequence of Score
        Of one spindle, in stream time, under ``config``.
    knob : Knob
        With ``scaling``.
    config : Config
        What decided.
    value : Any
        Of the knob.

    Returns
    -------
    list of Alert
        About the machine. Only likely: what exceeds a limit is not learnt, so a replay may differ.
    """
    assert knob.scaling is not None
    factors = knob.scaling(value)
    episodes, messages = FaultEpisodes(knob.change(config, value).judge, ""), []
    for score in scores:
        if factors and score.findings:
            found = tuple(replace(f, score=f.score * factors.get(f.fault, 1.0)) for f in score.findings)
            score = replace(score, findings=found)
        messages += episodes.update(score)
    return messages


def _judge_on(config: Config) -> Knob:
    now = config.judge.on
    return Knob(
        "judge.on",
        Setting(now, now * _FAR),
        lambda c, value: changed(c, judge=changed(c.judge, on=value)),
        lambda _: {},
    )


def _judge_delay(config: Config) -> Knob:
    now = config.judge.on_delay_vectors
    return Knob(
        "judge.on_delay_vectors",
        Setting(now, now + _MOST_VECTORS),
        lambda c, value: changed(c, judge=changed(c.judge, on_delay_vectors=value)),
        lambda _: {},
    )


def _sensitivity(config: Config, fault: FaultClass) -> Knob:
    now = config.diagnosis.sensitivity.get(fault, 1.0)

    def change(c: Config, value: float) -> Config:
        factors = {**c.diagnosis.sensitivity, fault: value}
        return changed(c, diagnosis=changed(c.diagnosis, sensitivity=factors))

    return Knob(
        f"diagnosis.sensitivity.{fault}", Setting(now, now / _FAR), change, lambda value: {fault: value / now}
    )


def _off(fault: FaultClass) -> Knob:
    def change(c: Config, _: Any) -> Config:
        return changed(c, diagnosis=changed(c.diagnosis, off=(*c.diagnosis.off, fault)))

    return Knob("diagnosis.off", Setting("-", str(fault)), change)


def _of_tier(alert: ToldAlert, config: Config) -> list[Knob]:
    """Settings of the tier that raised an alert that no signature named."""
    if alert.tier == Tier.ABSOLUTE:
        return _limits(alert, config)
    if alert.tier == Tier.DYNAMIC:
        return [
            Knob(
                "dynamic.enabled",
                Setting(True, False),
                lambda c, value: changed(c, dynamic=changed(c.dynamic, enabled=value)),
            )
        ]
    knobs = [_margin(alert, config)]
    budget = config.learn.false_alerts_per_day
    if budget > 0:
        knobs.append(
            Knob(
                "learn.false_alerts_per_day",
                Setting(budget, budget / _FAR),
                lambda c, value: changed(c, learn=changed(c.learn, false_alerts_per_day=value)),
            )
        )
    if len(config.detectors) > 1:
        knobs += [_rule(config, rule) for rule in ("mean", "agree") if rule != config.ensemble.rule]
    return knobs


def _rule(config: Config, rule: str) -> Knob:
    return Knob(
        "ensemble.rule",
        Setting(config.ensemble.rule, rule),
        lambda c, value: changed(c, ensemble=changed(c.ensemble, rule=value)),
    )


def _margin(alert: ToldAlert, config: Config) -> Knob:
    """All margins together: a score is measured in them, so its peak says by how much they are too small."""

    def wider(entry: DetectorConfig, factor: float) -> DetectorConfig:
        margin = detector_type(entry.name).margin if entry.margin is None else entry.margin
        return changed(entry, margin=margin * factor)

    def change(c: Config, factor: float) -> Config:
        return changed(c, detectors=tuple(wider(entry, factor) for entry in c.detectors))

    guess = alert.score / config.judge.on * 1.01
    return Knob("margin", Setting(1.0, _FAR, guess if 1.0 < guess < _FAR else None), change)


def _limits(alert: ToldAlert, config: Config) -> list[Knob]:
    """The entries of ``[[limits]]`` that an alert's values are beyond."""
    knobs = []
    for index, limit in enumerate(config.limits):
        if limit.spindles and alert.spindle not in limit.spindles:
            continue
        values = [
            reason["value"]
            for message in alert.messages
            for reason in message["reasons"]
            if reason["feature"] == limit.feature and reason["value"] is not None
        ]
        if limit.above is not None and values and max(values) >= limit.above:
            knobs.append(_limit(index, limit, "above", limit.above, max(values)))
        if limit.below is not None and values and min(values) <= limit.below:
            knobs.append(_limit(index, limit, "below", limit.below, min(values)))
    return knobs


def _limit(index: int, limit: LimitConfig, side: str, now: float, value: float) -> Knob:
    def change(c: Config, to: float) -> Config:
        entry = changed(limit, **{side: to})
        return changed(c, limits=(*c.limits[:index], entry, *c.limits[index + 1 :]))

    sign = 1.0 if side == "above" else -1.0
    beyond = value + sign * 0.005 * abs(value)
    far = now + sign * _FAR * abs(now)
    return Knob(f"limits[{index}].{side} ({limit.feature})", Setting(now, far, beyond), change)
