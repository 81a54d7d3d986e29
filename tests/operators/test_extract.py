from __future__ import annotations

from dataclasses import fields
from itertools import pairwise
from typing import Any

import bytewax.operators as op
import numpy as np
import pytest
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSink, TestingSource, run_main
from hypothesis import given
from hypothesis import strategies as st

from engine.config import load_config
from engine.declared import Channel, SensorGroup, Spindle
from engine.records import Context, FeatureVector, Regime, Said, SensorOutcome, Trouble, Window
from operators.extract import extract_batch, extract_features
from operators.features import FeatureSet

VIB = SensorGroup("vib", "waveform", 1000.0, (Channel("vib_x", "g"), Channel("vib_y", "g")))
LOAD = SensorGroup("load", "scalar", 2.0, (Channel("load_pct", "%"),))
SETS = FeatureSet.for_shop([Spindle("M1", (VIB, LOAD)), Spindle("M2", (VIB, LOAD))], load_config())


def window(spindle: str, group: str, number: int, n_samples: int = 200, **changed: Any) -> Window:
    """The ``number``-th window of a group; its samples depend on that number only."""
    n_channels = 2 if group == "vib" else 1
    samples = np.random.default_rng(number).standard_normal((n_channels, n_samples)).astype(np.float32)
    samples.flags.writeable = False
    feature_set = SETS[spindle, group]
    ((hops, partials),) = feature_set.cut(samples[None])
    keys: dict[str, Any] = {
        "t_ns": 1000 + number,
        "onset_ns": 900 + number,
        "sample_rate_hz": 1000.0,
        "hops": hops,
        "partials": partials,
        "context": Context(spindle, 5, tool="T1"),
        "regime": Regime("T1"),
        "usable": True,
        "learnable": number % 2 == 0,
        "steady": number % 3 == 0,
        "received_ns": number,
    }
    return Window(spindle, group, **{**keys, **changed})


def outcome(spindle: str) -> SensorOutcome:
    return SensorOutcome(
        spindle,
        "vib",
        Trouble.GAP,
        t_ns=7,
        onset_ns=6,
        n_samples=12,
        channel=None,
        detail=Said("gap", "누락"),
    )


MIXTURE: list[tuple[str, Any]] = [
    ("M1", window("M1", "vib", 0)),
    ("M2", window("M2", "vib", 1)),
    ("M1", window("M1", "load", 2, n_samples=1)),
    ("M1", outcome("M1")),
    ("M1", window("M1", "vib", 3)),
    ("M1", window("M1", "load", 4, n_samples=2)),
    ("M2", window("M2", "vib", 5, usable=False)),
    ("M1", window("M1", "vib", 6)),
    ("M2", outcome("M2")),
    ("M1", window("M1", "load", 7, n_samples=10)),
    ("M2", window("M2", "load", 8, n_samples=10)),
    ("M2", window("M2", "vib", 9)),
]


def plain(items: list[tuple[str, Any]]) -> list[Any]:
    """Comparable, to the last bit."""
    return [
        (key, item.t_ns, item.values.tobytes()) if isinstance(item, FeatureVector) else (key, item)
        for key, item in items
    ]


def test_vector_holds_the_features_of_its_window_and_what_the_window_knew() -> None:
    item = window("M1", "vib", 3)

    ((key, vector),) = extract_batch([("M1", item)], SETS)

    assert key == "M1"
    assert isinstance(vector, FeatureVector)
    np.testing.assert_array_equal(vector.values, SETS["M1", "vib"].extract_windows([item])[0])
    whole = np.concatenate(item.hops, axis=1)[None]
    np.testing.assert_array_equal(vector.values, SETS["M1", "vib"].extract(whole)[0])
    for name in {field.name for field in fields(FeatureVector)} - {"values"}:
        assert getattr(vector, name) == getattr(item, name)


@given(cuts=st.sets(st.integers(1, len(MIXTURE) - 1)))
def test_how_items_were_batched_changes_no_bit_and_no_order(cuts: set[int]) -> None:
    edges = [0, *sorted(cuts), len(MIXTURE)]

    apart = [item for low, high in pairwise(edges) for item in extract_batch(MIXTURE[low:high], SETS)]

    assert plain(apart) == plain(extract_batch(MIXTURE, SETS))


def test_every_item_leaves_in_its_place() -> None:
    out = extract_batch(MIXTURE, SETS)

    assert [key for key, _ in out] == [key for key, _ in MIXTURE]
    assert [item.t_ns for _, item in out] == [item.t_ns for _, item in MIXTURE]


def test_what_is_no_window_passes_through_untouched() -> None:
    gap = outcome("M1")

    ((_, passed),) = extract_batch([("M1", gap)], SETS)

    assert passed is gap


def test_unusable_window_says_nothing() -> None:
    ((_, vector),) = extract_batch([("M1", window("M1", "vib", 1, usable=False))], SETS)

    assert vector.values.shape == (len(SETS["M1", "vib"].features),)
    assert np.isnan(vector.values).all()
    assert vector.usable is False


def test_vectors_are_read_only() -> None:
    for _, item in extract_batch(MIXTURE, SETS):
        if isinstance(item, FeatureVector):
            with pytest.raises(ValueError, match="read-only"):
                item.values[0] = 0.0


def test_no_items_are_none() -> None:
    assert extract_batch([], SETS) == []


@pytest.mark.parametrize("batch_size", [1, 5, 100])
def test_flow_gives_what_the_batch_function_gives(batch_size: int) -> None:
    out: list[tuple[str, Any]] = []
    flow = Dataflow("test")
    items = op.input("source", flow, TestingSource(MIXTURE, batch_size))
    op.output("sink", extract_features("extract", items, SETS), TestingSink(out))

    run_main(flow)

    assert plain(out) == plain(extract_batch(MIXTURE, SETS))
