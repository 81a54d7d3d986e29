"""How surely a bearing's frequencies stand in the envelope of the whole, whitened spectrum.

`operators.kernels.envelope` tells how deep the modulation of one band is; deep or not, nobody knows what is normal
for a machine. This module compares each line with the spectrum around it, so it needs no teach-in, and its answer
means the same at every speed, rate and level. The transforms stand between the kernels and are the caller's,
`operators.white_envelope`.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from operators.kernels.whitening import LEAST_SPACING, LOBE, power_of

N_EVIDENCE = 3
BPFO, BPFI, BSF = range(N_EVIDENCE)

SLIP_LOW, SLIP_HIGH = 0.98, 1.01
"""Where a line is looked for, as a share of where geometry puts it: rolling elements slip by up to two percent, and
tables of geometry differ by one."""
GUARD = 3
"""Bins from a multiple of the speed within which nothing is called a bearing's: the main lobe of a squared Hann."""
LEAST_POSITION = 2 * LOBE + 1
"""Bins from 0 to the nearest line that the mean does not hide."""

_N_AROUND = 24  # bins to either side from which the surroundings are estimated ...
_N_FLANK = 5  # ... and next to the line, so that a hump is none
_FOOT_REACH = 6.0  # a strong multiple of the speed reaches so far ...
_FOOT = 0.05  # ... with so much of its power, -13 dB: its foot, widened by unsteady speed
_MEAN_OF_LOGS = (
    1.781072417990198  # exp(Euler's gamma): mean over geometric mean of exponentially distributed power
)
# Correlated by the taper, two neighbouring bins tell as much as one.
_INDEPENDENT = 0.5

_OPTIONS = {
    "nogil": True,
    "error_model": "numpy",
    "fastmath": {"reassoc", "contract", "nsz", "arcp"},
}
_F = types.float64
_PER_ROW = types.Array(types.float64, 1, "A", readonly=True)
_ORDERS = types.Array(types.float64, 2, "A", readonly=True)
_SPECTRA = types.Array(types.complex64, 2, "C", readonly=True)


@njit(forceinline=True, **_OPTIONS)
def _apart(position: float, spacing: float) -> float:
    """Bins to the nearest multiple of the speed."""
    return abs(position - math.floor(position / spacing + 0.5) * spacing)


@njit(forceinline=True, **_OPTIONS)
def _surroundings(
    spectrum: NDArray[np.complex64], centre: float, spare: int, spacing: float
) -> tuple[float, int]:
    """Mean power around a line, without what belongs to the speed, and from how many bins; 0 from none.

    The mean of logarithms: sidebands and other lines hardly move it.
    """
    total, n = 0.0, 0
    middle = int(centre + 0.5)
    for k in range(
        max(LOBE + 1, middle - spare - _N_AROUND), min(spectrum.size, middle + spare + _N_AROUND + 1)
    ):
        if abs(k - middle) > spare and _apart(float(k), spacing) >= LOBE + 0.5:
            total += math.log(power_of(spectrum[k]))
            n += 1
    return (math.exp(total / n) * _MEAN_OF_LOGS if n else 0.0), n


@njit(forceinline=True, **_OPTIONS)
def _flank(spectrum: NDArray[np.complex64], line: int, step: int) -> float:
    """Mean power on one side of a line, right behind its lobe; 0 where the spectrum ends."""
    total, n = 0.0, 0
    for d in range(LOBE + 1, LOBE + 1 + _N_FLANK):
        k = line + step * d
        if LOBE < k < spectrum.size:
            total += math.log(power_of(spectrum[k]))
            n += 1
    return math.exp(total / n) * _MEAN_OF_LOGS if n else 0.0


@njit(forceinline=True, **_OPTIONS)
def _stands_out(
    spectrum: NDArray[np.complex64], position: float, spacing: float, around: float, narrow: bool
) -> float:
    """Power of a line over what is expected there; -1 where a line would not be a bearing's or cannot be said."""
    apart = _apart(position, spacing)
    if not around > 0.0 or apart < GUARD:
        return -1.0
    expected = around
    if apart < _FOOT_REACH:
        k = int(math.floor(position / spacing + 0.5) * spacing + 0.5)
        for j in range(max(k - 1, 0), min(k + 2, spectrum.size)):
            expected = max(expected, _FOOT * power_of(spectrum[j]))
    line = int(position + 0.5)
    if narrow:
        expected = max(expected, _flank(spectrum, line, -1), _flank(spectrum, line, 1))
    return float(power_of(spectrum[line]) / expected)


@njit(forceinline=True, **_OPTIONS)
def _surprise(first: float, second: float) -> float:
    """Minus the logarithm of the chance that noise stands out so much; -1 if nothing can be said.

    Noise is distributed exponentially, the sum of two lines as a gamma variable. The second harmonic counts no more
    than the first, where that can be seen: else it might be another element's, whose sidebands lie everywhere.
    """
    if first < 0.0 or second < 0.0:
        return max(first, second)
    total = first + min(first, second)
    return total - math.log(1.0 + total)


