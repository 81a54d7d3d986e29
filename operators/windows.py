"""slide: a ring of the latest samples per sensor group, a window every hop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from bytewax.operators import KeyedStream
from numpy.typing import NDArray

from engine.config import Config, WaveformConfig
from engine.declared import SensorGroup, Spindle
from engine.records import CheckedBlock, SensorOutcome, Window, samples_to_ns
from operators.step import stateful_step


def samples_per_hop(group: SensorGroup, config: WaveformConfig) -> int:
    """Samples from one window's start to the next; a whole burst at most for a duty-cycled group.

    Parameters
    ----------
    group : SensorGroup
        Of kind ``waveform``.
    config : WaveformConfig
        ``hop_s``.

    Returns
    -------
    int
        At least 1.
    """
    return _within_burst(max(1, round(config.hop_s * group.sample_rate_hz)), group)


def samples_per_window(group: SensorGroup, config: WaveformConfig) -> int:
    """Samples in a window; a whole burst at most for a duty-cycled group, so that no window spans a pause.

    Parameters
    ----------
    group : SensorGroup
        Of kind ``waveform``.
    config : WaveformConfig
        ``window_s``.

    Returns
    -------
    int
        At least `samples_per_hop`.
    """
    n_window = _within_burst(max(1, round(config.window_s * group.sample_rate_hz)), group)
    return max(n_window, samples_per_hop(group, config))


def _within_burst(n_samples: int, group: SensorGroup) -> int:
    if group.duty_cycle is None:
        return n_samples
    return min(n_samples, max(1, round(group.duty_cycle.burst_s * group.sample_rate_hz)))


def slide_windows(
    step_id: str,
    items: KeyedStream[Any],
    spindles: Mapping[str, Spindle],
    config: Config,
    recoverable: bool = False,
) -> KeyedStream[Any]:
    """Turn checked blocks into windows; sensor outcomes pass through.

    Parameters
    ----------
    step_id : str
        Unique and stable; see `operators.step.stateful_step`.
    items : KeyedStream[CheckedBlock | SensorOutcome]
        From `operators.blocks.check_blocks`.
    spindles : Mapping[str, Spindle]
        The declared spindles by name.
    config : Config
        ``[waveform]`` and ``[scalar]``.
    recoverable : bool
        As for `operators.step.stateful_step`.

    Returns
    -------
    KeyedStream[Window | SensorOutcome]
        A waveform group's first window comes when ``window_s`` of contiguous samples are there; a scalar
        group's with its first sample.
    """
    return stateful_step(step_id, items, lambda: WindowSlide(spindles, config), recoverable)


class WindowSlide:
    """The windows of one spindle. State: one window of samples per group.

    Parameters
    ----------
    spindles : Mapping[str, Spindle]
        Declarations by name.
    config : Config
        ``[waveform]`` and ``[scalar]``.
    """

    def __init__(self, spindles: Mapping[str, Spindle], config: Config) -> None:
        self._spindles, self._config = spindles, config
        self._rings: dict[str, _Ring] = {}

    def process(self, items: Sequence[CheckedBlock | SensorOutcome]) -> list[Window | SensorOutcome]:
        """Slide over items of one spindle.

        Parameters
        ----------
        items : sequence of CheckedBlock and SensorOutcome
            In stream time.

        Returns
        -------
        list of Window and SensorOutcome
            In the same order.
        """
        out: list[Window | SensorOutcome] = []
        for item in items:
            if isinstance(item, SensorOutcome):
                out.append(item)
                continue
            window = self._ring(item).push(item)
            if window is not None:
                out.append(window)
        return out

    def save(self) -> Any:
        """State for recovery."""
        return {group: ring.save() for group, ring in self._rings.items()}

    def restore(self, state: Any) -> None:
        """Continue from `save`."""
        self._rings = {group: _Ring(*saved) for group, saved in state.items()}

    def _ring(self, item: CheckedBlock) -> _Ring:
        ring = self._rings.get(item.block.group)
        if ring is None:
            group = self._spindles[item.block.spindle].group(item.block.group)
            assert group is not None  # the check lets no other group through
            if group.kind == "scalar":
                ring = _Ring(self._config.scalar.n_history, 1)
            else:
                n_window = samples_per_window(group, self._config.waveform)
                ring = _Ring(n_window, n_window)
            self._rings[item.block.group] = ring
        return ring


class _Ring:
    """The latest samples of one group. Every window is a fresh array, so nobody's view ever changes.

    Parameters
    ----------
    n_window : int
        Most samples kept.
    n_least : int
        Fewest samples that make a window; 1 marks a scalar group, whose window is judged by its newest sample.
    samples : float32[n_channels, <= n_window], optional
        To resume from.
    """

    def __init__(self, n_window: int, n_least: int, samples: NDArray[np.float32] | None = None) -> None:
        self._n_window, self._n_least, self._samples = n_window, n_least, samples

    def save(self) -> tuple[int, int, NDArray[np.float32] | None]:
        return self._n_window, self._n_least, self._samples

    def push(self, item: CheckedBlock) -> Window | None:
        block, samples = item.block, item.block.samples
        n_hop = samples.shape[1]
        if self._samples is not None and item.contiguous:
            first = max(0, self._samples.shape[1] + n_hop - self._n_window)
            samples = np.concatenate((self._samples[:, first:], samples), axis=1)
            samples.flags.writeable = False
        self._samples = samples
        if samples.shape[1] < self._n_least:
            return None
        scalar = self._n_least == 1
        n_before = 0 if scalar else samples.shape[1] - n_hop
        start_ns = block.t_ns - samples_to_ns(n_before, block.sample_rate_hz)
        return Window(
            spindle=block.spindle,
            group=block.group,
            t_ns=block.t_ns if scalar else block.end_ns,
            onset_ns=block.t_ns,
            sample_rate_hz=block.sample_rate_hz,
            samples=samples,
            context=item.context,
            regime=item.regime,
            usable=item.usable,
            learnable=item.learnable,
            steady=start_ns >= item.settled_ns,
            received_ns=block.received_ns,
        )
