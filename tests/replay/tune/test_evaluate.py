import signal
from pathlib import Path

import pytest
from tunable import tunables

from engine.config import load_config, parse_config
from engine.errors import SpindlewatchError
from replay.tune.evaluate import Evaluator, Task


def test_a_process_that_dies_is_one_error(tmp_path):
    with Evaluator(tunables(tmp_path, 2), n_jobs=2) as evaluator:
        evaluator._pool.submit(signal.raise_signal, signal.SIGKILL)

        with pytest.raises(SpindlewatchError, match="died"):
            evaluator.scores([Task(load_config(), 0)] * 2)


def test_a_configuration_that_does_not_fit_a_recording_says_why(tmp_path):
    limits = parse_config('[[limits]]\nfeature = "load.value"\nabove = 1.0\n')
    ill = parse_config('[scalar]\nfeatures = ["nosuch"]\n')

    with Evaluator(tunables(tmp_path, 2)) as evaluator:
        fits, says = evaluator.scores([Task(limits, 0), Task(ill, 1)])

    assert fits.n_faults == 1
    assert "nosuch" in says


def test_features_of_many_ways_to_measure_do_not_pile_up(tmp_path):
    ways = [parse_config(f"[scalar]\nn_history = {n}\n") for n in range(2, 20)]

    with Evaluator(tunables(tmp_path, 2)) as evaluator:
        for way in ways:
            evaluator.scores([Task(way, 0)])

        assert len(list(Path(evaluator._folder.name).iterdir())) == 12
