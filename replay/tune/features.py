"""Feature vectors of a recording, computed once and read again by every trial that measures alike.

A trial changes what is made of features, seldom the features. So the first half of the flow (check, slide, extract)
runs once for each recording and each way to measure, and what it says goes to disk; a trial runs the second half
(detect, judge) on that. The steps' logic is called without Bytewax: how items are batched changes no answer, so the
alerts are those of a replay, byte for byte.
"""

from __future__ import annotations

import os
import pickle
from array import array
from collections.abc import Iterator
from dataclasses import fields
from itertools import islice
from operator import attrgetter
from pathlib import Path
from typing import IO, Any

import numpy as np

from engine.clock import NoClock
from engine.config import Config
from engine.records import FeatureVector, SensorOutcome
from engine.verdicts import Alert
from operators.blocks import BlockCheck
from operators.detect import Detect
from operators.extract import extract_batch
from operators.features import FeatureSet
from operators.judge import Judge
from operators.windows import WindowSlide
from replay.player import items_with_ticks
from replay.recording import Recording
from sinks.baselines import BaselineFile

_N_BATCH = 512
"""Items that pass through the steps at once: enough to forget what a call costs, few enough to keep memory flat."""
_SHARED = tuple(f.name for f in fields(FeatureVector) if f.name not in ("t_ns", "onset_ns", "values"))
"""Fields of which a recording has few different combinations: context, regime, flags."""
_shared_of = attrgetter(*_SHARED)


def write_features(recording: Recording, config: Config, path: Path) -> None:
    """Run the first half of the flow over a recording and write down what it says.

    Memory does not grow with the length but for some 20 bytes a vector.

    Parameters
    ----------
    recording : Recording
        Read to its end.
    config : Config
        Its `measuring_hash` tells which features.
    path : Path
        For ``path.values`` and ``path.index``; whole or not at all, also if two processes write the same.

    Raises
    ------
    RecordingError
        A recording that is damaged.
    ConfigError
        A configuration that does not fit its sensor groups.
    """
    values, index = path.with_suffix(".values"), path.with_suffix(".index")
    own = f".{os.getpid()}"
    with values.with_suffix(f".values{own}").open("wb") as file:
        table = _write_values(recording, config, file)
    with index.with_suffix(f".index{own}").open("wb") as file:
        pickle.dump(table, file, protocol=5)
    # The index last: where there is one, the values are there, too.
    values.with_suffix(f".values{own}").replace(values)
    index.with_suffix(f".index{own}").replace(index)


def has_features(path: Path) -> bool:
    """Whether `write_features` has been here."""
    return path.with_suffix(".index").exists()


def _write_values(recording: Recording, config: Config, file: IO[bytes]) -> tuple[Any, ...]:
    """Write the numbers; return everything else: shared fields, outcomes, and which item is what."""
    shop = {recording.spindle.name: recording.spindle}
    features = FeatureSet.for_shop([recording.spindle], config)
    check, slide = BlockCheck(shop, config), WindowSlide(shop, config)
    shared: dict[tuple[Any, ...], int] = {}
    outcomes: list[SensorOutcome] = []
    what, t_ns, onset_ns = array("i"), array("q"), array("q")
    items = items_with_ticks(recording, config.check.max_block_s)
    while batch := list(islice(items, _N_BATCH)):
        windows = [(recording.spindle.name, item) for item in slide.process(check.process(batch))]
        for _, item in extract_batch(windows, features):
            if isinstance(item, SensorOutcome):
                what.append(-1)
                outcomes.append(item)
                continue
            key = (item.values.size, *_shared_of(item))
            what.append(shared.setdefault(key, len(shared)))
            t_ns.append(item.t_ns)
            onset_ns.append(item.onset_ns)
            file.write(item.values.tobytes())
    return list(shared), outcomes, what, t_ns, onset_ns


def read_features(path: Path) -> Iterator[list[FeatureVector | SensorOutcome]]:
    """Read what `write_features` wrote.

    Parameters
    ----------
    path : Path
        The same.

    Yields
    ------
    list of FeatureVector and SensorOutcome
        In the same order, equal in every bit. Numbers are read-only and stay on disk until they are looked at;
        processes that read the same file share its pages.
    """
    with path.with_suffix(".index").open("rb") as file:
        shared, outcomes, what, t_ns, onset_ns = pickle.load(file)  # written by this program a moment ago
    flat = np.empty(0)
    if t_ns:  # an empty file cannot be mapped
        # A plain array of the mapped pages: what numpy's own kind of array costs per view would be felt.
        flat = np.asarray(np.memmap(path.with_suffix(".values"), np.float64, mode="r"))
    rest = [dict(zip(_SHARED, entry[1:], strict=True)) for entry in shared]
    troubles, n_vectors, first = iter(outcomes), 0, 0
    batch: list[FeatureVector | SensorOutcome] = []
    for which in what:
        if which < 0:
            batch.append(next(troubles))
        else:
            last = first + shared[which][0]
            batch.append(
                FeatureVector(
                    t_ns=t_ns[n_vectors],
                    onset_ns=onset_ns[n_vectors],
                    values=flat[first:last],
                    **rest[which],
                )
            )
            n_vectors, first = n_vectors + 1, last
        if len(batch) == _N_BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def alerts_of(recording: Recording, path: Path, config: Config) -> list[Alert]:
    """Run the second half of the flow on features that were written down.

    Parameters
    ----------
    recording : Recording
        Whose features they are.
    path : Path
        As for `write_features`, which had a configuration that measures alike.
    config : Config
        What decides.

    Returns
    -------
    list of Alert
        As `replay.session.replay_alerts` of this recording alone.

    Raises
    ------
    ConfigError
        A configuration that does not fit the recording's sensor groups.
    """
    shop = {recording.spindle.name: recording.spindle}
    features = FeatureSet.for_shop([recording.spindle], config)
    # Baselines begin empty and come back if they are pushed out of memory, as in a replay.
    detect, judge = Detect(shop, features, config, BaselineFile(None)), Judge(shop, config, NoClock())
    alerts: list[Alert] = []
    for batch in read_features(path):
        alerts.extend(item for item in judge.process(detect.process(batch)) if isinstance(item, Alert))
    return alerts
