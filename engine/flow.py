"""The dataflow, one line for each step. Live and replay differ only in what is handed to `build_flow`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.inputs import Source

from engine.clock import Clock
from engine.config import Config
from engine.declared import Spindle
from engine.fuse import Fuse
from operators.baseline_store import BaselineStore
from operators.blocks import check_blocks
from operators.detect import detect
from operators.extract import extract_features
from operators.features import FeatureSet
from operators.judge import judge
from operators.shadow import run_shadow
from operators.step import AS_IT_IS, Running
from operators.windows import slide_windows
from sinks.base import Writer
from sinks.deliver import Deliver
from sinks.ring import Ring

STATEFUL = "check", "slide", "detect", "judge"
"""The steps that remember something: their states are what the flow knows."""


@dataclass(frozen=True, slots=True)
class ShadowBranch:
    """A configuration that is watched and decides nothing.

    Parameters
    ----------
    config : Config
        What might decide.
    writers : sequence of Writer
        Take its alerts and states; nobody else hears of them.
    fuse : Fuse
        Cuts the branch off when anything of it fails.
    store : BaselineStore, optional
        Its own; None: baselines that no longer fit into memory are forgotten.
    """

    config: Config
    writers: Sequence[Writer]
    fuse: Fuse
    store: BaselineStore | None = None


def build_flow(
    source: Source[Any],
    spindles: Sequence[Spindle],
    config: Config,
    clock: Clock,
    writers: Sequence[Writer],
    viewers: Sequence[Writer] = (),
    store: BaselineStore | None = None,
    shadow: ShadowBranch | None = None,
    ring: Ring | None = None,
    running: Running = AS_IT_IS,
) -> Dataflow:
    """Lay out the flow from a source to its sinks.

    Parameters
    ----------
    source : Source
        Emits ``(spindle, Block | Context | Tick)`` in the order of end times, for declared spindles only.
    spindles : sequence of Spindle
        The declared spindles; names are unique.
    config : Config
        What decides.
    clock : Clock
        Stamps alerts; `engine.clock.NoClock` in an unpaced replay.
    writers : sequence of Writer
        Take verdicts, alerts and states.
    viewers : sequence of Writer
        Take checked blocks, to show waveforms; none in a replay.
    store : BaselineStore, optional
        Where baselines go that no longer fit into memory, and come back from; None: they are forgotten.
    shadow : ShadowBranch, optional
        A second configuration on the same stream; it changes nothing that the writers are told.
    ring : Ring, optional
        Keeps what is received and what the steps know, so that alerts can be replayed; it changes nothing either.
    running : Running
        Whether Bytewax saves state, and who adds up the time of each step.

    Returns
    -------
    Dataflow
        For `engine.runtime.run_flow`.

    Raises
    ------
    ConfigError
        A detector, feature or limit that does not exist or does not fit a declared sensor group.
    """
    shop = {spindle.name: spindle for spindle in spindles}
    features = FeatureSet.for_shop(spindles, config)

    flow = Dataflow("spindlewatch")
    received = op.input("source", flow, source)  # Block | Context | Tick
    if ring is not None:
        received = op.flat_map_batch("record", received, ring.tap)  # → and Snapshot, which passes every step
        store, writers = ring.watch(store), (*writers, ring)
    checked = check_blocks("check", received, shop, config, running)  # → CheckedBlock | SensorOutcome
    windows = slide_windows("slide", checked, shop, config, running)  # → Window | SensorOutcome
    vectors = extract_features("extract", windows, features, running)  # → FeatureVector | SensorOutcome
    scores = detect("detect", vectors, shop, features, config, running, store)  # → Score | SensorOutcome
    judged = judge("judge", scores, shop, config, clock, running)  # → Verdict | Alert | SpindleState
    op.output("deliver", judged, Deliver(writers))
    if viewers:
        op.output("show", checked, Deliver(viewers))
    if shadow is not None:
        other, fuse = shadow.config, shadow.fuse
        told = run_shadow(
            "shadow", received, vectors, shop, config, other, clock, fuse, running, shadow.store
        )  # → Alert | SpindleState
        op.output("deliver_shadow", told, Deliver(shadow.writers))
    return flow
