"""Curves as text: 16 bits for each value, which is finer than any screen."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from numpy.typing import NDArray

_UNKNOWN = 65_535
_STEPS = _UNKNOWN - 1


def pack(values: NDArray[Any]) -> dict[str, Any]:
    """Return a curve as plain values that a page unpacks to what it was, to a 65,534th of its range.

    Parameters
    ----------
    values : float[n]
        NaN and infinities are kept as "cannot say".

    Returns
    -------
    dict
        ``low`` and ``high``, the range; ``data``, base64 of uint16[n], little-endian: 0 is ``low``, 65534 is ``high``,
        65535 is unknown. ``low`` is None if nothing is known.

    Examples
    --------
    >>> pack(np.array([0.0, np.nan, 2.0]))
    {'low': 0.0, 'high': 2.0, 'data': 'AAD///7/'}
    """
    known = np.isfinite(values)
    codes = np.full(values.size, _UNKNOWN, "<u2")
    if not known.any():
        return {"low": None, "high": None, "data": base64.b64encode(codes.tobytes()).decode()}
    told = values[known].astype(np.float64)
    low, high = float(told.min()), float(told.max())
    # Halved before they are subtracted: the difference of two floats may leave the range of floats.
    span = high / 2 - low / 2
    codes[known] = np.round((told / 2 - low / 2) / span * _STEPS) if span > 0 else 0
    return {"low": low, "high": high, "data": base64.b64encode(codes.tobytes()).decode()}


def reduce_max(values: NDArray[Any], n_most: int) -> tuple[NDArray[np.float64], int]:
    """Keep the largest of every few values, so that no line of a spectrum is lost.

    Parameters
    ----------
    values : float[n]
        NaN is passed over where there is another value.
    n_most : int
        As many are left at most, at least 1.

    Returns
    -------
    values : float64[<= n_most]
        The largest of each run.
    n_run : int
        How many became one.

    Examples
    --------
    >>> reduce_max(np.array([1.0, 5.0, 2.0]), 2)
    (array([5., 2.]), 2)
    """
    n_run = max(1, -(-values.size // n_most))
    padded = np.full(-(-values.size // n_run) * n_run, np.nan)
    padded[: values.size] = values
    return np.fmax.reduce(padded.reshape(-1, n_run), axis=1), n_run


def reduce_range(values: NDArray[Any], n_most: int) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    """Keep the smallest and the largest of every few samples: the outline of a waveform.

    Parameters
    ----------
    values : float[n]
        NaN is passed over where there is another value.
    n_most : int
        As many are left at most, at least 1.

    Returns
    -------
    smallest, largest : float64[<= n_most]
        Of each run.
    n_run : int
        How many became one.
    """
    smallest, n_run = reduce_max(-values, n_most)
    return -smallest, reduce_max(values, n_most)[0], n_run
