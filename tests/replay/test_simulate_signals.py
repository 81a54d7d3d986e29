"""What a machinist with a spectrum analyser would hear, on healthy spindles and on faulty ones."""

import numpy as np
import pytest
from scipy import signal
from simulated import Signals, amplitude, listen, strongest_hz

from engine.errors import UsageError
from replay.simulate import FaultKind, Preset, ShopPlan, order_faults
from replay.simulate.bearing import FRONT_BEARING

FS = 12_800.0
NAMES = ("M1", "M2", "M3", "M4")
DURATION_S = 14.0
HEALTHY = ShopPlan(NAMES, Preset.DEMO, seed=5)


@pytest.fixture(scope="module")
def healthy() -> dict[str, Signals]:
    return listen(HEALTHY, DURATION_S)


def faulty(text: str, duration_s: float = DURATION_S):
    """What a spindle with one fault says, and the fault; those after it in the shop are left out, to save time."""
    spindles = NAMES[: NAMES.index(text.split(":")[1]) + 1]
    plan = order_faults(ShopPlan(spindles, Preset.DEMO, seed=5), [text])
    (fault,) = plan.faults
    return listen(plan, duration_s)[fault.spindle], fault


def first_cut(signals: Signals, section: str, after_s: float = 0.0):
    return next(cut for cut in signals.sections(section) if cut[1] >= after_s)


def off_order(frequency_hz: float, step_hz: float) -> float:
    """Distance to the nearest multiple of ``step_hz``, in steps."""
    return abs(frequency_hz / step_hz - round(frequency_hz / step_hz))


@pytest.mark.parametrize("name", NAMES)
def test_strongest_line_of_a_roughing_cut_belongs_to_the_tooth_passing(healthy, name):
    context, from_s, to_s = first_cut(healthy[name], "rough")

    line_hz = strongest_hz(healthy[name].vib(from_s + 0.3, to_s), FS)

    assert off_order(line_hz, context.rpm * context.n_teeth / 60) < 0.02


@pytest.mark.parametrize("name", NAMES)
def test_tooth_passing_line_towers_over_its_neighbours_in_roughing(healthy, name):
    context, from_s, to_s = first_cut(healthy[name], "rough")
    x, rev_hz = healthy[name].vib(from_s + 0.3, to_s), context.rpm / 60

    teeth, *neighbours = (
        amplitude(x, FS, order * rev_hz)
        for order in (context.n_teeth, context.n_teeth - 1, context.n_teeth + 1)
    )

    assert teeth > 2 * max(neighbours)


def test_roughing_shakes_more_than_finishing_and_both_more_than_air(healthy):
    for signals in healthy.values():
        rms = {}
        for section, settle_s in (("rough", 0.2), ("finish", 0.2), ("spin_up", 0.1)):
            _, from_s, to_s = first_cut(signals, section)
            rms[section] = signals.vib(from_s + settle_s, to_s).std()

        assert rms["rough"] > 1.2 * rms["finish"] > 2.4 * rms["spin_up"]


def test_level_varies_a_few_percent_from_cut_to_cut():
    signals = listen(ShopPlan(("M1",), Preset.DEMO, seed=5), 60.0)["M1"]
    levels = [signals.vib(from_s + 0.3, to_s).std() for _, from_s, to_s in signals.sections("rough")]

    assert 0.01 < np.std(levels) / np.mean(levels) < 0.08


def test_once_per_revolution_line_in_air_grows_with_the_square_of_the_speed():
    signals = listen(ShopPlan(("M1", "M2"), Preset.SHOP, seed=1), 110.0)["M2"]
    slow, *_, fast = signals.sections("approach")[:3]

    lines = [amplitude(signals.vib(a + 0.1, b), FS, context.rpm / 60) for context, a, b in (slow, fast)]

    assert lines[1] / lines[0] == pytest.approx((fast[0].rpm / slow[0].rpm) ** 2, rel=0.1)


def test_current_rises_from_air_to_cut_and_with_the_depth_of_the_cut(healthy):
    for signals in healthy.values():
        _, rough_s, rough_end_s = first_cut(signals, "rough")
        _, finish_s, finish_end_s = first_cut(signals, "finish")

        rough = signals.current(rough_s + 0.3, rough_end_s).mean()
        finish = signals.current(finish_s + 0.3, finish_end_s).mean()

        assert rough > 1.2 * finish > 1.2 * 7.0  # more than the magnetising current


def test_standing_spindle_is_quiet(healthy):
    _, from_s, to_s = healthy["M1"].sections("tool_change")[1]

    assert healthy["M1"].vib(from_s + 0.05, to_s).std() < 0.015
    assert abs(healthy["M1"].current(from_s + 0.05, to_s).mean()) < 0.2


