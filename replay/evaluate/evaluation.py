"""All scores of a replay, over its recordings, by fault class and by tier, with intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.verdicts import FaultClass, Tier
from replay.evaluate import nab
from replay.evaluate.bootstrap import LEAST_UNITS, Interval, bootstrap_95, hull
from replay.evaluate.counts import EventScores, known, pooled
from replay.evaluate.events import class_key, event_scores, fault_scores
from replay.evaluate.evidence import RecordingEvidence, joined
from replay.evaluate.ranges import BUFFER_ROWS, MEASURES, MISSING, RangeScores, package, range_scores
from replay.evaluate.rows import rows_each, rows_of
from replay.scoring import Confusion


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a replay is worth, held against the labels.

    Parameters
    ----------
    overall : EventScores
        All faults and alerts.
    by_class : dict of str to EventScores
        By fault class, of those labelled or alerted; ``unspecific``: labels that name none.
    by_tier : dict of str to EventScores
        What each tier raised, as if it were alone; all faults.
    nab : dict of str to dict of str to float
        By profile (see `replay.evaluate.nab`), of ``overall`` and each class and tier that has windows.
    ranges : tuple[RangeScores, ...]
        Of each recording that has complete labels and whose scores were read.
    ranges_by_class : dict of str to tuple[RangeScores, ...]
        The same with the labels of one class, rows of all others left out.
    intervals_95 : dict of str to (low, high)
        Of the figures of ``overall``. Recall, right class, precision, rate of false alerts: the wider bounds of
        bootstrap and exact interval (Wilson, Poisson), for the former knows that faults of one recording are alike,
        the latter that so many hits of so many are no certainty.
    unit : str
        What the bootstrap drew: ``recordings``, with fewer than five ``faults``, with fewer than five of them ``none``.
    n_units : int
        How many there are.
    excluded_s : float
        Declared teach-in, over all recordings: not judged.
    n_before : int
        Labels over by the end of it: not judged.
    seed : int
        Of the bootstrap.
    """

    overall: EventScores
    by_class: dict[str, EventScores]
    by_tier: dict[str, EventScores]
    nab: dict[str, dict[str, float]]
    ranges: tuple[RangeScores, ...]
    ranges_by_class: dict[str, tuple[RangeScores, ...]]
    intervals_95: dict[str, Interval]
    unit: str
    n_units: int
    excluded_s: float
    n_before: int
    seed: int

    @property
    def points(self) -> Confusion:
        """Rows of all recordings by label and open alert; NaN in its rates without score series."""
        return sum((own.points for own in self.ranges), Confusion())

    def mean(self, measure: str) -> float:
        """Mean of a figure of ranges over the recordings that have it; NaN if none has.

        Parameters
        ----------
        measure : str
            One of `replay.evaluate.ranges.MEASURES`.
        """
        return _mean(self.ranges, measure)

    def as_dict(self) -> dict[str, Any]:
        """Return what ``evaluation.json`` holds; None where nothing can be said."""
        return {
            "overall": {
                **self._group("overall", self.overall),
                "intervals_95": {
                    name: list(map(known, bounds)) for name, bounds in self.intervals_95.items()
                },
                "bootstrap": {"unit": self.unit, "n": self.n_units, "seed": self.seed},
            },
            "by_class": {
                name: {**self._group(name, scores), **_told(self.ranges_by_class.get(name, ()))}
                for name, scores in self.by_class.items()
            },
            "by_tier": {name: self._group(name, scores) for name, scores in self.by_tier.items()},
            "ranges": {**_told(self.ranges), "recordings": [own.as_dict() for own in self.ranges]},
            "points": _points(self.points),
            "left_out": {"taught_s": self.excluded_s, "n_labels_in_teach_in": self.n_before},
            "method": _method(bool(self.ranges)),
        }

    def _group(self, name: str, scores: EventScores) -> dict[str, Any]:
        profiles = {profile: known(value) for profile, value in self.nab.get(name, {}).items()}
        return {**scores.as_dict(), "nab": profiles or None}


