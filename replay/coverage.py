"""What a configuration would measure of a recording and cannot say, and why."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import numpy as np

from engine.config import Config
from engine.records import Context
from operators.features import NO_USABLE_SAMPLES, FeatureSet
from replay.layout import CONTEXT
from replay.recording import Recording
from replay.rows import ContextRows

_N_CONTEXTS = 1000  # more would tell nothing new


def missing_features(recording: Recording, config: Config) -> list[str]:
    """Say which configured features of a recording will be missing, and for which reason.

    Parameters
    ----------
    recording : Recording
        Open.
    config : Config
        What is to be measured.

    Returns
    -------
    list of str
        A line for each reason: the features, and in how many of the recording's contexts (those in which the
        spindle cuts, if any says so). Empty if every feature can be said, as far as samples allow.

    Raises
    ------
    RecordingError
        Contexts that cannot be read.
    ConfigError
        A configuration that does not fit the recording.
    """
    rows = ContextRows(recording.path / CONTEXT, recording.spindle.name)
    contexts = list(islice(rows.contexts(), _N_CONTEXTS)) or [
        Context(recording.spindle.name, recording.start_ns)
    ]
    contexts = [context for context in contexts if context.cutting] or contexts
    counted: Counter[tuple[str, str]] = Counter()
    for group in recording.spindle.groups:
        features = FeatureSet.for_group(group, config)
        unknown = np.full(len(features.names), np.nan)
        for context in contexts:
            told = features.why(unknown, context)
            configured = frozenset(features.names[: features.n_learned])
            counted.update(
                (reason, name)
                for name, reason in told.items()
                if reason != NO_USABLE_SAMPLES and name in configured
            )
    lines = []
    for reason, n_contexts in sorted({(reason, n) for (reason, _), n in counted.items()}):
        names = [name for (why, name), n in counted.items() if why == reason and n == n_contexts]
        share = "" if n_contexts == len(contexts) else f", in {n_contexts} of {len(contexts)} contexts"
        lines.append(f"{', '.join(names)}: cannot be said, {reason}{share}")
    return lines
