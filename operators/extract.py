"""extract: windows become feature vectors. Stateless, so it takes whole batches over all spindles at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import bytewax.operators as op
import numpy as np
from bytewax.operators import KeyedStream
from numpy.typing import NDArray

from engine.records import FeatureVector, Window
from operators.features import FeatureSet
from operators.step import AS_IT_IS, Running

FeatureSets = Mapping[tuple[str, str], FeatureSet]


def extract_features(
    step_id: str, items: KeyedStream[Any], feature_sets: FeatureSets, running: Running = AS_IT_IS
) -> KeyedStream[Any]:
    """Turn windows into feature vectors; everything else passes through.

    Parameters
    ----------
    step_id : str
        Unique and stable; see `operators.step.stateful_step`.
    items : KeyedStream[Window | SensorOutcome]
        From `operators.windows.slide_windows`.
    feature_sets : Mapping[tuple[str, str], FeatureSet]
        By spindle and group: `operators.features.FeatureSet.for_shop`.
    running : Running
        As for `operators.step.stateful_step`.

    Returns
    -------
    KeyedStream[FeatureVector | SensorOutcome]
        One for each item, in the same order.
    """

    def extract(batch: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
        return extract_batch(batch, feature_sets)

    return op.flat_map_batch(step_id, items, running.timed(step_id, extract))


def extract_batch(items: Sequence[tuple[str, Any]], feature_sets: FeatureSets) -> list[tuple[str, Any]]:
    """Extract one batch: windows that are measured alike go through the kernels as one stack.

    How items were batched changes no vector, to the last bit.

    Parameters
    ----------
    items : sequence of (str, Window or anything else)
        Of any spindles and groups, in any mixture.
    feature_sets : Mapping[tuple[str, str], FeatureSet]
        By spindle and group.

    Returns
    -------
    list of (str, FeatureVector or the same item)
        One for each item, in the same order. An unusable window's vector is all NaN.
    """
    out = list(items)
    stacks: dict[tuple[FeatureSet, tuple[int, ...], bool], list[int]] = {}
    for position, (spindle, item) in enumerate(items):
        if not isinstance(item, Window):
            continue
        feature_set = _set_for(item, feature_sets)
        if item.usable:
            # Scalar groups: windows are stacked by the length of their history so far.
            stacks.setdefault((feature_set, item.hops[0].shape, item.apart), []).append(position)
        else:
            values = np.full(len(feature_set.features), np.nan)
            values.flags.writeable = False
            out[position] = spindle, _to_vector(item, values)
    for (feature_set, *_), positions in stacks.items():
        windows: list[Window] = [items[position][1] for position in positions]
        values = feature_set.extract_windows(windows)
        values.flags.writeable = False
        for row, (position, window) in enumerate(zip(positions, windows, strict=True)):
            out[position] = items[position][0], _to_vector(window, values[row])
    return out


def _set_for(window: Window, feature_sets: FeatureSets) -> FeatureSet:
    feature_set = feature_sets[window.spindle, window.group]
    if not window.long:
        return feature_set
    assert feature_set.long is not None  # nobody else makes long windows
    return feature_set.long


def _to_vector(window: Window, values: NDArray[np.float64]) -> FeatureVector:
    return FeatureVector(
        window.spindle,
        window.group,
        window.t_ns,
        window.onset_ns,
        values,
        window.context,
        window.regime,
        window.usable,
        window.learnable,
        window.steady,
        window.received_ns,
        window.long,
        window.apart,
    )
