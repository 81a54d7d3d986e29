from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest
from healthy import BALLS, RPM, T0, VIB
from reported import REGIME, alert, unpack

from engine.clock import NS_PER_S
from engine.config import load_config
from engine.declared import DutyCycle
from engine.records import Context
from replay.report.results import ScoreRows
from replay.report.signals import Moment, healthy_until, last_run, picture

CONFIG = load_config()
RATE_HZ = VIB.sample_rate_hz


class Known:
    """Samples that are a function of time in seconds."""

    def __init__(self, signal):
        self.signal = signal

    def read(self, start_ns, end_ns):
        n = round((end_ns - start_ns) * RATE_HZ / NS_PER_S)
        t_s = (start_ns - T0) / NS_PER_S + np.arange(n) / RATE_HZ
        x = self.signal(t_s).astype(np.float32)
        return np.stack([x, x])


def drawn(signal, rpm: float | None = RPM, rows=None):
    first, _ = alert(4.0, "chatter")
    context = Context("M1", T0, rpm=rpm, n_teeth=4)
    return picture(Moment(first, T0, context, rows), VIB, Known(signal), CONFIG)


def score_rows(scores, regimes=None):
    n = len(scores)
    t_ns = T0 + np.arange(1, n + 1) * (NS_PER_S // 10)
    regime = np.array([REGIME] * n if regimes is None else regimes, object)
    return ScoreRows(t_ns, np.array(scores, float), np.ones(n, bool), np.zeros(n, bool), regime)


def test_a_tone_stands_at_its_frequency_with_its_rms_and_below_where_it_was_not_yet():
    def grown(t_s):
        return np.where(t_s >= 3.9, 1.0, 0.01) * np.sin(2 * np.pi * 1250.0 * t_s)

    spectrum = drawn(grown, rows=score_rows([0.3] * 39))["channels"][0]["spectrum"]

    now, calm = (10.0 ** unpack(spectrum[key]) for key in ("now", "calm"))
    at_hz = np.argmax(now) * spectrum["step_hz"]
    assert abs(at_hz - 1250.0) <= spectrum["step_hz"]
    # A tone spreads over three bins of a Hann taper: two thirds of its power are in the middle one.
    assert now.max() == pytest.approx(math.sqrt(0.5 * 2 / 3), rel=0.05)
    assert calm.max() == pytest.approx(0.01 * now.max(), rel=0.1)


def test_a_bearing_that_is_struck_shows_its_line_where_the_page_marks_it():
    bpfo_hz = BALLS.orders[0] * RPM / 60

    def struck(t_s):
        ringing = np.exp(-0.5 * ((t_s % (1 / bpfo_hz) - 0.003) / 0.0006) ** 2)
        # With noise, so that nothing but the resonance is impulsive.
        noise = 0.01 * np.random.default_rng(0).standard_normal(t_s.size)
        return ringing * np.sin(2 * np.pi * 3100.0 * t_s) + noise

    first, _ = alert(4.0, "bearing")
    values = {name: getattr(first, name) for name in first.__slots__} | {"t_ns": first.onset_ns + NS_PER_S}
    slow = type(first)(**values)
    moment = Moment(slow, T0, Context("M1", T0, rpm=RPM), None)
    envelope = picture(moment, VIB, Known(struck), CONFIG)["channels"][0]["envelope"]

    name, line_hz = envelope["lines"][0]
    low_hz, high_hz = envelope["band_hz"]
    depth = np.nan_to_num(unpack(envelope["depth"]))
    assert (name, line_hz) == ("BPFO", pytest.approx(bpfo_hz))
    assert abs(np.argmax(depth) * envelope["step_hz"] - bpfo_hz) <= envelope["step_hz"]
    assert low_hz < 3100.0 < high_hz


def test_without_speed_or_geometry_no_line_is_marked():
    first, second = (channel["envelope"] for channel in drawn(np.sin)["channels"])
    unknown = drawn(np.sin, rpm=None)["channels"][0]["envelope"]

    assert len(first["lines"]) == 4
    assert (second["lines"], second["geometry"]) == ([], False)
    assert (unknown["lines"], unknown["geometry"]) == ([], True)


def test_missing_samples_stay_a_hole_and_make_no_spectrum():
    pictured = drawn(lambda t_s: np.full(t_s.shape, np.nan))["channels"][0]

    assert np.isnan(unpack(pictured["wave"]["low"])).all()
    assert (pictured["spectrum"], pictured["envelope"]) == (None, None)


def test_the_burst_in_which_it_began_is_seen_however_long_a_sensor_slept_before_it_was_sure():
    sleepy = msgspec.structs.replace(VIB, duty_cycle=DutyCycle(0.1, 2.0))
    first, _ = alert(4.0, "collision")
    values = {name: getattr(first, name) for name in first.__slots__} | {
        "t_ns": first.onset_ns + 4 * NS_PER_S
    }

    pictured = picture(Moment(type(first)(**values), T0, None, None), sleepy, Known(np.sin), CONFIG)

    wave = pictured["channels"][0]["wave"]
    assert pictured["from_s"] < 4.0
    assert pictured["from_s"] + unpack(wave["low"]).size * wave["step_s"] > 8.0


def test_healthy_is_the_latest_stretch_of_the_same_cut_that_was_below_the_limit_throughout():
    scores = [0.3] * 20 + [1.2] + [0.3] * 4 + [math.nan] + [0.3] * 4
    first, _ = alert(3.0, "chatter")

    until_ns = healthy_until(Moment(first, T0, None, score_rows(scores)), NS_PER_S // 2)
    elsewhere = healthy_until(Moment(first, T0, None, score_rows(scores, ["T2/-/-/-"] * 30)), NS_PER_S // 2)

    assert (until_ns - T0) / NS_PER_S == 2.0
    assert elsewhere is None


def test_of_a_sensor_that_sleeps_the_last_burst_is_heard():
    x = np.full(100, np.nan, np.float32)
    x[20:40], x[60:80] = 1.0, 2.0

    assert last_run(x).tolist() == [2.0] * 20
    assert last_run(np.full(5, np.nan, np.float32)).size == 0
