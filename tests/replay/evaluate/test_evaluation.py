from __future__ import annotations

import json
import math

import numpy as np
import pytest
from evaluated import alert, evidence, recording, series

from replay.evaluate import Evaluation, RecordingEvidence, evaluate, event_scores, ranges
from replay.evaluate.bootstrap import bootstrap_95
from replay.recording import Fault


def found(at_s: float = 102.0, **changed: object) -> RecordingEvidence:
    own = recording(Fault(100.0, 200.0, "chatter"), end_s=1000.0)
    return evidence(own, alert(at_s, "chatter", closed_s=at_s + 10.0, tier="dynamic"), **changed)


def silent(**changed: object) -> RecordingEvidence:
    return evidence(recording(Fault(100.0, 200.0, "bearing_inner"), end_s=1000.0), **changed)


def scored() -> RecordingEvidence:
    score = np.random.default_rng(0).random(1000)
    score[100:200] += 1.0
    return found(series=series(score))


def test_the_whole_and_its_parts_agree() -> None:
    evaluation = evaluate([found(), silent(), found(300.0)])

    assert evaluation.overall == event_scores([found(), silent(), found(300.0)])
    assert set(evaluation.by_class) == {"bearing", "chatter"}
    assert sum(scores.n_faults for scores in evaluation.by_class.values()) == 3
    assert [evaluation.by_tier[tier].n_alerts for tier in ("absolute", "dynamic", "learned")] == [0, 2, 0]
    assert evaluation.by_tier["dynamic"].n_found == 1


def test_nab_is_told_for_all_by_class_and_by_tier() -> None:
    evaluation = evaluate([found(), silent()])

    assert evaluation.nab["bearing"]["standard"] == 0.0
    assert evaluation.nab["chatter"]["standard"] > 95.0
    assert evaluation.nab["overall"] == evaluation.nab["dynamic"]
    assert evaluation.nab["overall"]["standard"] == pytest.approx(evaluation.nab["chatter"]["standard"] / 2)


def test_wear_that_is_told_before_its_limit_is_no_false_detection() -> None:
    own = recording(Fault(0.0, 900.0, "tool_wear"), Fault(500.0, 500.0, "wear_limit"))

    foresight = evaluate([evidence(own, alert(480.0, "tool_wear"), alert(510.0, "process"))])
    odd = evaluate([evidence(own, alert(480.0, "process"), alert(510.0, "process"))])

    assert foresight.nab["overall"]["standard"] > odd.nab["overall"]["standard"] + 5.0


def test_intervals_are_over_recordings_or_over_faults_if_those_are_few() -> None:
    many, few = evaluate([found(100.0 + i) for i in range(1, 7)]), evaluate([silent(), found()])
    faults = [Fault(50.0 * i, 50.0 * i + 20.0, "chatter") for i in range(1, 8)]
    one = evaluate([evidence(recording(*faults), *(alert(50.0 * i + 1.0, "chatter") for i in range(1, 5)))])

    assert (many.unit, many.n_units) == ("recordings", 6)
    assert (one.unit, one.n_units) == ("faults", 7)
    assert (few.unit, few.n_units) == ("none", 0)
    assert "delay_median_s" not in few.intervals_95
    assert few.intervals_95["recall"] == few.overall.recall_95


def test_so_many_hits_of_so_many_are_no_certainty() -> None:
    intervals = evaluate([found(100.0 + i) for i in range(1, 7)]).intervals_95

    for name in ("recall", "precision", "right_class_share"):
        low, high = intervals[name]
        assert high == 1.0
        assert low < 0.7


def test_intervals_hold_the_figure_and_are_the_same_again() -> None:
    outcomes = [found(101.0), found(150.0), silent(), found(300.0), found(102.0), found(120.0)]

    first, again = evaluate(outcomes), evaluate(outcomes)

    assert first.intervals_95 == again.intervals_95
    for name, value in (("recall", first.overall.recall), ("delay_median_s", first.overall.delay_median_s)):
        low, high = first.intervals_95[name]
        assert low <= value <= high


def test_a_bootstrap_finds_the_spread_of_a_mean() -> None:
    values = np.random.default_rng(0).normal(size=100)

    low, high = bootstrap_95(values.tolist(), lambda sample: {"mean": sum(sample) / len(sample)}, seed=0)[
        "mean"
    ]

    other = bootstrap_95(values.tolist(), lambda sample: {"mean": sum(sample) / len(sample)}, seed=1)["mean"]
    assert other != (low, high)
    assert (high - low) / 2 == pytest.approx(1.96 * values.std() / 10, rel=0.1)


def test_what_half_of_the_samples_cannot_say_has_no_interval() -> None:
    assert bootstrap_95([0.0] * 6, lambda _: {"x": math.nan}, seed=0) == {}


def test_scores_give_rows_and_ranges_by_class() -> None:
    evaluation = evaluate([scored(), silent()])

    assert [own.recording for own in evaluation.ranges] == ["M1"]
    assert evaluation.ranges_by_class["chatter"] == evaluation.ranges
    assert evaluation.mean("vus_roc") > 0.9
    assert evaluation.points.n_hit > 0


def test_other_faults_of_a_recording_are_no_normal_rows_of_a_class() -> None:
    faults = (Fault(100.0, 200.0, "chatter"), Fault(300.0, 399.0, "collision"))
    own = evidence(recording(*faults), series=series(np.random.default_rng(0).random(1000)))

    (whole,), (chatter,) = evaluate([own]).ranges, evaluate([own]).ranges_by_class["chatter"]

    assert (whole.n_rows, whole.n_faulty) == (1000, 203)
    assert (chatter.n_rows, chatter.n_faulty) == (899, 102)


def told(evaluation: Evaluation) -> dict:
    return json.loads(json.dumps(evaluation.as_dict(), allow_nan=False))


def test_it_is_json_whatever_is_known() -> None:
    for outcomes in ([], [silent()], [found(), silent()], [scored()]):
        plain = told(evaluate(outcomes))
        assert plain["method"]["point_adjusted"] is False


def test_the_package_is_named_with_its_version_or_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(evaluate([scored()]))["method"]["vus_and_ranges"].startswith("aeon 1.")
    monkeypatch.setattr(ranges, "package", lambda: "")
    monkeypatch.setattr("replay.evaluate.evaluation.package", lambda: "")

    plain = told(evaluate([scored()]))

    assert plain["method"]["vus_and_ranges"] == "not computed: install spindlewatch[score]"
    assert plain["ranges"]["vus_pr"] is None
    assert plain["points"]["f1"] is not None
    assert plain["overall"]["recall"] == 1.0
