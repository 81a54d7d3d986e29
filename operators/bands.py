"""Spectral bands of a sensor group: equally wide on a logarithmic frequency axis, named by their edges."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from engine.config import WaveformConfig
from engine.declared import SensorGroup
from engine.errors import ConfigError
from operators.kernels.spectral import log_band_edges


def band_edges(group: SensorGroup, config: WaveformConfig, n_samples: int) -> NDArray[np.float64]:
    """Edges of the bands; a single one, where the spectrum begins to count, if no bands are wanted.

    Parameters
    ----------
    group : SensorGroup
        Of kind ``waveform``.
    config : WaveformConfig
        ``n_bands``, ``band_low_hz``.
    n_samples : int
        In a window.

    Returns
    -------
    float64[n_bands + 1]
        Ascending, from ``band_low_hz`` to the Nyquist frequency.

    Raises
    ------
    ConfigError
        A first band above the Nyquist frequency, or narrower than a window resolves.
    """
    nyquist_hz, low_hz = group.sample_rate_hz / 2, config.band_low_hz
    if not (config.n_bands or config.spectral_features or config.order_features):
        return np.array([low_hz])
    if not low_hz < nyquist_hz:
        raise ConfigError(
            f"Expected less than the Nyquist frequency of sensor group {group.name!r}, {nyquist_hz:g} Hz, "
            f"got {low_hz:g} - at `$.waveform.band_low_hz`"
        )
    if not config.n_bands:
        return np.array([low_hz])
    edges = log_band_edges(low_hz, nyquist_hz, config.n_bands)
    resolution_hz = group.sample_rate_hz / n_samples
    if edges[1] - edges[0] < resolution_hz * (1 - 1e-9):
        raise ConfigError(
            f"Expected bands no narrower than the {resolution_hz:.3g} Hz that {n_samples} samples of sensor "
            f"group {group.name!r} at {group.sample_rate_hz:g} Hz resolve, got {config.n_bands} bands from "
            f"{edges[0]:.3g} to {edges[1]:.3g} Hz and up: fewer bands, a higher band_low_hz or a longer "
            "window_s - at `$.waveform.n_bands`"
        )
    return edges


def band_names(edges_hz: NDArray[np.float64]) -> list[str]:
    """Names of the bands between edges.

    Parameters
    ----------
    edges_hz : float64[n_bands + 1]
        Ascending.

    Returns
    -------
    list of str
        ``band_20_45_hz`` and so on, with as many decimals as keep the edges apart; ``p`` is the decimal point.

    Examples
    --------
    >>> band_names(np.array([20.0, 20.5, 100.0]))
    ['band_20p0_20p5_hz', 'band_20p5_100p0_hz']
    """
    decimals = 0
    while len({f"{edge:.{decimals}f}" for edge in edges_hz}) < edges_hz.size:
        decimals += 1
    texts = [f"{edge:.{decimals}f}".replace(".", "p") for edge in edges_hz]
    return [f"band_{low}_{high}_hz" for low, high in pairwise(texts)]
