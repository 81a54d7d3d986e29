from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import oracles
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.config import Config, load_config, parse_config
from engine.declared import Bearing, Channel, DutyCycle, SensorGroup, Spindle
from engine.errors import ConfigError
from engine.records import Context, Feature
from operators.features import FeatureSet, check_config
from operators.kernels import time_domain as td
from operators.kernels.spectral import log_band_edges

VIB = SensorGroup("vib", "waveform", 25_600.0, (Channel("vib_x", "g"), Channel("vib_y", "g")))
CURRENT = SensorGroup("current", "waveform", 10_000.0, (Channel("current_u", "A", dc_coupled=True),))
LOAD = SensorGroup("load", "scalar", 2.0, (Channel("load_pct", "%"), Channel("state")))

PLAIN = parse_config("[diagnosis]\nenabled = false\n")

ALL = parse_config(
    """
    [diagnosis]
    enabled = false
    [waveform]
    time_features = ["mean", "std", "rms", "peak", "peak_to_peak", "crest_factor", "kurtosis", "skewness",
                     "shape_factor", "impulse_factor", "clearance_factor", "zero_crossing_rate_hz"]
    spectral_features = ["peak_hz", "entropy", "spread_hz", "centroid_hz"]
    n_bands = 4
    [scalar]
    features = ["std", "value", "slope"]
    """
)


def waveform(**keys: object) -> Config:
    """Only the configured features, with other keys of ``[waveform]``."""
    config = PLAIN
    return msgspec.structs.replace(config, waveform=msgspec.structs.replace(config.waveform, **keys))