@pytest.mark.parametrize("rate_hz", [25_600.0, 51_200.0])
def test_level_of_a_cut_does_not_depend_on_the_sample_rate(healthy, rate_hz):
    signals = listen(ShopPlan(("M1",), Preset.DEMO, seed=5, vib_rate_hz=rate_hz), 3.0)["M1"]
    _, from_s, to_s = healthy["M1"].sections("rough")[0]

    assert signals.vib(from_s + 0.3, to_s).std() == pytest.approx(
        healthy["M1"].vib(from_s + 0.3, to_s).std(), rel=0.2
    )


@pytest.mark.parametrize("name", NAMES)
def test_broken_tool_shows_at_once_per_revolution_orders(healthy, name):
    signals, fault = faulty(f"tool_breakage@6:{name}")
    context, rev_hz = next(
        (c, c.rpm / 60) for c, a, b in signals.sections("rough", "finish") if a < fault.start_s < b
    )
    cut_s = (fault.start_s + 0.05, fault.start_s + 0.55)

    before, after = (
        max(amplitude(one.vib(*cut_s), FS, order * rev_hz) for order in range(1, context.n_teeth))
        for one in (healthy[name], signals)
    )

    assert after > 2 * before


def test_chatter_is_a_growing_tone_between_the_orders():
    signals, fault = faulty("chatter@6:M1")
    rev_hz = next(c.rpm / 60 for c, a, b in signals.sections("rough", "finish") if a < fault.start_s < b)

    tone = signals.vib(fault.end_s - 0.4, fault.end_s)
    tone_hz = strongest_hz(tone, FS)
    early = amplitude(signals.vib(fault.start_s, fault.start_s + 0.2), FS, tone_hz)

    assert off_order(tone_hz, rev_hz) > 0.2
    assert 700.0 < tone_hz < 1100.0
    assert amplitude(tone, FS, tone_hz) > 3 * early


@pytest.mark.parametrize(
    ("kind", "order"),
    [
        ("bearing", FRONT_BEARING.outer_order),
        ("bearing_inner", FRONT_BEARING.inner_order),
        ("bearing_ball", 2.0 * FRONT_BEARING.ball_order),
    ],
)
def test_envelope_of_a_damaged_bearing_shows_its_ball_passing(healthy, kind, order):
    signals, fault = faulty(f"{kind}@2-12:M4")
    context, from_s, to_s = signals.sections("finish")[1]
    sos = signal.butter(4, (3600.0, 5600.0), "bandpass", fs=FS, output="sos")

    def ball_line(one: Signals) -> float:
        envelope = np.abs(signal.hilbert(signal.sosfiltfilt(sos, one.vib(from_s + 0.3, to_s)))) ** 2
        line = amplitude(envelope - envelope.mean(), FS, order * context.rpm / 60)
        return line / envelope.std()

    assert fault.start_s < from_s
    assert ball_line(signals) > 5 * ball_line(healthy["M4"])


def test_wear_raises_current_and_vibration_slowly(healthy):
    signals, fault = faulty("tool_wear@0-13:M1")
    cuts = signals.sections("rough")

    ratios = [
        (
            signals.current(a + 0.3, b).mean() / healthy["M1"].current(a + 0.3, b).mean(),
            signals.vib(a + 0.3, b).std() / healthy["M1"].vib(a + 0.3, b).std(),
        )
        for _, a, b in cuts
    ]

    assert fault.tool == cuts[0][0].tool
    assert ratios[0] < (1.1, 1.3)
    assert ratios[-1] > (1.1, 1.3)


def test_missing_tool_leaves_a_cut_that_sounds_like_air(healthy):
    signals, fault = faulty("missing_tool@6:M1")
    context, from_s, to_s = next(cut for cut in signals.sections("rough", "finish") if cut[1] > fault.start_s)
    _, air_s, air_end_s = first_cut(signals, "approach", fault.start_s - 0.2)

    assert context.cutting
    assert healthy["M1"].vib(from_s, to_s).std() > 1.8 * signals.vib(from_s, to_s).std()
    assert signals.vib(from_s, to_s).std() == pytest.approx(signals.vib(air_s, air_end_s).std(), rel=0.2)
    assert signals.current(from_s, to_s).mean() < 0.95 * healthy["M1"].current(from_s, to_s).mean()


def test_half_a_missing_cut_takes_half_the_torque(healthy):
    torque_a = []
    for severity in ("0.5", "1"):
        signals, fault = faulty(f"missing_tool@6:M4:{severity}", 10.0)
        _, from_s, to_s = next(c for c in signals.sections("rough", "finish") if c[1] > fault.start_s)
        torque_a.append(np.sqrt(signals.current(from_s, to_s).mean() ** 2 - 7.0**2))
    whole_a = np.sqrt(healthy["M4"].current(from_s, to_s).mean() ** 2 - 7.0**2)

    assert torque_a[0] - torque_a[1] == pytest.approx((whole_a - torque_a[1]) / 2, rel=0.15)


