"""How fast features are computed, beside what the machine can do at best and beside what others make of it.

One core, four channels at 25.6 kHz, windows of 5120 samples every 2560. Rates count *new* samples: a window brings
2560 per channel, however often the others are looked at again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from engine.records import Context, Regime, Window
from operators.features import FeatureSet
from operators.kernels.time_domain import N_PARTIALS, N_TIME, hop_partials, merge_partials
from perf.by_hand import FULL_SET, ByHand
from perf.by_scipy import ByScipy
from perf.figures import Bench, Measured, figure
from perf.limits import memory_pass, transform_flop, transforms
from perf.peers import tsflex_features, tsfresh_features
from perf.streams import FS_HZ, N_CHANNELS, N_HOP, complete_config, hop_pool, spindles
from perf.timing import Work, time_paired, time_work

N_WINDOW = 2 * N_HOP
RPM = 3600.0
N_TEETH = 4
N_HOPS = 65
_N_STACK = 4  # windows whose channels are transformed at once: 16 rows
_N_SLOW_HOPS = 9  # of the same stream, for peers that take milliseconds per window

_CONTEXT = Context("M1", 0, rpm=RPM, cutting=True, n_teeth=N_TEETH)
_AC_COUPLED = np.zeros(N_CHANNELS, np.bool_)


@cache
def feature_set() -> FeatureSet:
    """Everything that can be extracted of a waveform."""
    (spindle,) = spindles(1)
    return FeatureSet.for_group(spindle.groups[0], complete_config())


def ours(hops: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
    """Extract everything as the flow does: each hop summed up when it comes, then windows by the batch.

    Parameters
    ----------
    hops : sequence of float32[n_channels, n_hop]
        A stream; at least two.

    Returns
    -------
    float64[len(hops) - 1, n_features]
        Of each window of two hops.
    """
    partials = [np.empty((N_CHANNELS, N_PARTIALS)) for _ in hops]
    for hop, sums in zip(hops, partials, strict=True):
        hop_partials(hop, _AC_COUPLED, sums)
    windows = [
        Window("M1", "vib", 0, 0, FS_HZ, two, sums, _CONTEXT, Regime(), True, True, True, None)
        for two, sums in zip(pairwise(hops), pairwise(partials), strict=True)
    ]
    return feature_set().extract_windows(windows)


def ours_time_domain(hops: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
    """Compute the time domain alone, by the bare kernels.

    Parameters
    ----------
    hops : sequence of float32[n_channels, n_hop]
        A stream; at least two.

    Returns
    -------
    float64[len(hops) - 1, n_channels, 12]
        Of each window of two hops.
    """
    partials = np.empty((len(hops), N_CHANNELS, N_PARTIALS))
    for hop, sums in zip(hops, partials, strict=True):
        hop_partials(hop, _AC_COUPLED, sums)
    out = np.empty((len(hops) - 1, N_CHANNELS, N_TIME))
    merge_partials(np.stack((partials[:-1], partials[1:]), axis=1), _AC_COUPLED, FS_HZ, out)
    return out


@dataclass(frozen=True, slots=True)
class Rated:
    """Work, and how many windows it is worth.

    Parameters
    ----------
    work : callable
        Computes them.
    n_windows : int
        At least 1.
    """

    work: Work
    n_windows: int

    def msps(self, seconds: float) -> float:
        """Million new samples per second, if the work takes so long."""
        return 1e-6 * self.n_windows * N_CHANNELS * N_HOP / seconds


@dataclass(frozen=True, slots=True)
class Compared:
    """Ours and a peer in million new samples per second, and how many times faster ours is, pair by pair."""

    ours_msps: float
    peer_msps: float
    ratio: float

    @property
    def said(self) -> str:
        """Both rates."""
        return f"{self.ours_msps:.3g} beside {self.peer_msps:.3g} MS/s"


def compare(mine: Rated, peer: Rated) -> Compared:
    """Measure both in turn; they may be worth different numbers of windows."""
    paired = time_paired(mine.work, peer.work)
    ratio = paired.ratio * mine.n_windows / peer.n_windows
    return Compared(mine.msps(paired.ours_s), peer.msps(paired.peer_s), ratio)


def hops_of_stream() -> list[NDArray[np.float32]]:
    """Hops enough for windows that no cache but the last holds."""
    return hop_pool()[:N_HOPS]


def windows_of_stream(n_hops: int) -> list[NDArray[np.float32]]:
    """Overlapping views, float32[n_channels, n_samples] each, of the stream's beginning."""
    samples = np.concatenate(hops_of_stream()[:n_hops], axis=1)
    return [samples[:, i * N_HOP : i * N_HOP + N_WINDOW] for i in range(n_hops - 1)]


@cache
def by_hand() -> ByHand:
    """The peer by hand, for this stream."""
    (spindle,) = spindles(1)
    bearing = spindle.groups[0].channels[0].bearing
    assert bearing is not None
    return ByHand(FS_HZ, N_WINDOW, N_TEETH, bearing.orders)


