"""slide: the latest hops of every sensor group, a window with each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from bytewax.operators import KeyedStream
from numpy.typing import NDArray

from engine.config import Config, WaveformConfig
from engine.declared import SensorGroup, Spindle
from engine.records import CheckedBlock, SensorOutcome, Window, samples_to_ns
from operators.step import AS_IT_IS, Running, stateful_step


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
    n_hop = max(1, round(config.hop_s * group.sample_rate_hz))
    return n_hop if group.duty_cycle is None else min(n_hop, _samples_per_burst(group))


def hops_per_window(group: SensorGroup, config: WaveformConfig) -> int:
    """Hops in a window; those that a burst holds at most, so that no window spans a sensor's pause.

    Parameters
    ----------
    group : SensorGroup
        Of kind ``waveform``.
    config : WaveformConfig
        ``window_s``, a whole multiple of ``hop_s``.

    Returns
    -------
    int
        At least 1.
    """
    n_hops = round(config.window_s / config.hop_s)
    if group.duty_cycle is None:
        return n_hops
    return max(1, min(n_hops, _samples_per_burst(group) // samples_per_hop(group, config)))


def long_hops(group: SensorGroup, config: Config) -> tuple[int, int]:
    """How many hops a long window has, and how many lie between two of them.

    Parameters
    ----------
    group : SensorGroup
        Any.
    config : Config
        ``[waveform]`` and ``[diagnosis]``.

    Returns
    -------
    tuple of int
        Zeros if the group has no long windows, as slow values. A burst of a duty-cycled sensor is a long window at
        most.
    """
    if group.kind == "scalar" or not config.diagnosis.enabled:
        return 0, 0
    long = msgspec.structs.replace(config.waveform, window_s=config.diagnosis.window_s)
    n_hops = hops_per_window(group, long)
    return n_hops, max(1, round(config.diagnosis.hop_s / config.waveform.hop_s))


def _samples_per_burst(group: SensorGroup) -> int:
    assert group.duty_cycle is not None
    return max(1, round(group.duty_cycle.burst_s * group.sample_rate_hz))


def slide_windows(
    step_id: str,
    items: KeyedStream[Any],
    spindles: Mapping[str, Spindle],
    config: Config,
    running: Running = AS_IT_IS,
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
    running : Running
        As for `operators.step.stateful_step`.

    Returns
    -------
    KeyedStream[Window | SensorOutcome]
        A waveform group's first window comes when ``window_s`` of contiguous samples are there, its long ones when
        ``[diagnosis] window_s`` are, each just before the short one that ends with it; a scalar group's with its
        first sample. The first long window is apart, and each that shares at most half with the last one that was.
    """
    return stateful_step(step_id, items, lambda new: WindowSlide(spindles, new), config, running)


class WindowSlide:
    """The windows of one spindle. State: one window of hops per group.

    Parameters
    ----------
    spindles : Mapping[str, Spindle]
        Declarations by name.
    config : Config
        ``[waveform]`` and ``[scalar]``.
    """

    __slots__ = (
        "_config",
        "_rings",
        "_spindles",
    )

    def __init__(self, spindles: Mapping[str, Spindle], config: Config) -> None:
        self._spindles, self._config = spindles, config
        self._rings: dict[str, _Hops | _History] = {}

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
            ring = self._rings.get(item.block.group) or self._open(item.block.spindle, item.block.group)
            out.extend(ring.push(item))
        return out

    def save(self) -> Any:
        """State for recovery."""
        return {group: ring.save() for group, ring in self._rings.items()}

    def restore(self, state: Any) -> None:
        """Continue from `save`."""
        self._rings = {
            group: (_Hops if kind == "hops" else _History)(*saved) for group, (kind, *saved) in state.items()
        }

    def _open(self, spindle: str, name: str) -> _Hops | _History:
        group = self._spindles[spindle].group(name)
        assert group is not None  # the check lets no other group through
        ring: _Hops | _History
        if group.kind == "scalar":
            ring = _History(self._config.scalar.n_history)
        else:
            n_long, n_between = long_hops(group, self._config)
            n_apart = (n_long + 1) // 2
            ring = _Hops(
                hops_per_window(group, self._config.waveform),
                n_long,
                n_between,
                n_apart,
                n_since_apart=n_apart,
            )
        self._rings[name] = ring
        return ring