def test_imbalance_is_there_at_once_and_stays_with_the_next_part(healthy):
    signals, fault = faulty("imbalance@6:M2")
    ratios = [
        amplitude(signals.vib(a, b), FS, context.rpm / 60)
        / amplitude(healthy["M2"].vib(a, b), FS, context.rpm / 60)
        for context, a, b in signals.sections("approach")
        if a > fault.start_s
    ]

    assert fault.end_s == 66.0
    assert len(ratios) > 2
    np.testing.assert_allclose(ratios, 16.0 / 2.5, rtol=0.15)


def test_collision_is_a_blow_and_a_drive_at_its_limit(healthy):
    signals, fault = faulty("collision@6:M2")
    blow_s = (fault.start_s, fault.start_s + 0.1)

    assert np.abs(signals.vib(*blow_s)).max() > 8 * np.abs(healthy["M2"].vib(*blow_s)).max()
    assert signals.current(*blow_s).max() > 85.0
    assert (
        signals.vib(fault.start_s + 0.2, fault.start_s + 0.5).std()
        > 1.25 * healthy["M2"].vib(fault.start_s + 0.2, fault.start_s + 0.5).std()
    )


def test_dropout_is_missing_blocks_of_the_accelerometer_alone():
    signals, fault = faulty("sensor_dropout@6-9:M3", 12.0)
    missing = np.flatnonzero(np.isnan(signals.vib_g[0])) / FS

    assert (fault.start_s, fault.end_s) == (6.0, 9.0)
    assert missing.min() == pytest.approx(6.0, abs=0.051)
    assert missing.max() == pytest.approx(9.0, abs=0.051)
    assert missing.size == pytest.approx(3.0 * FS, abs=0.1 * FS)
    assert not np.isnan(signals.current_a).any()


def test_flat_line_repeats_one_value():
    signals, _ = faulty("sensor_flat_line@6.123-8:M3")
    held = signals.vib_g[0, round(6.125 * FS) : round(7.99 * FS)]

    assert np.ptp(held) == 0.0
    assert np.ptp(signals.vib_g[1, round(6.125 * FS) : round(7.99 * FS)]) > 0.0
    assert np.ptp(signals.vib_g[0, round(8.0 * FS) : round(8.1 * FS)]) > 0.0


def test_drift_scales_one_channel_and_shifts_the_current(healthy):
    signals, _ = faulty("sensor_drift@1-13:M1")
    at_s = (12.9, 13.0)

    assert signals.vib(*at_s).std() == pytest.approx(1.6 * healthy["M1"].vib(*at_s).std(), rel=0.01)
    np.testing.assert_array_equal(signals.vib_g[1], healthy["M1"].vib_g[1])
    assert signals.current(*at_s).mean() == pytest.approx(4.0 + healthy["M1"].current(*at_s).mean(), rel=0.02)


@pytest.mark.parametrize("kind", list(FaultKind))
def test_fault_changes_nothing_before_it_begins_nor_elsewhere(healthy, kind):
    plan = order_faults(ShopPlan(("M1", "M2"), Preset.DEMO, seed=5), [f"{kind}@6:M2"])
    start_s = plan.faults[0].start_s

    signals = listen(plan, 8.5)

    for name in plan.spindles:
        until = round((8.5 if name != "M2" else start_s - 0.05) * FS)
        np.testing.assert_array_equal(signals[name].vib_g[:, :until], healthy[name].vib_g[:, :until])
    assert not np.array_equal(signals["M2"].vib_g, healthy["M2"].vib_g[:, : signals["M2"].vib_g.shape[1]])


@pytest.mark.parametrize("kind", [FaultKind.TOOL_BREAKAGE, FaultKind.COLLISION])
def test_after_an_abrupt_fault_the_spindle_is_well_again(healthy, kind):
    signals, fault = faulty(f"{kind}@4:M1")
    after = round((fault.end_s + 1.0) * FS)

    np.testing.assert_allclose(signals.vib_g[:, after:], healthy["M1"].vib_g[:, after:], atol=1e-4)


def test_severity_scales_the_fault():
    peaks = []
    for severity in ("0.5", "1", "2"):
        signals, fault = faulty(f"collision@6:M2:{severity}", 9.0)
        peaks.append(np.abs(signals.vib(fault.start_s, fault.start_s + 0.05)).max())

    assert peaks[0] < 0.7 * peaks[1] < 0.49 * peaks[2]


def test_converter_clips_at_its_full_scale():
    signals, fault = faulty("collision@6:M2:10", 9.0)

    assert np.nanmax(np.abs(signals.vib_g)) == 50.0
    assert fault.severity == 10.0


def test_rate_that_cuts_no_whole_blocks_is_refused():
    with pytest.raises(UsageError, match="vibration rate must be a multiple of 20 Hz"):
        ShopPlan(("M1",), vib_rate_hz=12_345.0)