def evaluate(outcomes: Sequence[RecordingEvidence], *, seed: int = 0) -> Evaluation:
    """Work out every score of a replay.

    Parameters
    ----------
    outcomes : sequence of RecordingEvidence
        From `replay.evaluate.gather_evidence`, of different recordings; scores of rows and ranges need their series.
    seed : int
        Of the bootstrap.

    Returns
    -------
    Evaluation
        With `aeon`, one to two seconds for each recording with scores and each class labelled in it, and no more than
        ten recordings' worth until there are eighty; `replay.evaluate.event_scores` is what to call often.
    """
    classes = sorted(
        {class_key(trouble) for own in outcomes for trouble in own.troubles}
        | {alert.fault for own in outcomes for alert in own.raised}
    )
    tiers = [str(tier) for tier in Tier]
    overall = event_scores(outcomes)
    ranges = _ranges(outcomes)
    intervals, unit, n_units = _intervals(outcomes, overall, seed)
    scores = {
        "overall": _nab(outcomes),
        **{name: _nab(outcomes, fault_class=name) for name in classes if name != FaultClass.SENSOR},
        **{name: _nab(outcomes, tier=name) for name in tiers},
    }
    return Evaluation(
        overall,
        {name: event_scores(outcomes, fault_class=name) for name in classes},
        {name: event_scores(outcomes, tier=name) for name in tiers},
        {name: own for name, own in scores.items() if own},
        tuple(scores for _, scores in ranges),
        {name: own for name in classes if (own := _ranges_of_class(ranges, name))},
        intervals,
        unit,
        n_units,
        math.fsum(own.excluded_s for own in outcomes),
        sum(own.n_before for own in outcomes),
        seed,
    )


def _intervals(
    outcomes: Sequence[RecordingEvidence], overall: EventScores, seed: int
) -> tuple[dict[str, Interval], str, int]:
    recordings = [event_scores([own]) for own in outcomes if own.labelled or own.troubles]
    faults = [score for own in outcomes for score in fault_scores(own)]
    unit, units = ("recordings", recordings) if len(recordings) >= LEAST_UNITS else ("faults", faults)
    drawn = bootstrap_95(units, _figures, seed)
    if overall.n_faults:
        drawn["recall"] = hull(drawn.get("recall"), overall.recall_95)
    if overall.n_named:
        drawn["right_class_share"] = hull(drawn.get("right_class_share"), overall.right_class_95)
    if overall.n_alerts:
        drawn["precision"] = hull(drawn.get("precision"), overall.precision_95)
    if overall.normal_s > 0.0:
        drawn["false_per_normal_hour"] = hull(drawn.get("false_per_normal_hour"), overall.false_per_hour_95)
    return (drawn, unit, len(units)) if len(units) >= LEAST_UNITS else (drawn, "none", 0)


def _figures(sample: Sequence[EventScores]) -> dict[str, float]:
    """Figures of a sample of recordings, or of faults: those know nothing of alerts, which leaves NaN."""
    scores = pooled(sample)
    return {
        "recall": scores.recall,
        "delay_median_s": scores.delay_median_s,
        "delay_p90_s": scores.delay_p90_s,
        "right_class_share": scores.right_class_share,
        "precision": scores.precision,
        "false_per_normal_hour": scores.false_per_hour,
        "false_alert_share": scores.false_share,
    }


