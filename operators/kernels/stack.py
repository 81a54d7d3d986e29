"""From hops to the rows of a batched FFT."""

from __future__ import annotations

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

_HOP = types.Array(types.float32, 2, "C", readonly=True)
_MEANS = types.Array(types.float64, 1, "A", readonly=True)


@njit(types.void(_HOP, _MEANS, types.float32[:, :]), cache=True, nogil=True, error_model="numpy")
def place_hop(samples: NDArray[np.float32], means: NDArray[np.float64], out: NDArray[np.float32]) -> None:
    """Copy one hop of every channel to where it belongs in its row, without the channel's mean.

    Parameters
    ----------
    samples : float32[n_channels, n_samples]
        C-contiguous; may be read-only.
    means : float64[n_channels]
        Of the window; any stride. A NaN makes the channel's row NaN.
    out : float32[n_channels, n_samples]
        Written; any strides.

    Notes
    -----
    No allocation. The mean is rounded to float32, as the samples are; what that leaves of a large DC part stays
    in the first two bins of a Hann-tapered spectrum.
    """
    n_samples = samples.shape[1]
    for channel in range(samples.shape[0]):
        x, y, mean = samples[channel], out[channel, :n_samples], np.float32(means[channel])
        for i in range(x.size):
            y[i] = x[i] - mean
