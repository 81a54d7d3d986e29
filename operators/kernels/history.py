"""Features of slow sensor groups: the latest value and how it has moved over the last few samples."""

from __future__ import annotations

import math

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

N_HISTORY = 3
VALUE, SLOPE, STD = range(N_HISTORY)

_STACK = types.Array(types.float32, 3, "C", readonly=True)
_OUT = types.Array(types.float64, 3, "A")


@njit(types.void(_STACK, types.float64, _OUT), cache=True, nogil=True, error_model="numpy")
def history_features(samples: NDArray[np.float32], fs: float, out: NDArray[np.float64]) -> None:
    """Latest value, slope and scatter of every channel of every window.

    The slope takes samples to be evenly spaced; where a sensor's steps vary, it is as wrong as they do.

    Parameters
    ----------
    samples : float32[n_windows, n_channels, n_samples]
        Oldest first; C-contiguous; may be read-only.
    fs : float
        Samples per second.
    out : float64[n_windows, n_channels, 3]
        Written; any strides: VALUE, the last sample; SLOPE, of the least-squares line, in units per second;
        STD, the population standard deviation. VALUE is NaN if the last sample is NaN or infinite, the others
        if any sample is, or if there are fewer than two.

    Notes
    -----
    No allocation.

    Examples
    --------
    >>> import numpy as np
    >>> out = np.empty((1, 1, N_HISTORY))
    >>> history_features(np.array([[[20.0, 20.5, 21.0]]], dtype=np.float32), 0.1, out)
    >>> out[0, 0, [VALUE, SLOPE]].round(6).tolist()
    [21.0, 0.05]
    """
    n_windows, n_channels, n = samples.shape
    for window in range(n_windows):
        for channel in range(n_channels):
            row = samples[window, channel]
            last = np.float64(row[n - 1]) if n > 0 else math.nan
            total = 0.0
            for value in row:
                total += np.float64(value) - last
            mean = total / n  # of the distance from the last sample; NaN if any sample is not finite
            middle = 0.5 * (n - 1)
            along = across = squares = 0.0
            for i in range(n):
                d = np.float64(row[i]) - last - mean
                along += (i - middle) * (i - middle)
                across += (i - middle) * d
                squares += d * d
            known = n > 1 and math.isfinite(mean)
            out[window, channel, VALUE] = last if math.isfinite(last) else math.nan
            out[window, channel, SLOPE] = across / along * fs if known else math.nan
            out[window, channel, STD] = math.sqrt(squares / n) if known else math.nan
