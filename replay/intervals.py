"""What so many trials or counts say about the probability or rate behind them: 95 % confidence intervals."""

from __future__ import annotations

import math


def wilson(n_hit: int, n: int, z: float = 1.959964) -> tuple[float, float]:
    """Confidence interval of a probability (Wilson, JASA 22, 1927): honest also at 0 and 100 % and for few trials.

    Parameters
    ----------
    n_hit, n : int
        Successes of so many trials.
    z : float
        Quantile of the normal distribution; 1.96 = 95 %.

    Returns
    -------
    low, high : float
        0 to 1; the whole range without trials.

    Examples
    --------
    >>> [round(bound, 3) for bound in wilson(100, 100)]
    [0.963, 1.0]
    >>> wilson(0, 0)
    (0.0, 1.0)
    """
    if n == 0:
        return 0.0, 1.0
    share, spread = n_hit / n, z * z / n
    middle = (share + spread / 2.0) / (1.0 + spread)
    half = z / (1.0 + spread) * math.sqrt(share * (1.0 - share) / n + spread / (4.0 * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def poisson(n: int, exposure: float, confidence: float = 0.95) -> tuple[float, float]:
    """Confidence interval of a rate from a count (Garwood, Biometrika 28, 1936): exact, so rather too wide.

    Parameters
    ----------
    n : int
        What was counted.
    exposure : float
        Over what: days, hours; greater than 0.
    confidence : float
        0 to 1.

    Returns
    -------
    low, high : float
        Per unit of exposure; infinite above where there was none.

    Examples
    --------
    >>> [round(bound, 2) for bound in poisson(0, 10.0)]
    [0.0, 0.37]
    """
    if not exposure > 0.0:
        return 0.0, math.inf
    from scipy.special import gammaincinv

    tail = (1.0 - confidence) / 2.0
    low = float(gammaincinv(n, tail)) if n else 0.0
    return low / exposure, float(gammaincinv(n + 1, 1.0 - tail)) / exposure
