"""The figures of detectors run, and what they compare with does the same work."""

import re
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from detectors.registry import DETECTORS
from perf import bench_detectors
from perf.bench_detectors import CONFIGURATIONS, N_FEATURES, as_dicts, dirty_rows, score_then_learn
from perf.figures import FIGURES, Bench, NotMeasurableError


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


def test_every_detector_is_timed_and_the_slowest_counts():
    measured = bench_detectors.detectors(Bench(Path("unused")), n_rows=4)

    told = re.findall(r"(\w+) ([\d.]+) \(([\d.]+)\)", measured.note)
    each_us = [float(us) for _, us, _ in told]
    assert {name for name, *_ in told} == set(DETECTORS)
    assert each_us == sorted(each_us)
    assert measured.value == pytest.approx(each_us[-1], rel=0.05)


@pytest.mark.parametrize("name", sorted(DETECTORS))
def test_what_is_timed_has_been_taught_and_scores(name):
    rows = bench_detectors.usual_rows(5, N_FEATURES)

    scores = bench_detectors.taught(name).score_rows(rows)

    assert np.isfinite(scores).all()


class _PysadTrees:
    """Counts what it is asked, as slow as it likes."""

    def __init__(self, mins, maxes, window_size, n_trees, depth, **drawn):
        self.told, self.drawn = (len(mins), len(maxes), window_size, n_trees, depth), drawn
        self.n_learned = self.n_both = 0

    def fit_partial(self, _vector):
        self.n_learned += 1

    def fit_score_partial(self, _vector):
        self.n_both += 1
        return sum(i for i in range(2000))


def test_pysads_trees_are_as_many_and_warm_and_asked_once_a_row(monkeypatch):
    made = []

    def make(*parameters, **named):
        made.append(_PysadTrees(*parameters, **named))
        return made[0]

    monkeypatch.setattr(bench_detectors, "load_peer", lambda _: SimpleNamespace(HalfSpaceTrees=make))

    measured = bench_detectors.hst_pysad(Bench(Path("unused")), n_rows=4)

    assert made[0].told == (16, 16, 250, 25, 8)
    assert made[0].n_learned == 250
    assert made[0].drawn == {"random_state": bench_detectors.SEED}
    assert made[0].n_both > 0 == made[0].n_both % 4
    assert measured.value > 1.0


def test_without_pysad_its_figure_is_not_measurable(monkeypatch):
    monkeypatch.setitem(sys.modules, "pysad.models", None)  # what makes an import fail

    with pytest.raises(NotMeasurableError, match="make bench"):
        FIGURES["hst_vs_pysad"].measure(Bench(Path("unused")))
