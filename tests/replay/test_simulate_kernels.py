"""The compiled loops of the simulator against slow, obvious twins."""

import math

import numpy as np
import pytest
from scipy import signal

from replay.simulate.kernels import G_M_S2, follow, look_up, respond, shake, sin_turns, turn
from replay.simulate.structure import HEAD, NOSE, WALL, Structure

FS = 12_800.0
RNG = np.random.default_rng(4)


@pytest.mark.parametrize("turns", [*np.linspace(-2.0, 2.0, 81), 1e6 + 0.3, -1e6 - 0.7])
def test_sine_is_the_sine(turns):
    assert sin_turns(turns) == pytest.approx(math.sin(2.0 * math.pi * (turns % 1.0)), abs=1e-7)


def test_structure_answers_as_the_filters_of_its_modes_together():
    force = RNG.standard_normal(500)
    structure = Structure((HEAD, NOSE, WALL), FS)
    out = np.empty(500)

    respond(force, structure.filters, structure.state, out)

    wanted = sum(signal.lfilter(one[:3], [1.0, *one[3:]], force) for one in structure.filters)
    np.testing.assert_allclose(out, wanted, rtol=1e-9, atol=1e-12)


def test_motion_follows_straight_lines_and_its_angle_is_their_sum():
    corners_s, corners = (
        np.array([9.9, 10.1, 10.3, 10.6]),
        np.array([[0, 0], [3000, 0], [3000, 1], [600, 0.5]], float),
    )
    knots, out = 1.0 + 0.01 * RNG.standard_normal((6, 2)), np.empty((4, 6400))

    after = turn(10.0, FS, corners_s, corners, 0.1, knots, 0.25, out)

    t_s = 10.0 + np.arange(6400) / FS
    wander = [np.interp(t_s - 10.0, 0.1 * np.arange(6), knots[:, column]) for column in (0, 1)]
    rpm = np.interp(t_s, corners_s, corners[:, 0]) * wander[0]
    turned = 0.25 + np.cumsum(rpm / (60.0 * FS))
    np.testing.assert_allclose(out[:2], [t_s, rpm], rtol=1e-9)
    np.testing.assert_allclose(out[2], [0.25, *turned[:-1]], rtol=1e-9)
    np.testing.assert_allclose(out[3], np.interp(t_s, corners_s, corners[:, 1]) * wander[1], atol=1e-9)
    assert after == pytest.approx(turned[-1])


def test_force_is_looked_up_by_angle_in_between_those_of_the_table():
    revolution, engaged, table = RNG.uniform(-3.0, 9.0, 300), RNG.random(300), RNG.standard_normal(2520)
    out = np.empty(300)

    look_up(revolution, engaged, 0.5, table, out)

    force = np.interp(revolution % 1.0, np.arange(2521) / 2520, [*table, table[0]])
    np.testing.assert_allclose(out, 0.5 * engaged * force, atol=1e-10)


def test_drive_follows_with_a_lag_and_within_its_limit():
    wanted, out = 3.0 * RNG.standard_normal(400), np.empty(400)

    last = follow(wanted, 2.0, 0.9, 1.5, out)

    wanted_out = signal.lfilter([0.1], [1.0, -0.9], np.clip(wanted, -2.0, 2.0), zi=[0.9 * 1.5])[0]
    np.testing.assert_allclose(out, wanted_out)
    assert last == out[-1]


def test_housing_shakes_by_all_that_moves_it():
    n_samples = 700
    t_s, angle = np.arange(n_samples) / FS, np.linspace(0.3, 4.2, n_samples)
    motion = np.stack([t_s, np.linspace(2000.0, 3000.0, n_samples), angle, np.ones(n_samples)])
    forces = 20.0 * RNG.standard_normal((6, n_samples))
    noise = RNG.standard_normal((4, n_samples)).astype(np.float32)
    faults = np.stack(
        [1.0 + RNG.random(n_samples), 1.0 + RNG.random(n_samples), RNG.integers(0, 2, n_samples)]
    )
    levels = np.array([0.008, 0.3, 5.0, 0.02, 7.7, 0.4, 0.006, 49.2, 0.008, 0.01])
    filters = np.stack([Structure(modes, FS).filters for modes in ((HEAD, NOSE, WALL), (NOSE, WALL, HEAD))])
    out = np.empty((2, n_samples))

    shake(motion, forces, noise, faults, filters, np.zeros((2, 3, 2)), levels, out)

    def sine(turns):
        return np.sin(2.0 * np.pi * turns)

    krpm = motion[1] / 1000.0
    rough = np.hypot(forces[2], 5.0 * krpm * faults[0])
    once = 0.008 * krpm**2
    for way in (0, 1):
        pushed = forces[way] + rough * noise[way] + forces[5]
        moved = (
            sum(signal.lfilter(one[:3], [1.0, *one[3:]], pushed) for one in filters[way]) + forces[3 + way]
        )
        moved += 0.02 * krpm * sine(0.4 + 7.7 * (angle - angle[0]))
        moved += once * faults[1] * sine(angle + 0.25 * way)
        moved += 0.3 * once * sine(2.0 * angle + 0.1 + 0.25 * way)
        own_g = np.hypot(0.008, 0.01 * faults[2])
        wanted = moved / G_M_S2 + own_g * noise[2 + way] + 0.006 * faults[2] * sine(49.2 * t_s)
        np.testing.assert_allclose(out[way], wanted, atol=1e-6)
