from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from told import alert, block, state, verdict

from engine.records import Trouble
from engine.verdicts import Reason
from sinks import messages
from sinks.alert_json import alert_as_dict
from sinks.mailbox import Mail
from sinks.messages import MAX_POINTS, decimate
from sinks.watch import decode


def test_state_counts_troubles_by_name():
    record = state()
    record = type(record)(
        **{**{k: getattr(record, k) for k in record.__slots__}, "troubles": ((Trouble.GAP, 2),)}
    )

    assert decode(messages.state(record).decode())["state"]["troubles"] == {"gap": 2}


def test_alert_without_wall_times_depends_on_data_alone():
    told = alert_as_dict(alert(1), wall_times=False)

    assert told.keys().isdisjoint({"received_ns", "judged_ns"})


def test_every_reason_says_what_it_adds_to_the_score():
    reason = Reason("vib_x.rms", 4.1, 1.0, 0.7, 1.3, "g", 0.8, 2.0)

    (told,) = alert_as_dict(replace(alert(1), reasons=(reason,)))["reasons"]

    assert told == reason._asdict()
    assert told["contribution"] == told["share"] * alert(1).score


def test_short_blocks_are_shown_as_they_are():
    samples = np.ones((2, MAX_POINTS), np.float32)

    points, n = decimate(samples)

    assert points is samples
    assert n == MAX_POINTS


@given(st.integers(MAX_POINTS + 1, 30_000), st.integers(0, 2**32 - 1))
def test_decimated_waveform_keeps_every_extreme(n_samples, seed):
    samples = np.random.default_rng(seed).standard_normal((2, n_samples)).astype(np.float32)

    points, n = decimate(samples)

    assert points.shape == (2, 2 * n)
    assert 2 * n <= MAX_POINTS
    np.testing.assert_array_equal(points[:, :n].min(axis=1), samples.min(axis=1))
    np.testing.assert_array_equal(points[:, n:].max(axis=1), samples.max(axis=1))
    assert (points[:, :n] <= points[:, n:]).all()


def test_missing_samples_hide_only_a_stretch_that_is_all_missing():
    samples = np.ones((1, 10_240), np.float32)
    samples[0, :100] = np.nan
    samples[0, 5000] = np.nan

    points, n = decimate(samples)

    missing = np.isnan(points[0, :n])
    assert missing[:10].all()
    assert not missing[10:].any()


def test_waveform_survives_encoding_whatever_the_length_of_its_header():
    for name in ("M", "M1", "M12", "M123", "가공기"):
        samples = np.arange(6, dtype=np.float32).reshape(2, 3)

        message = messages.waveform(block(samples, spindle=name), ())

        decoded = decode(message)
        assert decoded["spindle"] == name
        assert decoded["channels"] == ["1", "2"]
        assert (len(message) - samples.nbytes) % 4 == 0
        np.testing.assert_array_equal(decoded["points"], samples)


def test_mail_keeps_the_newest_state_and_the_worst_verdict():
    mail = Mail()

    mail.put([state("ok"), verdict(2.0), verdict(1.0), verdict(math.nan), verdict(0.1, group="current")])
    mail.put([state("alerting")])

    assert mail.states["M1"].condition == "alerting"
    assert {key: told.score for key, told in mail.scores.items()} == {
        ("M1", "vib"): 2.0,
        ("M1", "current"): 0.1,
    }


def test_a_score_replaces_one_that_could_not_be_said():
    mail = Mail()

    mail.put([verdict(math.nan), verdict(0.1)])

    assert mail.scores["M1", "vib"].score == 0.1
