import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import signal

from replay.simulate.cutting import N_ANGLES, STEEL, Cut, Tool, cutting_forces
from replay.simulate.drive import LIMIT_A, Drive
from replay.simulate.structure import Mode, Structure, chatter_amplitude, chatter_hz

TOOL = Tool("T1", 20.0, 4, 30.0, 0.0)
CUT = Cut(TOOL, "rough", 3000.0, 0.1, 5.0, 8.0, 30.0)


def orders(values):
    return np.abs(np.fft.rfft(values)) / N_ANGLES


def test_mean_torque_is_the_energy_of_the_chip_and_of_the_edges():
    engaged_rad = math.acos(1 - 2 * CUT.width_mm / TOOL.diameter_mm)
    chip_mm3 = CUT.depth_mm * CUT.width_mm * CUT.chip_mm * TOOL.n_teeth
    path_mm2 = CUT.depth_mm * TOOL.diameter_mm / 2 * engaged_rad * TOOL.n_teeth
    energy_nm = (STEEL.shear_t_n_mm2 * chip_mm3 + STEEL.edge_t_n_mm * path_mm2) / 1000

    torque_nm = cutting_forces(CUT, STEEL).torque_nm

    assert torque_nm.mean() == pytest.approx(energy_nm / (2 * math.pi), rel=2e-3)