def _full_set() -> Rated:
    hops = hops_of_stream()
    return Rated(lambda: ours(hops), N_HOPS - 1)


def _transforms() -> Rated:
    return Rated(transforms(N_WINDOW, _N_STACK * N_CHANNELS), _N_STACK)


def _each_window(compute: Callable[[NDArray[np.float32]], object], n_hops: int) -> Rated:
    """A peer that takes one window after the other."""
    windows = windows_of_stream(n_hops)

    def work() -> None:
        for window in windows:
            compute(window)

    return Rated(work, len(windows))


def _by_numpy() -> Rated:
    hand = by_hand()
    return _each_window(lambda x: hand.features(x, RPM), N_HOPS)


def _by_scipy() -> Rated:
    scipy = ByScipy(by_hand())
    return _each_window(lambda x: scipy.features(x, RPM), _N_SLOW_HOPS)


def _by_tsflex(of_channel: Callable[[NDArray[np.float32]], list[float]]) -> Rated:
    samples = np.concatenate(hops_of_stream()[:_N_SLOW_HOPS], axis=1)
    return Rated(*tsflex_features(samples, N_WINDOW, N_HOP, of_channel, FULL_SET))


@figure("memory_pass_MSps", unit="MS/s")
def memory(bench: Bench) -> Measured:  # noqa: ARG001 - figures have one shape
    once = memory_pass()
    return Measured(
        1e-6 * once.samples_per_s,
        note=f"a limit: float32 summed from memory once, {1e-9 * once.bytes_per_s:.3g} GB/s",
    )


@figure("fft_MSps", unit="MS/s")
def fft(bench: Bench) -> Measured:  # noqa: ARG001
    work = _transforms()
    row_s = time_work(work.work) / (work.n_windows * N_CHANNELS)
    note = (
        f"a limit: one real transform of {N_WINDOW} float32 per window and channel, {_N_STACK * N_CHANNELS} at "
        f"once, {1e6 * row_s:.3g} µs each, {1e-9 * transform_flop(N_WINDOW) / row_s:.3g} GFlop/s"
    )
    return Measured(1e-6 * N_HOP / row_s, note=note)


@figure("time_domain_MSps", unit="MS/s", peer="NumPy by hand")
def time_domain(bench: Bench) -> Measured:  # noqa: ARG001
    hops, unused, hand = hops_of_stream(), np.empty((N_CHANNELS, N_TIME)), by_hand()
    peer = _each_window(lambda x: hand.time_domain(x, unused), N_HOPS)
    compared = compare(Rated(lambda: ours_time_domain(hops), N_HOPS - 1), peer)
    return Measured(
        compared.ours_msps, compared.peer_msps, f"the bare kernels, {N_TIME} features per channel"
    )


@figure("full_set_MSps", unit="MS/s", peer="the transforms of the samples alone")
def full_set(bench: Bench) -> Measured:  # noqa: ARG001
    compared = compare(_full_set(), _transforms())
    n_features = len(feature_set().features)
    return Measured(compared.ours_msps, compared.peer_msps, f"{n_features} features per window")


@figure("full_set_vs_numpy", unit="x")
def full_set_vs_numpy(bench: Bench) -> Measured:  # noqa: ARG001
    compared = compare(_full_set(), _by_numpy())
    most = compare(_transforms(), _by_numpy()).ratio
    return Measured(compared.ratio, note=f"NumPy by hand: {compared.said}; the transforms alone: {most:.3g}x")


@figure("full_set_vs_scipy", unit="x")
def full_set_vs_scipy(bench: Bench) -> Measured:  # noqa: ARG001
    compared = compare(_full_set(), _by_scipy())
    return Measured(
        compared.ratio, note=f"SciPy by hand (welch, sosfiltfilt, hilbert, stats): {compared.said}"
    )


@figure("full_set_vs_tsflex", unit="x")
def full_set_vs_tsflex(bench: Bench) -> Measured:  # noqa: ARG001
    hand = by_hand()
    scipy, mine = ByScipy(hand), _full_set()
    usual = compare(mine, _by_tsflex(lambda x: scipy.of_channel(x, RPM)))
    best = compare(mine, _by_tsflex(lambda x: hand.features(x[None], RPM)[0].tolist()))
    note = (
        f"tsflex over functions of SciPy: {usual.said}; over one function of NumPy for everything: "
        f"{best.ratio:.3g}x, {best.peer_msps:.3g} MS/s"
    )
    return Measured(usual.ratio, note=note)


@figure("full_set_vs_tsfresh", unit="x")
def full_set_vs_tsfresh(bench: Bench) -> Measured:  # noqa: ARG001
    windows = np.stack(windows_of_stream(_N_SLOW_HOPS))
    compared = compare(_full_set(), Rated(tsfresh_features(windows), len(windows)))
    note = f"tsfresh's minimal set, 10 features per channel and none spectral: {compared.said}"
    return Measured(compared.ratio, note=note)
