"""How long a sensor group is taught: the recording's protocol, else the configuration's."""

from __future__ import annotations

from engine.config import Config
from engine.declared import SensorGroup, TeachIn
from operators.windows import samples_per_hop


def vectors_wanted(group: SensorGroup, teach_in: TeachIn, config: Config) -> int:
    """Length of the teach-in.

    Parameters
    ----------
    group : SensorGroup
        Declared.
    teach_in : TeachIn
        A recording's protocol; its own default leaves it to the configuration.
    config : Config
        ``[learn]``.

    Returns
    -------
    int
        Vectors.
    """
    if teach_in.n_vectors is not None:
        return teach_in.n_vectors
    if teach_in.duration_s is not None:
        return max(2, round(teach_in.duration_s * vector_rate_hz(group, config)))
    return config.learn.n_vectors_scalar if group.kind == "scalar" else config.learn.n_vectors_waveform


def vector_rate_hz(group: SensorGroup, config: Config) -> float:
    """How many vectors of short windows a group gives in a second, pauses of a duty cycle included."""
    if group.duty_cycle is not None:
        return 1.0 / group.duty_cycle.period_s
    if group.kind == "scalar":
        return group.sample_rate_hz
    return group.sample_rate_hz / samples_per_hop(group, config.waveform)
