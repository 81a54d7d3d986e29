"""Vectors of long windows, made up or listened to, for tests of signatures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from simulated import listen

from engine.clock import NS_PER_S
from engine.config import load_config
from engine.declared import Channel, SensorGroup
from engine.records import Context, FeatureVector, Regime
from operators.features import FeatureSet
from replay.simulate import ShopPlan

VIB = SensorGroup("vib", "waveform", 12_800.0, (Channel("vib_x", "g"), Channel("vib_y", "g")))
CONFIG = load_config()
HOP_S, WINDOW_S = CONFIG.diagnosis.hop_s, CONFIG.diagnosis.window_s


def long_set(group: SensorGroup = VIB) -> FeatureSet:
    """What is measured of a group's long windows."""
    features = FeatureSet.for_group(group, CONFIG).long
    assert features is not None
    return features


SET = long_set()


def vector(
    t_s: float,
    values: Mapping[str, float],
    *,
    rpm: float | None = 3000.0,
    told_s: float = 0.0,
    tool: str | None = "T1",
    section: str = "rough",
    cutting: bool | None = True,
    usable: bool = True,
    steady: bool = True,
    n_teeth: int | None = None,
    features: FeatureSet = SET,
) -> FeatureVector:
    """A window that ends at ``t_s``; its speed was told at ``told_s``. What is not named of a channel is NaN."""
    found = np.full(len(features.specs), np.nan)
    for index, spec in enumerate(features.specs):
        found[index] = values.get(spec.name, values.get(spec.feature, np.nan))
    context = Context(
        "M1", round(told_s * NS_PER_S), tool=tool, section=section, rpm=rpm, cutting=cutting, n_teeth=n_teeth
    )
    return FeatureVector(
        "M1",
        "vib",
        round(t_s * NS_PER_S),
        round((t_s - HOP_S) * NS_PER_S),
        found,
        context,
        Regime(tool, "O1", section, cutting),
        usable,
        True,
        steady,
        None,
        features is SET,
    )


def heard(plan: ShopPlan, duration_s: float, spindle: str = "M1") -> Iterator[FeatureVector]:
    """Long windows of a simulated spindle's vibration."""
    signals = listen(plan, duration_s)[spindle]
    n_hop, n_window = (round(length_s * VIB.sample_rate_hz) for length_s in (HOP_S, WINDOW_S))
    ends = range(n_window, signals.vib_g.shape[1] + 1, n_hop)
    samples = np.stack([signals.vib_g[:, end - n_window : end] for end in ends]).astype(np.float32)
    at_ns = [round(end / VIB.sample_rate_hz * NS_PER_S) for end in ends]
    told = [context.t_ns for context in signals.contexts]
    contexts = [signals.contexts[int(np.searchsorted(told, t_ns, "right")) - 1] for t_ns in at_ns]
    values = SET.extract(samples, contexts)
    for t_ns, context, row in zip(at_ns, contexts, values, strict=True):
        regime = Regime(context.tool, context.program, context.section, context.cutting)
        steady = t_ns - context.t_ns >= (WINDOW_S + CONFIG.learn.settle_s) * NS_PER_S
        hop_ns = round(HOP_S * NS_PER_S)
        yield FeatureVector(
            spindle, "vib", t_ns, t_ns - hop_ns, row, context, regime, True, True, steady, None, True
        )
