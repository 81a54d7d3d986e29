from __future__ import annotations

import math

import numpy as np
from healthy import T0
from reported import unpack

from engine.clock import NS_PER_S
from engine.records import Context
from replay.report.results import ScoreRows
from replay.report.timeline import N_BINS, context_strip, score_curve


def rows(t_s, score, ready=True):
    t_ns = T0 + np.round(np.asarray(t_s, float) * NS_PER_S).astype(np.int64)
    n = t_ns.size
    return ScoreRows(
        t_ns, np.asarray(score, float), np.full(n, ready), np.zeros(n, bool), np.array([""] * n, object)
    )


def test_the_worst_score_of_a_long_recording_is_still_there_at_its_time():
    score = np.full(100_000, 0.2)
    score[61_803] = 7.5
    t_s = 0.1 * np.arange(1, 100_001)

    curve = score_curve("vib", rows(t_s, score), T0, 10_000.0)

    values = unpack(curve["score"])
    worst = int(np.argmax(values))
    assert values.size == curve["n_bins"] == N_BINS
    assert abs(values[worst] - 7.5) < 1e-3
    assert worst * 10_000.0 / N_BINS <= t_s[61_803] <= (worst + 1) * 10_000.0 / N_BINS


def test_what_nothing_was_said_of_is_no_score_and_learning_is_told_from_silence():
    t_s = np.concatenate([np.arange(0.1, 10.0, 0.1), np.arange(20.1, 30.0, 0.1)])
    curve = score_curve("vib", rows(t_s, np.full(t_s.size, math.nan), ready=False), T0, 30.0)

    bin_s = 30.0 / curve["n_bins"]
    assert np.isnan(unpack(curve["score"])).all()
    assert [state for _, state in curve["state"]] == [1, 0, 1]
    assert 10.0 < curve["state"][1][0] * bin_s < 11.0


def test_contexts_that_change_nothing_shown_or_pass_faster_than_a_bin_are_left_out():
    told = [(0.0, "T1"), (10.0, "T1"), (20.0, "T2"), (20.001, "T3"), (50.0, None)]
    contexts = [Context("M1", T0 + round(t_s * NS_PER_S), tool=tool, rpm=t_s) for t_s, tool in told]

    strip = context_strip(contexts, T0, 100.0)

    named = [(t_s, None if tool is None else strip["names"][tool]) for t_s, tool, *_ in strip["rows"]]
    assert named == [(0.0, "T1"), (20.001, "T3"), (50.0, None)]


def test_a_recording_without_contexts_has_an_empty_strip():
    assert context_strip([], T0, 100.0) == {"names": [], "rows": []}