def test_forces_without_runout_repeat_with_every_tooth():
    forces = cutting_forces(CUT, STEEL)

    np.testing.assert_allclose(np.roll(forces.x_n, N_ANGLES // 4), forces.x_n, atol=1e-9)
    np.testing.assert_allclose(np.roll(forces.torque_nm, N_ANGLES // 4), forces.torque_nm, atol=1e-9)


def test_tooth_passing_is_the_strongest_order_of_the_force():
    forces = cutting_forces(replace(CUT, tool=replace(TOOL, runout_mm=0.01)), STEEL)

    assert 1 + np.argmax(orders(forces.y_n)[1:]) == TOOL.n_teeth


def test_runout_adds_a_line_once_per_revolution_and_no_torque():
    true = cutting_forces(CUT, STEEL)
    eccentric = cutting_forces(replace(CUT, tool=replace(TOOL, runout_mm=0.02)), STEEL)

    assert orders(eccentric.x_n)[1] > 1000 * orders(true.x_n)[1]
    assert eccentric.torque_nm.mean() == pytest.approx(true.torque_nm.mean())


def test_next_tooth_cuts_what_a_broken_one_leaves():
    whole = cutting_forces(CUT, STEEL)
    broken = cutting_forces(CUT, STEEL, broken=1.0)
    edge_nm = cutting_forces(replace(CUT, chip_mm=0.0), STEEL).torque_nm.mean()

    assert orders(broken.y_n)[1] > 0.2 * whole.mean_n
    assert orders(whole.y_n)[1] == pytest.approx(0.0, abs=1e-9)
    assert broken.torque_nm.mean() == pytest.approx(whole.torque_nm.mean() - edge_nm / TOOL.n_teeth)


def test_torque_is_proportional_to_depth():
    shallow = cutting_forces(CUT, STEEL).torque_nm.mean()
    deep = cutting_forces(replace(CUT, depth_mm=2 * CUT.depth_mm), STEEL).torque_nm.mean()

    assert deep == pytest.approx(2 * shallow, rel=2e-3)


def test_helix_smooths_the_force():
    straight = cutting_forces(replace(CUT, tool=replace(TOOL, helix_deg=0.0)), STEEL).y_n
    helical = cutting_forces(replace(CUT, tool=replace(TOOL, helix_deg=45.0)), STEEL).y_n

    assert np.abs(np.diff(helical)).max() < 0.2 * np.abs(np.diff(straight)).max()


def test_wear_raises_torque_by_more_than_a_tenth_and_less_than_a_half():
    ratio = (
        cutting_forces(CUT, STEEL, wear=1.0).torque_nm.mean() / cutting_forces(CUT, STEEL).torque_nm.mean()
    )

    assert 1.1 < ratio < 1.5


@pytest.mark.parametrize("fs", [12_800.0, 25_600.0])
def test_mode_answers_as_mass_far_above_and_as_damper_at_its_resonance(fs):
    mode = Mode(500.0, 0.05, 10.0)
    impulse = np.zeros(2**16)
    impulse[0] = 1.0

    accelerance = np.abs(np.fft.rfft(Structure((mode,), fs).respond(impulse)))
    frequencies = np.fft.rfftfreq(impulse.size, 1 / fs)

    assert accelerance[np.argmin(np.abs(frequencies - 500.0))] == pytest.approx(1 / (2 * 0.05 * 10), rel=0.02)
    assert accelerance[-1] == pytest.approx(1 / 10, rel=0.02)
    assert accelerance[0] == pytest.approx(0.0, abs=1e-9)


def test_structure_does_not_notice_how_its_input_was_cut():
    rng = np.random.default_rng(3)
    force = rng.standard_normal(1000)
    modes = (Mode(60.0, 0.1, 100.0), Mode(900.0, 0.05, 50.0))

    whole = Structure(modes, 12_800.0).respond(force)
    parts = Structure(modes, 12_800.0)
    joined = np.concatenate([parts.respond(part) for part in np.split(force, (1, 7, 500))])

    np.testing.assert_array_equal(whole, joined)


@pytest.mark.parametrize("rpm", [1260.0, 3000.0, 7800.0])
def test_chatter_lies_above_its_mode_and_between_orders(rpm):
    order = chatter_hz(Mode(870.0, 0.05, 90.0), rpm) / (rpm / 60)

    assert 0.2 < order % 1.0 < 0.8
    assert order * rpm / 60 == pytest.approx(1.03 * 870.0, abs=rpm / 60)


def test_chatter_grows_to_a_limit_set_by_the_chip():
    age_s = np.array([-0.1, 0.0, 0.1, 0.2, 5.0, 9.0])

    thin, thick = (chatter_amplitude(age_s, chip_mm, 900.0) for chip_mm in (0.1, 0.2))

    assert thin[0] == 0.0
    assert np.all(np.diff(thin) >= 0.0)
    assert thin[-1] == pytest.approx(thin[-2])
    np.testing.assert_allclose(thick, 2 * thin)


def steady_current(torque_nm, rpm=3000.0):
    drive = Drive(2000.0, np.random.default_rng(0))
    constant = np.ones(2000)
    for _ in range(3):  # the first second is spent on reaching the speed
        current_a, load_pct, _ = drive.advance(rpm * constant, 0.0 * constant, torque_nm * constant)
    return current_a.mean(), load_pct


def test_current_rises_with_load_but_hardly_at_light_load():
    idle, light, heavy = (steady_current(torque_nm)[0] for torque_nm in (0.0, 2.0, 40.0))

    assert idle < light < 1.1 * idle
    assert heavy > 3 * idle


def test_load_meter_is_linear_in_torque():
    idle, some, more = (steady_current(torque_nm)[1] for torque_nm in (0.0, 20.0, 40.0))

    assert more - some == pytest.approx(some - idle, abs=2.0)


def test_current_never_exceeds_the_limit_of_the_drive():
    current_a, load_pct = steady_current(1000.0)

    assert current_a == pytest.approx(LIMIT_A, rel=0.02)
    assert load_pct == pytest.approx(200.0, abs=2.0)


def test_spindle_warms_slowly_towards_what_its_load_can_hold():
    drive = Drive(2000.0, np.random.default_rng(0))
    constant = np.ones(2000)
    before_c = drive.temperature_c

    temperatures = [drive.advance(6000 * constant, 0 * constant, 40 * constant)[2] for _ in range(300)]

    assert before_c + 1.0 < temperatures[-1] < before_c + 15.0
    assert signal.medfilt(temperatures, 31)[15:-15].argmax() > 250


@pytest.mark.parametrize("rpm", [7210.0, 11_030.0])
def test_a_sampled_force_has_no_line_beside_the_orders_of_the_spindle(rpm):
    tool = Tool("T1", 25.0, 3, 8.0, 0.006)
    forces = cutting_forces(Cut(tool, "rough", rpm, 0.15, 3.0, 12.0, 30.0), STEEL)
    fs, turns = 12_800.0, np.arange(12_800) * rpm / 60.0 / 12_800.0

    def beside(curve):
        x = np.interp(turns % 1.0, np.arange(curve.size + 1) / curve.size, np.append(curve, curve[0]))
        power = np.abs(np.fft.rfft(np.hanning(x.size) * x)) ** 2
        order = np.fft.rfftfreq(x.size, 1.0 / fs) / (rpm / 60.0)
        return power[np.abs(order - np.round(order)) > 0.2].sum() / power.sum()

    assert beside(forces.below(0.45 * fs, 900.0, rpm).x_n) < 0.1 * beside(forces.x_n)
    assert forces.below(0.45 * fs, 900.0, rpm).torque_nm.mean() == pytest.approx(forces.torque_nm.mean())