def noise(*shape: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def test_features_stand_channel_by_channel_time_domain_before_bands_before_spectrum() -> None:
    feature_set = FeatureSet.for_group(VIB, waveform(n_bands=2, spectral_features=("entropy", "centroid_hz")))

    of_x = ["rms", "peak", "crest_factor", "kurtosis", "band_20_506_hz", "band_506_12800_hz", "entropy"]
    of_x.append("centroid_hz")
    assert feature_set.names == tuple(f"vib_{axis}.{name}" for axis in "xy" for name in of_x)


def test_feature_knows_its_unit_and_whether_it_varies_by_ratio() -> None:
    features = {f.name: f for f in FeatureSet.for_group(VIB, ALL).features}

    assert features["vib_x.rms"] == Feature("vib_x.rms", "g", True)
    assert features["vib_x.mean"] == Feature("vib_x.mean", "g", False, 0.05)
    assert features["vib_x.skewness"] == Feature("vib_x.skewness", "", False)
    assert features["vib_x.crest_factor"] == Feature("vib_x.crest_factor", "", True)
    assert features["vib_x.band_20_101_hz"] == Feature("vib_x.band_20_101_hz", "g", True)
    assert features["vib_x.centroid_hz"] == Feature("vib_x.centroid_hz", "Hz", True)


def test_a_spec_says_over_which_slices_a_feature_is_computed() -> None:
    spec = FeatureSet.for_group(VIB, ALL).specs[0]

    assert (spec.channel, spec.feature, spec.window_s, spec.hop_s) == ("vib_x", "mean", 0.2, 0.1)
    assert FeatureSet.for_group(LOAD, ALL).specs[0][2:] == (5.0, 0.5)


def test_dc_coupled_channels_have_their_own_features_and_bands_too() -> None:
    names = FeatureSet.for_group(CURRENT, waveform(n_bands=1)).names

    assert names == ("current_u.mean", "current_u.std", "current_u.peak_to_peak", "current_u.band_20_5000_hz")


def test_scalar_features_are_named_after_their_channel_and_have_a_unit_only_if_it_is_known() -> None:
    features = FeatureSet.for_group(LOAD, ALL).features

    assert features[:3] == (
        Feature("load_pct.std", "%", False),
        Feature("load_pct.value", "%", False),
        Feature("load_pct.slope", "%/s", False),
    )
    assert [feature.unit for feature in features[3:]] == ["", "", ""]


def test_waveform_features_equal_the_oracles() -> None:
    config = msgspec.structs.replace(ALL, waveform=msgspec.structs.replace(ALL.waveform, window_s=0.1))
    feature_set = FeatureSet.for_group(VIB, config)
    samples = noise(3, 2, 2560)

    got = feature_set.extract(samples)

    for window, vector in zip(samples, got, strict=True):
        wanted = []
        for row in window:
            power = oracles.power_spectrum(row, 2560)
            centroid, spread, entropy, peak = oracles.spectral_shape(power, 2, 10.0)
            wanted += oracles.time_features(row, False, 25_600.0)
            wanted += oracles.band_rms(power, 10.0, log_band_edges(20.0, 12_800.0, 4))
            wanted += [peak, entropy, spread, centroid]
        close = np.isclose(vector, wanted, rtol=1e-5, atol=1e-9)
        refined = np.array(["peak_hz" in name for name in feature_set.names])
        assert close[~refined].all()
        assert np.abs(vector - wanted)[refined].max() <= 5.0


def test_dc_coupled_amplitudes_are_measured_from_zero() -> None:
    samples = 40.0 + noise(1, 1, 2000)

    got = FeatureSet.for_group(CURRENT, waveform(dc_features=("rms", "std"), n_bands=0)).extract(samples)

    wanted = oracles.time_features(samples[0, 0], True, 10_000.0)
    np.testing.assert_allclose(got[0], [wanted[td.RMS], wanted[td.STD]], rtol=1e-9)
    assert got[0, 0] == pytest.approx(40.0, rel=0.01)


def test_ripple_of_a_dc_coupled_channel_is_in_its_bands_and_its_mean_is_not() -> None:
    t = np.arange(2000) / 10_000.0
    samples = (500.0 + np.sin(2 * np.pi * 300.0 * t)).astype(np.float32)[None, None]

    feature_set = FeatureSet.for_group(CURRENT, waveform(n_bands=4, dc_features=()))
    got = dict(zip(feature_set.names, feature_set.extract(samples)[0], strict=True))

    assert got["current_u.band_80_316_hz"] == pytest.approx(np.sqrt(0.5), rel=1e-3)
    assert got["current_u.band_20_80_hz"] < 1e-4


@pytest.mark.parametrize("n_samples", [1, 2, 3, 10])
def test_scalar_features_equal_the_oracle_for_any_history(n_samples: int) -> None:
    samples = 20.0 + noise(4, 2, n_samples)

    got = FeatureSet.for_group(LOAD, ALL).extract(samples)

    for window, vector in zip(samples, got, strict=True):
        values, slopes, stds = zip(*(oracles.history_features(row, 2.0) for row in window), strict=True)
        wanted = [stds[0], values[0], slopes[0], stds[1], values[1], slopes[1]]
        np.testing.assert_allclose(vector, wanted, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_bad_sample_silences_its_channel_and_no_other(bad: float) -> None:
    feature_set = FeatureSet.for_group(VIB, ALL)
    samples = noise(1, 2, 5120)
    well = feature_set.extract(samples)[0]
    samples[0, 1, 77] = bad

    got = feature_set.extract(samples)[0]

    n_half = len(well) // 2
    assert np.isnan(got[n_half:]).all()
    np.testing.assert_array_equal(got[:n_half], well[:n_half])


def test_silent_channel_has_levels_of_zero_and_no_ratios() -> None:
    feature_set = FeatureSet.for_group(VIB, ALL)

    got = dict(
        zip(feature_set.names, feature_set.extract(np.full((1, 2, 5120), 0.1, np.float32))[0], strict=True)
    )

    assert got["vib_x.rms"] == got["vib_x.band_20_101_hz"] == 0.0
    assert np.isnan([got["vib_x.crest_factor"], got["vib_x.kurtosis"], got["vib_x.centroid_hz"]]).all()


@pytest.mark.parametrize("rate_hz", [25_600.0, 48_828.0, 4999.0, 250.0])  # 250 Hz: 50 samples, five a band
@given(data=st.data())
def test_window_has_the_same_bits_alone_and_in_any_stack(rate_hz: float, data: st.DataObject) -> None:
    group = SensorGroup("vib", "waveform", rate_hz, VIB.channels)
    feature_set = FeatureSet.for_group(group, waveform(spectral_features=("entropy", "peak_hz")))
    samples = noise(9, 2, round(0.2 * rate_hz))
    samples[4, 1, 3] = np.nan
    edges = sorted(data.draw(st.sets(st.integers(1, 8))))

    together = feature_set.extract(samples)

    apart = np.concatenate([feature_set.extract(part) for part in np.split(samples, edges)])
    np.testing.assert_array_equal(apart, together)


def test_stack_larger_than_the_cache_is_no_different() -> None:
    feature_set = FeatureSet.for_group(VIB, PLAIN)
    samples = noise(30, 2, 5120)

    together = feature_set.extract(samples)

    np.testing.assert_array_equal(together, [feature_set.extract(window[None])[0] for window in samples])


def test_views_of_any_layout_are_taken_and_never_written() -> None:
    feature_set = FeatureSet.for_group(VIB, PLAIN)
    longer = noise(2, 6000)
    longer.flags.writeable = False
    view = longer[:, 500:5620]
    raw = (
        np.frombuffer(b"\0" + view.tobytes(), np.uint8)[1:].view(np.float32).reshape(1, 2, 5120)
    )  # unaligned

    np.testing.assert_array_equal(feature_set.extract(view[None]), feature_set.extract(view.copy()[None]))
    np.testing.assert_array_equal(feature_set.extract(raw), feature_set.extract(view.copy()[None]))


def test_no_windows_make_no_vectors() -> None:
    feature_set = FeatureSet.for_group(VIB, PLAIN)

    assert feature_set.extract(np.empty((0, 2, 5120), np.float32)).shape == (0, len(feature_set.features))


@pytest.mark.parametrize("shape", [(1, 2, 5119), (1, 1, 5120), (1, 3, 5120)])
def test_window_of_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="Expected windows of 2 channels x 5120 samples"):
        FeatureSet.for_group(VIB, PLAIN).extract(noise(*shape))


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ('[waveform]\ntime_features = ["rms", "kurtose"]', "waveform.time_features[1]"),
        ('[waveform]\ndc_features = ["band"]', "waveform.dc_features[0]"),
        ('[waveform]\nspectral_features = ["rms"]', "waveform.spectral_features[0]"),
        ('[scalar]\nfeatures = ["value", "rms"]', "scalar.features[1]"),
    ],
)
def test_unknown_feature_is_one_error_that_names_its_key_and_what_there_is(text: str, path: str) -> None:
    with pytest.raises(ConfigError, match=r"Expected one of .*, got ") as caught:
        check_config(parse_config(text))

    assert str(caught.value).endswith(f"at `$.{path}`")


