"""Figures about tools and cuts, on data made up for them."""

import numpy as np
import pytest
from shop import CURRENT, SPINDLES, T0, VIB, by_end, cut, noise

from engine.clock import NS_PER_S
from engine.config import load_config
from engine.records import CheckedBlock, Context, Tick
from operators.blocks import BlockCheck
from perf.bench_machining import _ranked, _segments, _truth, lathe_segments
from perf.figures import Bench, NotMeasurableError

SETTLE_NS = 300_000_000


def contexts_of(*edges):
    return [
        Context("M1", T0 + round(t_s * NS_PER_S), tool=tool, cutting=cutting) for t_s, tool, cutting in edges
    ]


def hops_of(contexts):
    blocks = cut(VIB, noise(VIB, 4.0), [100] * 40) + cut(CURRENT, noise(CURRENT, 4.0), [25] * 40)
    stream = [*by_end([*contexts, *blocks]), Tick("M1", T0 + 4 * NS_PER_S, last=True)]
    out = BlockCheck(SPINDLES, load_config()).process(stream)
    return [item for item in out if isinstance(item, CheckedBlock) and item.block.group == "vib"]


def test_segments_begin_when_their_context_does_not_when_a_hop_does():
    contexts = contexts_of((0.0, "T1", False), (1.034, "T1", True), (2.777, "T2", False))
    hops = hops_of(contexts)

    share, n_cuts = _segments(hops, _truth(contexts), SETTLE_NS)
    assert share > 0.999
    assert n_cuts == 1

    late = contexts_of((0.0, "T1", False), (1.534, "T1", True), (2.777, "T2", False))
    assert _segments(hops, _truth(late), SETTLE_NS)[0] == pytest.approx(1 - 0.5 / 4, abs=0.002)


def test_a_pair_is_ranked_by_what_the_others_agree_on():
    assert _ranked(np.array([[0.1, 0.2, 0.1, 0.3], [0.01, -0.01, 0.02, -0.3]])) == 4
    assert _ranked(np.array([[0.1, 0.2, 0.1, -0.3]])) == 3


def test_without_recordings_nothing_is_measured(tmp_path):
    with pytest.raises(NotMeasurableError, match="no folder tvhahn_cnc_lathe"):
        lathe_segments(Bench(tmp_path))
