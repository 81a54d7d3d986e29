"""The figures of detectors run, and what they compare with does the same work."""

from pathlib import Path

import pytest

from perf import bench_detectors
from perf.bench_detectors import CONFIGURATIONS, N_FEATURES, as_dicts, dirty_rows, score_then_learn
from perf.figures import FIGURES, Bench


@pytest.mark.parametrize(
    "name", ["hst_vector_vs_river", "hst_batch_vs_river", "chain_vs_river", "hst_save_vs_river"]
)
def test_every_ratio_can_be_measured_on_a_few_rows(name):
    measured = FIGURES[name].measure(Bench(Path("unused")), n_rows=4)

    assert measured.value > 1.0
    assert "beside" in measured.note


def test_not_one_score_differs_from_rivers():
    assert bench_detectors.hst_mismatches(Bench(Path("unused")), n_rows=60).value == 0


def test_a_score_that_differs_would_be_counted(monkeypatch):
    monkeypatch.setattr(bench_detectors, "LIMITS", (-3.0, 3.0))  # the chain keeps its own default

    n_mismatches, n_compared = bench_detectors.count_mismatches(5, 3, 10, 2, n_rows=60)

    assert 0 < n_mismatches < n_compared == 5 * 60


def test_dirt_is_in_every_configuration_that_has_room_for_it():
    for *_, n_features in CONFIGURATIONS:
        rows = dirty_rows(600, n_features)
        assert (rows != rows).any()
        assert any(len(x) < n_features for x in as_dicts(rows, share_missing=0.05))


def test_warm_models_score():
    model = bench_detectors.warm(bench_detectors.our_trees(N_FEATURES))

    assert min(score_then_learn(model, as_dicts(bench_detectors.usual_rows(5, N_FEATURES)))) > 0.0
