"""The learned tier on real recordings, without the flow around it. Figures with their protocol: replay and perf."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from detectors.baseline import Baseline
from detectors.dynamic import DynamicChange
from engine.config import load_config
from engine.records import Feature

SKAB_TAUGHT = 400


def skab_runs(traces: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    runs = []
    for path in sorted((traces / "skab").glob("*/[0-9]*.csv")):
        with path.open(encoding="utf-8") as file:
            rows = list(csv.reader(file, delimiter=";"))[1:]
        values = np.array([[float(value) for value in row[1:9]] for row in rows])
        runs.append((values, np.array([float(row[9]) > 0.0 for row in rows])))
    return runs


def levels(samples: np.ndarray, n_window: int, n_hop: int) -> np.ndarray:
    windows = np.lib.stride_tricks.sliding_window_view(samples, n_window)[::n_hop].astype(np.float64)
    windows = windows - windows.mean(axis=1, keepdims=True)
    rms = np.sqrt((windows**2).mean(axis=1))
    peak = np.abs(windows).max(axis=1)
    return np.column_stack([rms, peak, peak / rms, (windows**4).mean(axis=1) / rms**4])


SHAPES = (
    Feature("vib.rms", "g", True),
    Feature("vib.peak", "g", True),
    Feature("vib.crest_factor", "", True),
    Feature("vib.kurtosis", "", True),
)


def test_pump_faults_are_found_with_few_false_exceedances(traces: Path) -> None:
    features = [Feature(f"channel_{i}.value", "", False) for i in range(8)]
    exceeding, faulty = [], []
    for values, fault in skab_runs(traces):
        baseline = Baseline(features, load_config().detectors, SKAB_TAUGHT)
        for vector in values[:SKAB_TAUGHT]:
            baseline.learn(vector)
        exceeding += [baseline.score(vector).score >= 1.0 for vector in values[SKAB_TAUGHT:]]
        faulty += fault[SKAB_TAUGHT:].tolist()
    said, true = np.array(exceeding), np.array(faulty)

    hits, false, missed = (said & true).sum(), (said & ~true).sum(), (~said & true).sum()

    assert len(true) == 10_257
    assert hits / (hits + (false + missed) / 2) >= 0.78
    assert false / (~true).sum() <= 0.25


@pytest.mark.parametrize("fault", ["InnerRaceFault_vload_1", "OuterRaceFault_vload_4"])
def test_impulses_of_a_bearing_fault_exceed_a_surrogate_of_equal_spectrum(traces: Path, fault: str) -> None:
    with np.load(traces / "mfpt" / f"{fault}.npz") as recording:
        faulty = recording["gs"].astype(np.float64).ravel()
    spectrum = np.abs(np.fft.rfft(faulty))
    phases = np.exp(2j * np.pi * np.random.default_rng(0).random((3, spectrum.size)))
    healthy = np.fft.irfft(spectrum * phases, faulty.size).ravel()
    baseline = Baseline(SHAPES, load_config().detectors, 45)
    vectors = levels(healthy, 9766, 4883)
    for vector in vectors[:45]:
        baseline.learn(vector)

    quiet = [baseline.score(vector).score for vector in vectors[45:]]
    loud = [baseline.score(vector).score for vector in levels(faulty, 9766, 4883)]

    assert max(quiet) < 1.0
    assert min(loud[10:]) >= 1.0


def test_steady_milling_never_looks_like_a_sudden_change(traces: Path) -> None:
    with np.load(traces / "nasa_milling_truncated" / "case01_run01.npz") as recording:
        steady = recording["smcAC"][2496:6976].astype(
            np.float64
        )  # 9.984 to 27.904 s: entry and exit left out
    dynamic = DynamicChange(SHAPES)

    scores = []
    for vector in levels(steady, 50, 25):
        scores.append(dynamic.score(vector).score)
        dynamic.learn(vector)

    assert np.nanmax(scores) < 0.7