@njit(forceinline=True, **_OPTIONS)
def _in_one(spectrum: NDArray[np.complex64], position: float, spacing: float) -> float:
    """Evidence for the line that geometry puts at a position: nats, NaN if it cannot be said."""
    n_bins = spectrum.size
    middle, spread = 0.5 * (SLIP_LOW + SLIP_HIGH), SLIP_HIGH - SLIP_LOW
    n_harmonics = 2 if 2.0 * SLIP_HIGH * position + LOBE < n_bins else 1
    around, n_around = _surroundings(
        spectrum, middle * position, int(0.5 * spread * position) + LOBE, spacing
    )
    around_2, n_around_2 = 0.0, 0
    if n_harmonics == 2:
        around_2, n_around_2 = _surroundings(
            spectrum, 2.0 * middle * position, int(spread * position) + LOBE, spacing
        )
    n_places = int(spread * position * n_harmonics) + 1
    best, place = -1.0, 0.0
    for step in range(n_places):
        at = position * (SLIP_LOW + spread * (step + 0.5) / n_places)
        found = _surprise(
            _stands_out(spectrum, at, spacing, around, False),
            _stands_out(spectrum, 2.0 * at, spacing, around_2, False),
        )
        if found > best:
            best, place = found, at
    if not best >= 0.0:
        return math.nan
    found = _surprise(
        _stands_out(spectrum, place, spacing, around, True),
        _stands_out(spectrum, 2.0 * place, spacing, around_2, True),
    ) - math.log(np.float64(n_places))
    # The surroundings are themselves estimated, from so many bins: that makes the tail of the ratio heavier.
    n_known = _INDEPENDENT * max(n_around, n_around_2)
    return n_known * math.log(1.0 + found / n_known) if found > 0.0 else 0.0


@njit(types.void(_SPECTRA, _F, _PER_ROW, _ORDERS, types.float64[:, :]), cache=True, **_OPTIONS)
def bearing_evidence(
    spectra: NDArray[np.complex64],
    bin_hz: float,
    rpm: NDArray[np.float64],
    orders: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """How surely each of a bearing's lines stands in the squared envelope, in nats.

    Evidence E says that noise alone would show as much in at most one window of e^E: about 1 or less while all is
    well, 15 and more where a race is spalled. Looked for are a line and its second harmonic, at the same slip, as
    far from every multiple of the speed as can be told from it: unbalance and teeth are never called a bearing. Of
    a rolling element it is twice its own frequency, for it meets a race twice per turn. Misleading where something
    else is modulated at the very frequency, narrowly and steadily: another bearing of like geometry, a beat
    between a gear or a healthy bearing's tone and the teeth. It cannot tell how bad a damage is. A speed that is
    wrong by more than a percent, or that changes by so much within the window, hides every line.

    Parameters
    ----------
    spectra : complex64[>= n_rows, n_bins]
        Real FFT of squared envelopes of whitened spectra, not tapered again.
    bin_hz : float
        Distance between bins.
    rpm : float64[n_rows]
        Speed; any stride. NaN if unknown.
    orders : float64[n_rows, 4]
        BPFO, BPFI, BSF and FTF per revolution; any strides. NaN if unknown. The last is not read: the cage's line
        lies where belts, rubbing and unsteady speed have theirs.
    out : float64[n_rows, 3]
        Written: evidence for BPFO, BPFI and BSF, 0 or more. NaN, and `why_evidence_missing` says why: unknown speed
        or bearing, a line beyond the spectrum, multiples of the speed less than nine bins apart, or a line too
        close to 0 or to one of them. NaN for a row without power or with samples that are not finite.

    Notes
    -----
    No allocation. Surroundings are some 40 bins without the multiples of the speed; a hump as wide as they are is
    no line.

    References
    ----------
    R. B. Randall, J. Antoni, "Rolling element bearing diagnostics - a tutorial", Mechanical Systems and Signal
    Processing 25 (2011).
    """
    n_bins = spectra.shape[1]
    for row in range(out.shape[0]):
        spacing = rpm[row] / (60.0 * bin_hz)
        mean = spectra[row, 0].real
        for line in range(N_EVIDENCE):
            position = orders[row, line] * spacing * (2.0 if line == BSF else 1.0)
            # Also false for a NaN.
            known = spacing >= LEAST_SPACING and position * SLIP_LOW >= LEAST_POSITION
            if known and position * SLIP_HIGH + LOBE < n_bins and 0.0 < mean < math.inf:
                out[row, line] = _in_one(spectra[row], position, spacing)
            else:
                out[row, line] = math.nan


def why_evidence_missing(line: int, rpm: float, order: float, bin_hz: float, n_bins: int) -> str | None:
    """What keeps the evidence for a line from being said, if it is not the samples.

    Parameters
    ----------
    line : int
        BPFO, BPFI or BSF.
    rpm, order : float
        Speed, and the line's frequency per revolution; NaN if unknown.
    bin_hz : float
        Distance between bins.
    n_bins : int
        Of the squared envelope's spectrum.

    Returns
    -------
    str or None
        ``bearing geometry unknown``, ``rpm unknown``, ``spindle not turning``, ``rate too low`` or
        ``lines not resolved``. None: nothing but samples that are not finite, or no vibration at all.

    Examples
    --------
    >>> why_evidence_missing(BPFO, 600.0, 3.58, 2.0, 301)
    'lines not resolved'
    """
    if not order > 0.0:
        return "bearing geometry unknown"
    if math.isnan(rpm):
        return "rpm unknown"
    if not rpm > 0.0:
        return "spindle not turning"
    spacing = rpm / (60.0 * bin_hz)
    position = order * spacing * (2.0 if line == BSF else 1.0)
    if not position * SLIP_HIGH + LOBE < n_bins:
        return "rate too low"
    if not (spacing >= LEAST_SPACING and position * SLIP_LOW >= LEAST_POSITION):
        return "lines not resolved"
    n_harmonics = 2 if 2.0 * SLIP_HIGH * position + LOBE < n_bins else 1
    n_places = int((SLIP_HIGH - SLIP_LOW) * position * n_harmonics) + 1
    places = position * (SLIP_LOW + (SLIP_HIGH - SLIP_LOW) * (np.arange(n_places) + 0.5) / n_places)
    clear = [_apart(h * at, spacing) >= GUARD for at in places for h in range(1, n_harmonics + 1)]
    return None if any(clear) else "lines not resolved"
