"""The figures of the ensemble are of what the flow runs by default, and of vectors in the order that is said."""

import sys
from pathlib import Path

import numpy as np
import pytest

from detectors.baseline import Baseline
from engine.config import load_config
from perf import bench_ensemble
from perf.figures import FIGURES, Bench, NotMeasurableError


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    """Less than an hour."""
    made = bench_ensemble.default_ensemble
    monkeypatch.setattr(bench_ensemble, "default_ensemble", lambda: made(n_before=100))


def test_ratio_to_river_can_be_measured_on_a_few_rows():
    measured = FIGURES["ensemble_vs_river"].measure(Bench(Path("unused")), n_rows=4)

    assert measured.value > 0.0
    assert "beside" in measured.note


def test_ratio_to_a_peer_is_its_time_over_ours(monkeypatch):
    monkeypatch.setattr(
        bench_ensemble, "rrcf_detector", lambda *_: lambda vector: sum(range(50_000)) + vector[0]
    )

    measured = FIGURES["ensemble_vs_rrcf"].measure(Bench(Path("unused")), n_rows=2, n_points=3)

    assert measured.value > 3.0


def test_without_rrcf_its_figure_is_not_measurable(monkeypatch):
    monkeypatch.setitem(sys.modules, "rrcf", None)  # what makes an import fail

    with pytest.raises(NotMeasurableError, match="make bench"):
        FIGURES["ensemble_vs_rrcf"].measure(Bench(Path("unused")))


def test_the_ensemble_is_the_default_one_taught_and_scoring(monkeypatch):
    made = []
    monkeypatch.setattr(
        bench_ensemble, "Baseline", lambda *args, **named: made.append(args) or Baseline(*args, **named)
    )

    ensemble = bench_ensemble.default_ensemble()
    scores = [ensemble(row) for row in bench_ensemble.vectors(20)]

    config = load_config()
    assert made[0][1:] == (list(config.detectors), config.learn.n_vectors_waveform)
    assert np.isfinite(scores).all()


def test_rows_are_handed_over_in_turn_over_and_over():
    seen = []
    work = bench_ensemble.in_turn(lambda row: seen.append(int(row[0])), np.arange(5.0)[:, None], 3)

    for _ in range(3):
        work()

    assert seen == [0, 1, 2, 3, 4, 0, 1, 2, 3]
