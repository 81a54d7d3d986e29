from __future__ import annotations

import numpy as np

from operators.kernels.stack import place_hop


def test_a_hop_lands_where_it_is_put_without_its_mean_and_nowhere_else() -> None:
    samples = np.arange(8, dtype=np.float32).reshape(2, 4)
    samples.flags.writeable = False
    rows = np.full((3, 10), 9.0, np.float32)

    place_hop(samples, np.array([1.0, 2.0]), rows[:2, 4:8])

    assert rows[:2, 4:8].tolist() == [[-1.0, 0.0, 1.0, 2.0], [2.0, 3.0, 4.0, 5.0]]
    assert (rows[2] == 9.0).all()
    assert (np.delete(rows, range(4, 8), axis=1) == 9.0).all()


def test_an_unknown_mean_makes_its_channel_nan_and_no_other() -> None:
    rows = np.zeros((2, 4), np.float32)

    place_hop(np.ones((2, 4), np.float32), np.array([np.nan, 0.5]), rows)

    assert np.isnan(rows[0]).all()
    assert (rows[1] == 0.5).all()


def test_a_large_mean_costs_no_more_than_the_samples_own_rounding() -> None:
    samples = (1e5 + np.random.default_rng(1).standard_normal((1, 1000))).astype(np.float32)
    exact = samples.astype(np.float64) - samples.astype(np.float64).mean()
    rows = np.zeros((1, 1000), np.float32)

    place_hop(samples, samples.astype(np.float64).mean(axis=1), rows)

    assert np.abs(rows - exact).max() <= np.spacing(np.float32(1e5)) / 2