def test_feature_named_twice_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"got 'rms' again - at `\$.waveform.time_features\[1\]`"):
        check_config(waveform(time_features=("rms", "rms")))


def test_group_left_without_any_feature_is_an_error() -> None:
    with pytest.raises(ConfigError, match="at least one feature for sensor group 'vib'"):
        FeatureSet.for_group(VIB, waveform(time_features=(), n_bands=0))


@pytest.mark.parametrize("keys", [{"n_bands": 1}, {"n_bands": 0, "spectral_features": ("entropy",)}])
def test_band_above_the_nyquist_frequency_is_an_error(keys: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=r"12800 Hz, got 12800 - at `\$.waveform.band_low_hz`"):
        FeatureSet.for_group(VIB, waveform(band_low_hz=12_800.0, **keys))


def test_bands_narrower_than_the_window_resolves_are_an_error() -> None:
    slow = SensorGroup("slow", "waveform", 100.0, VIB.channels)

    with pytest.raises(ConfigError, match=r"the 5 Hz that 20 samples .* - at `\$.waveform.n_bands`"):
        FeatureSet.for_group(slow, PLAIN)


def test_window_too_short_is_an_error() -> None:
    slow = SensorGroup("slow", "waveform", 10.0, VIB.channels)

    with pytest.raises(ConfigError, match=r"at least 16 samples, got 2 .* - at `\$.waveform.window_s`"):
        FeatureSet.for_group(slow, PLAIN)


def test_window_of_a_sleeping_sensor_is_its_burst() -> None:
    group = SensorGroup("vib", "waveform", 25_600.0, VIB.channels, duty_cycle=DutyCycle(0.1, 10.0))

    assert FeatureSet.for_group(group, PLAIN).extract(noise(1, 2, 2560)).shape == (1, 24)


COMPLETE = parse_config(
    """
    [diagnosis]
    enabled = false
    [waveform]
    spectral_features = ["velocity_rms"]
    envelope_features = ["envelope_kurtosis", "envelope_band_hz", "envelope_rms", "bpfo", "bpfi", "bsf", "ftf"]
    order_features = ["rev_1", "rev_2", "rev_3", "tooth_1", "tooth_2", "tooth_3", "asynchronous_share"]
    """
)
GEARED = SensorGroup(
    "vib",
    "waveform",
    25_600.0,
    (Channel("vib_x", "g", bearing=Bearing(9, 7.94, 39.04)), Channel("load_v", "V", dc_coupled=True)),
)


def turning(rpm: float | None = 3000.0, n_teeth: int | None = 4) -> Context:
    return Context("M1", 0, rpm=rpm, n_teeth=n_teeth)


def extracted(samples: np.ndarray, context: Context, group: SensorGroup = GEARED) -> dict[str, float]:
    feature_set = FeatureSet.for_group(group, COMPLETE)
    return dict(zip(feature_set.names, feature_set.extract(samples, [context])[0].tolist(), strict=True))


