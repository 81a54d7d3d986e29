"""Are the samples of one hop fit to be judged? NaN, flat and clipped channels of a waveform group."""

from __future__ import annotations

import math
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.config import CheckConfig
from engine.declared import SensorGroup
from engine.records import Said, SensorOutcome, Trouble
from operators import trouble_words
from operators.group_check import Reporter
from operators.kernels.quality import (
    AT_LIMIT,
    CHANGES,
    LONGEST_RUN,
    N_COUNTS,
    NONFINITE,
    count_quality,
    fresh_memory,
    pass_quality,
)

# One clipped hop may be the collision we are looking for; this many in a row are a badly set amplifier.
_CLIPPED_HOPS = 5


class _Limits(NamedTuple):
    """Of a group's channels; groups declared alike share one."""

    converter: NDArray[np.float64]
    n_flat: NDArray[np.int64]


@cache
def _limits(group: SensorGroup, config: CheckConfig) -> _Limits:
    seconds = [config.flat_line_dc_s if c.dc_coupled else config.flat_line_s for c in group.channels]
    converter = np.array([channel.full_scale or math.nan for channel in group.channels])
    # Converters stop a count short of full scale.
    return _Limits(
        converter * (1 - 1e-6), np.array([round(s * group.sample_rate_hz) for s in seconds], np.int64)
    )


class HopQuality:
    """Judges hops: which channels are in trouble, and which of them cannot be judged at all.

    Parameters
    ----------
    group : SensorGroup
        Of kind ``waveform``.
    config : CheckConfig
        Limits.
    report : Reporter
        Of the group.
    """

    __slots__ = (
        "_all_varied",
        "_config",
        "_group",
        "_limits",
        "_memory",
        "_n_clipped_hops",
        "_report",
        "_varied",
    )

    def __init__(self, group: SensorGroup, config: CheckConfig, report: Reporter) -> None:
        self._group, self._config, self._report = group, config, report
        self._limits = _limits(group, config)
        self._memory = fresh_memory(len(group.channels))
        self._varied = np.zeros(len(group.channels), np.bool_)
        self._all_varied = False
        self._n_clipped_hops = 0

    def judge(
        self,
        samples: NDArray[np.float32],
        partials: NDArray[np.float64],
        start_ns: int,
        end_ns: int,
        received_ns: int | None,
    ) -> tuple[list[SensorOutcome], list[int]]:
        """Judge one hop, in order.

        Parameters
        ----------
        samples : float32[n_channels, n_hop]
            The hop; may be read-only.
        partials : float64[n_channels, 12]
            Its `operators.kernels.time_domain.hop_partials`.
        start_ns, end_ns : int
            Of the hop.
        received_ns : int or None
            Of its last sample.

        Returns
        -------
        list of SensorOutcome
            At most one per channel.
        list of int
            Channels that cannot be judged. Clipped ones are not among them: a collision clips, and must still
            be scored; but what is clipped is not learnt.
        """
        limits, n_hop = self._limits, samples.shape[1]
        if pass_quality(samples, partials, limits.converter, limits.n_flat, self._memory):
            self._n_clipped_hops = 0
            if not self._all_varied:
                self._varied[:] = self._all_varied = True
            return [], []
        counts = np.zeros((samples.shape[0], N_COUNTS), np.int64)
        count_quality(samples, limits.converter, self._memory, counts)
        flat = counts[:, LONGEST_RUN] >= limits.n_flat
        clipped = counts[:, AT_LIMIT] >= max(1.0, self._config.clipped_fraction * n_hop)
        # Inference is only for signals that move at every sample: coarse quantisation repeats its extremes too.
        clipped &= np.isfinite(limits.converter) | (2 * counts[:, CHANGES] >= n_hop)
        bad = counts[:, NONFINITE] > 0
        self._n_clipped_hops = self._n_clipped_hops + 1 if clipped.any() else 0
        found: list[SensorOutcome] = []
        lost: list[int] = []
        for index in np.flatnonzero(flat | clipped | bad).tolist():
            matters = self._flat_matters(index)
            name = self._group.channels[index].name
            is_flat = bool(flat[index]) and matters
            told = self._describe(name, counts[index], is_flat, bool(clipped[index]), n_hop)
            if told is not None:
                kind, n_samples, detail, alerting = told
                found.append(
                    self._report.trouble(
                        kind,
                        end_ns,
                        start_ns,
                        n_samples=n_samples,
                        detail=detail,
                        alerting=alerting,
                        channel=name,
                        received_ns=received_ns,
                    )
                )
            if bad[index] or (flat[index] and matters):
                lost.append(index)
        self._varied |= counts[:, CHANGES] > 1
        return found, lost

    def save(self) -> Any:
        """State for recovery."""
        return self._memory, self._varied, self._n_clipped_hops

    def restore(self, state: Any) -> None:
        """Continue from `save`."""
        self._memory, self._varied, self._n_clipped_hops = state

    def _flat_matters(self, index: int) -> bool:
        """Tell a dead channel from an unused one: a DC channel that never moved may have nothing to say."""
        return not self._group.channels[index].dc_coupled or bool(self._varied[index])

    def _describe(
        self, name: str, counts: NDArray[np.int64], flat: bool, clipped: bool, n_hop: int
    ) -> tuple[Trouble, int, Said, bool] | None:
        """Name a channel's worst trouble: kind, samples, figures, whether to alert."""
        n_bad, n_limit = int(counts[NONFINITE]), int(counts[AT_LIMIT])
        if n_bad:
            alerting = n_bad > self._config.nan_fraction * n_hop
            return Trouble.NAN, n_bad, trouble_words.not_finite(name, n_bad, n_hop), alerting
        if flat:
            seconds = int(counts[LONGEST_RUN]) / self._group.sample_rate_hz
            return Trouble.FLAT, n_hop, trouble_words.flat(name, seconds), True
        if clipped:
            alerting = self._n_clipped_hops >= _CLIPPED_HOPS
            return (
                Trouble.CLIPPED,
                n_limit,
                trouble_words.clipped(name, n_limit, n_hop),
                alerting,
            )
        return None
