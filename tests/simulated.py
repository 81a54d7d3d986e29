"""Signals of a simulated shop put together again, for tests that listen to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.clock import NS_PER_S
from engine.records import Block, Context
from replay.simulate import Shop, ShopPlan


@dataclass(frozen=True)
class Signals:
    """What one spindle said. Samples that never came are NaN."""

    contexts: tuple[Context, ...]
    vib_g: NDArray[np.float64]
    current_a: NDArray[np.float64]
    load: NDArray[np.float64]
    rates_hz: tuple[float, float, float]

    def sections(self, *names: str) -> list[tuple[Context, float, float]]:
        """Contexts of these sections that are over, with their begin and end in seconds."""
        pairs = zip(self.contexts, self.contexts[1:], strict=False)
        return [(one, one.t_ns / NS_PER_S, two.t_ns / NS_PER_S) for one, two in pairs if one.section in names]

    def vib(self, from_s: float, to_s: float, channel: int = 0) -> NDArray[np.float64]:
        """Vibration in between, without its mean."""
        first, last = (round(time_s * self.rates_hz[0]) for time_s in (from_s, to_s))
        part = self.vib_g[channel, first:last]
        return part - part.mean()

    def current(self, from_s: float, to_s: float) -> NDArray[np.float64]:
        """Motor current in between."""
        first, last = (round(time_s * self.rates_hz[1]) for time_s in (from_s, to_s))
        return self.current_a[0, first:last]


def listen(plan: ShopPlan, duration_s: float) -> dict[str, Signals]:
    """Run a plan from time 0 and sort what it says by spindle."""
    shop = Shop(plan, 0)
    items = shop.advance(duration_s)
    found = {}
    for spindle in shop.spindles:
        own = [item for item in items if item.spindle == spindle.name]
        arrays = []
        for group in spindle.groups:
            n_samples = round(duration_s * group.sample_rate_hz)
            whole = np.full((len(group.channels), n_samples), np.nan)
            for item in own:
                if isinstance(item, Block) and item.group == group.name:
                    first = round(item.t_ns * group.sample_rate_hz / NS_PER_S) - (group.kind == "scalar")
                    whole[:, first : first + item.samples.shape[1]] = item.samples
            arrays.append(whole)
        contexts = tuple(item for item in own if isinstance(item, Context))
        rates = tuple(group.sample_rate_hz for group in spindle.groups)
        found[spindle.name] = Signals(contexts, *arrays, rates)
    return found


def amplitude(x: NDArray[np.float64], fs: float, frequency_hz: float) -> float:
    """Amplitude of one spectral line, by projection under a Hann taper."""
    taper = np.hanning(x.size)
    turning = np.exp(-2j * np.pi * frequency_hz * np.arange(x.size) / fs)
    return float(2.0 * abs(np.sum(taper * x * turning)) / taper.sum())


def strongest_hz(x: NDArray[np.float64], fs: float, low_hz: float = 20.0) -> float:
    """Frequency of the strongest spectral line above ``low_hz``, interpolated by zero padding."""
    n_padded = 8 * x.size
    power = np.abs(np.fft.rfft(np.hanning(x.size) * x, n_padded))
    frequencies = np.fft.rfftfreq(n_padded, 1.0 / fs)
    power[frequencies < low_hz] = 0.0
    return float(frequencies[np.argmax(power)])