def _nab(
    outcomes: Sequence[RecordingEvidence], fault_class: str | None = None, tier: str | None = None
) -> dict[str, float]:
    """Score of each profile; empty without windows. A class keeps alerts called so, and those that find its faults."""
    sums: dict[nab.Profile, list[nab.NabSum]] = {profile: [] for profile in nab.PROFILES}
    for own in (own for own in outcomes if own.labelled):
        windows = joined(
            trouble.faulty
            for trouble in own.troubles
            if trouble.wanted is not FaultClass.SENSOR and fault_class in (None, class_key(trouble))
        )
        finding = {
            i
            for trouble, found in zip(own.troubles, own.finders, strict=True)
            if fault_class == class_key(trouble)
            for i in found
        }
        told = [
            alert.episode.opened_ns
            for i, alert in enumerate(own.raised)
            if alert.fault != FaultClass.SENSOR
            and not _is_foresight(i, own)
            and tier in (None, alert.tier)
            and (fault_class in (None, alert.fault) or i in finding)
        ]
        for profile, parts in sums.items():
            parts.append(nab.nab_sum(windows, told, profile))
    found = {profile.name: nab.nab_score(parts, profile) for profile, parts in sums.items()}
    return {name: value for name, value in found.items() if not math.isnan(value)}


def _is_foresight(i: int, own: RecordingEvidence) -> bool:
    """Wear told before the edge's marked limit, when nothing is wrong yet, is no false detection."""
    alert = own.raised[i]
    inside = any(span.start_ns <= alert.episode.opened_ns <= span.end_ns for span in own.faulty)
    return alert.fault == FaultClass.TOOL_WEAR and own.explained[i] and not inside


def _ranges(outcomes: Sequence[RecordingEvidence]) -> list[tuple[RecordingEvidence, RangeScores]]:
    """Of recordings with complete labels and scores."""
    scored = [(own, own.series) for own in outcomes if own.series is not None and own.labelled]
    most = rows_each(len(scored))
    return [(own, range_scores(own.recording, rows_of(own, series, most=most))) for own, series in scored]


def _ranges_of_class(
    ranges: Sequence[tuple[RecordingEvidence, RangeScores]], fault_class: str
) -> tuple[RangeScores, ...]:
    """Of those in which the class is labelled; where nothing else is, they are those of the whole recording."""
    found, most = [], rows_each(len(ranges))
    for own, scores in ranges:
        labelled = {class_key(trouble) for trouble in own.troubles} - {str(FaultClass.SENSOR)}
        if fault_class in labelled and own.series is not None:
            alone = labelled == {fault_class}
            found.append(
                scores if alone else range_scores(own.recording, rows_of(own, own.series, fault_class, most))
            )
    return tuple(found)


def _mean(ranges: Sequence[RangeScores], measure: str) -> float:
    values = [value for own in ranges if not math.isnan(value := getattr(own, measure))]
    return math.fsum(values) / len(values) if values else math.nan


def _told(ranges: Sequence[RangeScores]) -> dict[str, Any]:
    """Means over recordings and over how many."""
    n = sum(not math.isnan(own.vus_pr) for own in ranges)
    return {**{name: known(_mean(ranges, name)) for name in MEASURES}, "n_recordings_with_vus": n}


def _points(points: Confusion) -> dict[str, Any]:
    return {
        "n_rows": points.n_hit + points.n_false + points.n_missed + points.n_calm,
        "f1": known(points.f1),
        "f1_of_an_alert_that_never_ends": known(points.always_on.f1),
        "false_alert_rate": known(points.false_alert_rate),
        "missed_alert_rate": known(points.missed_alert_rate),
    }


def _method(has_series: bool) -> dict[str, Any]:
    """By what means: figures are only comparable where all of this agrees."""
    computed = package() or MISSING
    return {
        "vus_and_ranges": computed if has_series else "not computed: no scores of labelled recordings",
        "vus_buffer_rows": BUFFER_ROWS,
        "range_parameters": "alpha 0, flat bias, reciprocal cardinality",
        "nab": "openings of alerts in continuous time; probation = declared teach-in; no threshold optimised",
        "nab_profiles": {p.name: {"tp": p.tp, "fp": p.fp, "fn": p.fn} for p in nab.PROFILES},
        "point_adjusted": False,
    }