@pytest.mark.parametrize("rpm", [1711.0, 3000.0, 7423.0])
def test_lines_of_speed_and_teeth_have_the_size_of_the_tones_there(rpm: float) -> None:
    t, sizes = np.arange(5120) / 25_600.0, {1: 2.0, 2: 0.5, 4: 3.0, 8: 1.0}
    tones = sum(size * np.sin(2 * np.pi * order * rpm / 60 * t) for order, size in sizes.items())
    samples = np.stack([tones, 5.0 + tones]).astype(np.float32)[None]

    got = extracted(samples, turning(rpm))

    for name, size in (("rev_1", 2.0), ("rev_2", 0.5), ("tooth_1", 3.0), ("tooth_2", 1.0)):
        for channel in ("vib_x", "load_v"):
            assert got[f"{channel}.{name}"] == pytest.approx(size / np.sqrt(2), rel=2e-3)
    assert np.isnan(got["vib_x.asynchronous_share"]) if rpm < 2400 else got["vib_x.asynchronous_share"] < 1e-3


def test_velocity_is_the_integral_of_an_acceleration_in_g_and_of_nothing_else() -> None:
    t = np.arange(5120) / 25_600.0
    samples = np.stack([np.sin(2 * np.pi * 80.0 * t)] * 2).astype(np.float32)[None]

    got = extracted(samples, turning())

    assert got["vib_x.velocity_rms"] == pytest.approx(9806.65 / (2 * np.pi * 80.0) / np.sqrt(2), rel=1e-2)
    assert np.isnan(got["load_v.velocity_rms"])


def test_a_ringing_at_the_outer_race_frequency_is_a_line_of_that_race_above_all() -> None:
    t = np.arange(5120) / 25_600.0
    order = Bearing(9, 7.94, 39.04).orders[0]
    since = np.mod(t, 1 / (order * 50.0))
    ringing = np.exp(-1500 * since) * np.sin(2 * np.pi * 5000.0 * since)
    samples = np.stack([ringing + 0.02 * noise(5120), noise(5120)]).astype(np.float32)[None]

    got = extracted(samples, turning(3000.0))

    # Harmonics of races fall together here and there: twice BPFO is within a bin of three times BSF.
    assert got["vib_x.bpfo"] > 1.5 * max(got["vib_x.bpfi"], got["vib_x.bsf"], got["vib_x.ftf"])
    assert got["vib_x.envelope_kurtosis"] > 1.0
    assert not any(name.startswith("load_v.") and name.endswith("bpfo") for name in got)


@pytest.mark.parametrize(
    ("context", "name", "reason"),
    [
        (turning(rpm=None), "vib_x.rev_1", "rpm unknown"),
        (turning(rpm=None), "vib_x.bpfo", "rpm unknown"),
        (turning(rpm=0.0), "vib_x.asynchronous_share", "spindle not turning"),
        (turning(n_teeth=None), "vib_x.tooth_2", "tooth count unknown"),
        (turning(rpm=600.0), "vib_x.rev_2", "lines not resolved"),
        (turning(rpm=300_000.0), "vib_x.tooth_3", "rate too low"),
        (turning(), "load_v.velocity_rms", "unit is no acceleration"),
    ],
)
def test_a_feature_that_cannot_be_said_is_nan_and_says_why(context: Context, name: str, reason: str) -> None:
    feature_set = FeatureSet.for_group(GEARED, COMPLETE)
    values = feature_set.extract(noise(1, 2, 5120), [context])[0]

    told = feature_set.why(values, context)

    assert told[name] == reason
    assert set(told) == {n for n, value in zip(feature_set.names, values, strict=True) if np.isnan(value)}


def test_without_geometry_or_rate_lines_are_missing_for_that_reason() -> None:
    slow = SensorGroup("vib", "waveform", 1200.0, GEARED.channels)
    plain = SensorGroup("vib", "waveform", 25_600.0, (Channel("vib_x", "g"),))

    for group, reason in ((slow, "rate too low"), (plain, "bearing geometry unknown")):
        feature_set = FeatureSet.for_group(group, COMPLETE)
        n_window = round(0.2 * group.sample_rate_hz)
        values = feature_set.extract(noise(1, len(group.channels), n_window), [turning()])[0]
        assert feature_set.why(values, turning())["vib_x.bpfo"] == reason


def test_a_dead_channel_says_so_for_what_nothing_else_explains() -> None:
    feature_set = FeatureSet.for_group(GEARED, COMPLETE)
    samples = noise(1, 2, 5120)
    samples[0, 0, 7] = np.nan

    told = feature_set.why(feature_set.extract(samples, [turning()])[0], turning())

    assert told["vib_x.rms"] == told["vib_x.rev_1"] == "no usable samples, or none that vary"
    assert "load_v.rev_1" not in told