@dataclass(slots=True)
class _Hops:
    """The latest hops of a waveform group. Windows share their arrays, which nobody changes."""

    n_hops: int
    n_long: int  # hops in a long window; 0 = none
    n_between: int  # hops from one long window to the next
    n_apart: int  # hops from one that is apart to the next
    samples: tuple[NDArray[np.float32], ...] = ()
    partials: tuple[NDArray[np.float64], ...] = ()
    n_since: int = 0  # hops since the last long window
    n_since_apart: int = 0  # hops since the last one that was apart, at most `n_apart`

    def save(self) -> tuple[Any, ...]:
        """State for recovery, its kind first."""
        lengths = self.n_hops, self.n_long, self.n_between, self.n_apart
        return "hops", *lengths, self.samples, self.partials, self.n_since, self.n_since_apart

    def push(self, item: CheckedBlock) -> list[Window]:
        """Add a hop; give the windows that it completes."""
        assert item.partials is not None  # a waveform's hop has them
        if not item.contiguous:
            self.samples, self.partials, self.n_since, self.n_since_apart = (), (), 0, self.n_apart
        n_kept = max(self.n_hops, self.n_long)
        self.samples = (*self.samples, item.block.samples)[-n_kept:]
        self.partials = (*self.partials, item.partials)[-n_kept:]
        self.n_since += 1
        self.n_since_apart = min(self.n_since_apart + 1, self.n_apart)
        windows = []
        if self.n_long and len(self.samples) >= self.n_long and self.n_since >= self.n_between:
            self.n_since = 0
            apart = self.n_since_apart == self.n_apart
            windows.append(self._window(item, self.n_long, long=True, apart=apart))
            if apart:
                self.n_since_apart = 0
        if len(self.samples) >= self.n_hops:
            windows.append(self._window(item, self.n_hops))
        return windows

    def _window(self, item: CheckedBlock, n_hops: int, *, long: bool = False, apart: bool = True) -> Window:
        block = item.block
        n_before = (n_hops - 1) * block.samples.shape[1]
        start_ns = block.t_ns - samples_to_ns(n_before, block.sample_rate_hz)
        hops, partials = self.samples[-n_hops:], self.partials[-n_hops:]
        return _window(item, block.end_ns, hops, partials, start_ns >= item.settled_ns, long, apart)


@dataclass(slots=True)
class _History:
    """The latest samples of a scalar group; each makes a window, which is judged by its newest sample."""

    n_history: int
    samples: NDArray[np.float32] | None = None

    def save(self) -> tuple[Any, ...]:
        """State for recovery, its kind first."""
        return "history", self.n_history, self.samples

    def push(self, item: CheckedBlock) -> list[Window]:
        """Add a sample; give the window that ends with it."""
        block, samples = item.block, item.block.samples
        if self.samples is not None and item.contiguous:
            first = max(0, self.samples.shape[1] + samples.shape[1] - self.n_history)
            samples = np.concatenate((self.samples[:, first:], samples), axis=1)
            samples.flags.writeable = False
        self.samples = samples
        return [_window(item, block.t_ns, (samples,), (), block.t_ns >= item.settled_ns)]


def _window(
    item: CheckedBlock,
    t_ns: int,
    hops: tuple[NDArray[np.float32], ...],
    partials: tuple[NDArray[np.float64], ...],
    steady: bool,
    long: bool = False,
    apart: bool = True,
) -> Window:
    block = item.block
    return Window(
        block.spindle,
        block.group,
        t_ns,
        block.t_ns,
        block.sample_rate_hz,
        hops,
        partials,
        item.context,
        item.regime,
        item.usable,
        item.learnable,
        steady,
        block.received_ns,
        long,
        apart,
    )
