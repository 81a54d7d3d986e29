"""What this machine can do at best: the rates beside which a kernel's rate means something.

Both are context, not goals: no feature needs less than one pass over its samples, and no spectrum less than a
transform. They depend on machine and library alone, so they also tell two machines' figures apart.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy.fft
from numba import njit, types
from numpy.typing import NDArray

from perf.timing import Work, time_work

_N_DRAM = 1 << 26  # 256 MB of float32: several times the last cache
_N_LANE = 8192  # samples summed in float32 before they go into float64


@dataclass(frozen=True, slots=True)
class Pass:
    """Reading samples once, in order, from memory that no cache holds.

    Parameters
    ----------
    samples_per_s : float
        Of float32.
    bytes_per_s : float
        The same, four bytes each.
    """

    samples_per_s: float
    bytes_per_s: float


@njit(
    types.float64(types.Array(types.float32, 1, "C", readonly=True)),
    cache=True,
    nogil=True,
    error_model="numpy",
    fastmath={"reassoc", "contract", "nsz", "arcp"},
)
def sum_once(x: NDArray[np.float32]) -> float:
    """Sum of all samples in one pass: the least that anything that looks at every sample does.

    Parameters
    ----------
    x : float32[n_samples]
        C-contiguous; may be read-only.

    Returns
    -------
    float
        To about 1e-6 of the sum of magnitudes. NaN if there is one, or infinities of both signs; 0 of nothing.

    Notes
    -----
    Float32 lanes emptied into float64, as the feature kernels do: as fast as memory delivers. No allocation.
    """
    total = 0.0
    for start in range(0, x.size, _N_LANE):
        lane = np.float32(0.0)
        y = x[start : start + _N_LANE]
        for i in range(y.size):
            lane += y[i]
        total += np.float64(lane)
    return total


def memory_pass(n_samples: int = _N_DRAM, n_rounds: int = 7) -> Pass:
    """Measure one pass over memory on one core.

    Parameters
    ----------
    n_samples : int
        Far more than the caches hold, or it is a cache that is measured.
    n_rounds : int
        As for `perf.timing.time_work`.

    Returns
    -------
    Pass
        Measured.
    """
    x = np.ones(n_samples, np.float32)
    seconds = time_work(lambda: sum_once(x), n_rounds)
    return Pass(n_samples / seconds, x.nbytes / seconds)


def transforms(n_samples: int, n_rows: int) -> Work:
    """Real FFT of float32 rows as spectra are made here: SciPy's, several rows at once.

    Parameters
    ----------
    n_samples : int
        In a row.
    n_rows : int
        In a call. One row alone takes three to four times as long as one of many.

    Returns
    -------
    callable
        Transforms them all; in one thread.
    """
    rows = np.random.default_rng(0).standard_normal((n_rows, n_samples), dtype=np.float32)
    return lambda: scipy.fft.rfft(rows, axis=1)


def transform_flop(n_samples: int) -> float:
    """Operations of a real transform by the customary count, whatever the library really does.

    Parameters
    ----------
    n_samples : int
        In a row.

    Returns
    -------
    float
        ``2.5 n log2(n)``.

    Examples
    --------
    >>> transform_flop(1024)
    25600.0
    """
    return 2.5 * n_samples * math.log2(n_samples)