def test_close_edges_get_decimals_so_that_names_stay_apart() -> None:
    group = SensorGroup("slow", "waveform", 4.0, (Channel("tilt"),))
    config = waveform(window_s=60.0, hop_s=10.0, band_low_hz=0.5, n_bands=3, time_features=())

    assert FeatureSet.for_group(group, config).names == (
        "tilt.band_0p5_0p8_hz",
        "tilt.band_0p8_1p3_hz",
        "tilt.band_1p3_2p0_hz",
    )


def test_shop_has_a_set_for_every_group_and_groups_declared_alike_share_it() -> None:
    shop = FeatureSet.for_shop([Spindle("M1", (VIB, LOAD)), Spindle("M2", (VIB, CURRENT))], PLAIN)

    assert set(shop) == {("M1", "vib"), ("M1", "load"), ("M2", "vib"), ("M2", "current")}
    assert shop["M1", "vib"] is shop["M2", "vib"]


def test_life_of_a_real_bearing_has_the_levels_that_its_description_states(traces: Path) -> None:
    with np.load(traces / "femto" / "Bearing1_2.npz", allow_pickle=False) as recording:
        samples = recording["samples"]
    group = SensorGroup("vib", "waveform", 25_600.0, VIB.channels, duty_cycle=DutyCycle(0.1, 10.0))
    feature_set = FeatureSet.for_group(group, PLAIN)

    rms = feature_set.extract(samples)[:, feature_set.names.index("vib_x.rms")]

    # README of the traces, which does not say over how many records: 0.47 g at first, 0.31 to 0.35 g in
    # between, 1.7 g at the end. Single records scatter by 15 %; means of ten agree with all three.
    assert rms[:10].mean() == pytest.approx(0.47, abs=0.01)
    assert 0.30 < np.median(rms[200:600]) < 0.35
    assert rms[-10:].mean() == pytest.approx(1.7, abs=0.05)


def test_what_signatures_read_stands_behind_what_baselines_learn() -> None:
    plain, watched = (FeatureSet.for_group(VIB, config) for config in (PLAIN, load_config()))

    assert plain.n_learned == len(plain.names) == watched.n_learned
    assert watched.names[: watched.n_learned] == plain.names
    assert watched.names[watched.n_learned :] == (
        *("vib_x.velocity_rms", "vib_x.rev_1", "vib_x.tooth_1"),
        *("vib_y.velocity_rms", "vib_y.rev_1", "vib_y.tooth_1"),
    )
    samples = noise(3, 2, 5120)
    np.testing.assert_array_equal(watched.extract(samples)[:, : plain.n_learned], plain.extract(samples))


def test_a_long_window_has_lines_where_the_short_one_cannot_tell_them_apart() -> None:
    short = FeatureSet.for_group(VIB, load_config())
    assert short.long is not None
    slow = Context("M1", 0, rpm=1500.0)

    samples = noise(1, 2, 12_800)

    assert "vib_x.asynchronous_share" not in short.long.why(short.long.extract(samples, [slow])[0], slow)
    why = FeatureSet.for_group(VIB, COMPLETE).why(
        FeatureSet.for_group(VIB, COMPLETE).extract(samples[:, :, -5120:], [slow])[0], slow
    )
    assert why["vib_x.asynchronous_share"] == "lines not resolved"


def test_a_note_of_a_cutter_too_slow_to_tell_its_orders_apart_is_found_between_those_of_its_teeth() -> None:
    long = FeatureSet.for_group(VIB, load_config()).long
    assert long is not None
    t = np.arange(12_800) / 25_600.0
    teeth = sum(np.sin(2 * np.pi * 500.0 / 60 * 4 * k * t) for k in range(1, 40))
    samples = (teeth + 0.8 * np.sin(2 * np.pi * 815.0 * t)).astype(np.float32)
    window = np.stack([samples, samples])[None]

    def heard(n_teeth: int | None) -> dict[str, float]:
        return dict(zip(long.names, long.extract(window, [turning(500.0, n_teeth)])[0].tolist(), strict=True))

    assert heard(4)["vib_x.asynchronous_hz"] == pytest.approx(815.0, abs=0.5)
    assert np.isnan(heard(None)["vib_x.asynchronous_hz"])
    why = long.why(long.extract(window, [turning(500.0, None)])[0], turning(500.0, None))
    assert why["vib_x.asynchronous_hz"] == "lines not resolved"


def test_slow_values_have_no_long_windows() -> None:
    assert FeatureSet.for_group(LOAD, load_config()).long is None
