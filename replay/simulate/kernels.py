"""Compiled arithmetic of the simulator: what is done for every sample.

Days of machining are simulated to count false alerts, so the few loops that touch every sample are fused here; what
happens once per phase or chunk stays in plain NumPy beside its explanation. Sines are a polynomial good to 1e-7,
far below the converter's noise.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]

G_M_S2 = 9.80665

_OPTIONS = {"nogil": True, "error_model": "numpy", "fastmath": {"reassoc", "contract", "nsz", "arcp"}}
_F, _ROW, _ROWS = types.float64, types.float64[::1], types.float64[:, ::1]
_NOISE, _PAIR = types.float32[:, ::1], types.float64[:, :, ::1]


@njit(_F(_F), cache=True, inline="always", **_OPTIONS)
def sin_turns(turns: float) -> float:
    """Sine of an angle in revolutions; error below 1e-7.

    Parameters
    ----------
    turns : float
        Finite, any size.
    """
    part = 0.25 - abs(turns + 0.25 - math.floor(turns + 0.25) - 0.5)  # the same sine, within a quarter turn
    y = 2.0 * math.pi * part
    z = y * y
    series = 1.0 / 362880.0 - z / 39916800.0
    series = -1.0 / 5040.0 + z * series
    series = 1.0 / 120.0 + z * series
    series = -1.0 / 6.0 + z * series
    return y * (1.0 + z * series)


@njit(_F(_F, _ROWS, _ROWS), cache=True, inline="always", **_OPTIONS)
def answer(force: float, filters: Floats, state: Floats) -> float:
    """Sum of what second-order filters make of one sample.

    Parameters
    ----------
    force : float
        The sample.
    filters : float64[n_modes, 5]
        ``b0 b1 b2 a1 a2`` of each, with ``a0 = 1``.
    state : float64[n_modes, 2]
        Changed in place (transposed direct form II).
    """
    total = 0.0
    for mode in range(filters.shape[0]):
        y = filters[mode, 0] * force + state[mode, 0]
        state[mode, 0] = filters[mode, 1] * force - filters[mode, 3] * y + state[mode, 1]
        state[mode, 1] = filters[mode, 2] * force - filters[mode, 4] * y
        total += y
    return total


@njit(types.void(_ROW, _ROWS, _ROWS, _ROW), cache=True, **_OPTIONS)
def respond(
    force: Floats,
    filters: Floats,
    state: Floats,
    out: Floats,
) -> None:
    """Filter a stretch: `answer` to every sample of ``force``, into ``out``; both float64[n_samples]."""
    for index in range(force.size):
        out[index] = answer(force[index], filters, state)


@njit(_F(_F, _F, _ROW, _ROWS, _F, _ROWS, _F, _ROWS), cache=True, **_OPTIONS)
def turn(
    start_s: float,
    fs: float,
    corners_s: Floats,
    corners: Floats,
    knot_s: float,
    knots: Floats,
    revolution: float,
    out: Floats,
) -> float:
    """Turn corners of speed and engagement into motion, sample by sample.

    Parameters
    ----------
    start_s, fs : float
        Time of the first sample, and samples per second.
    corners_s, corners : float64[n], float64[n, 2]
        Times, ascending and covering the samples, and speed (rpm) and engagement there; straight lines in between.
    knot_s, knots : float, float64[m, 2]
        Factors on both wander in straight lines between knots so far apart, the first at ``start_s``.
    revolution : float
        Angle at the first sample.
    out : float64[4, n_samples]
        Time, rpm, revolution and engagement.

    Returns
    -------
    float
        Angle at the sample after the last.
    """
    corner = 0
    for index in range(out.shape[1]):
        t_s = start_s + index / fs
        while corner < corners_s.size - 2 and t_s >= corners_s[corner + 1]:
            corner += 1
        share = (t_s - corners_s[corner]) / (corners_s[corner + 1] - corners_s[corner])
        share = min(max(share, 0.0), 1.0)
        place = index / fs / knot_s
        knot = min(int(place), knots.shape[0] - 2)
        place -= knot
        rpm = corners[corner, 0] + share * (corners[corner + 1, 0] - corners[corner, 0])
        engaged = corners[corner, 1] + share * (corners[corner + 1, 1] - corners[corner, 1])
        rpm *= knots[knot, 0] + place * (knots[knot + 1, 0] - knots[knot, 0])
        engaged *= knots[knot, 1] + place * (knots[knot + 1, 1] - knots[knot, 1])
        out[0, index] = t_s
        out[1, index] = rpm
        out[2, index] = revolution
        out[3, index] = engaged
        revolution += rpm / (60.0 * fs)
    return revolution


@njit(types.void(_ROW, _ROW, _F, _ROW, _ROW), cache=True, **_OPTIONS)
def look_up(
    revolution: Floats,
    engaged: Floats,
    share: float,
    table: Floats,
    out: Floats,
) -> None:
    """Force (or torque) at each angle of the spindle, on a straight line between the table's.

    Without the line, the table's steps would be a noise between the lines of the revolution, as strong in a finishing
    cut as that of the chips.

    Parameters
    ----------
    revolution, engaged : float64[n_samples]
        Angle in revolutions, and share of the cut that is engaged.
    share : float
        Factor on everything.
    table : float64[n_angles]
        Over one revolution.
    out : float64[n_samples]
        Result.
    """
    for index in range(revolution.size):
        part = (revolution[index] - math.floor(revolution[index])) * table.size
        place = min(int(part), table.size - 1)
        after = table[place + 1] if place + 1 < table.size else table[0]
        out[index] = share * engaged[index] * (table[place] + (part - place) * (after - table[place]))


@njit(_F(_ROW, _F, _F, _F, _ROW), cache=True, **_OPTIONS)
def follow(wanted: Floats, limit: float, keep: float, before: float, out: Floats) -> float:
    """Follow what is wanted with a first-order lag, as far as a limit allows.

    Parameters
    ----------
    wanted : float64[n_samples]
        Any size.
    limit : float
        No more than this, to either side.
    keep : float
        Share of the last value that is left after one sample.
    before : float
        Value before the first sample.
    out : float64[n_samples]
        Result.

    Returns
    -------
    float
        The last value.
    """
    for index in range(wanted.size):
        before = keep * before + (1.0 - keep) * min(max(wanted[index], -limit), limit)
        out[index] = before
    return before


@njit(types.void(_ROWS, _ROWS, _NOISE, _ROWS, _PAIR, _PAIR, _ROW, _ROWS), cache=True, **_OPTIONS)
def shake(
    motion: Floats,
    forces: Floats,
    noise: NDArray[np.float32],
    faults: Floats,
    filters: Floats,
    state: Floats,
    levels: Floats,
    out: Floats,
) -> None:
    """Acceleration that the sensor shows, in g.

    Parameters
    ----------
    motion : float64[4, n_samples]
        As `turn` makes it.
    forces : float64[6, n_samples]
        Along and across the feed (N), standard deviation of the broadband force of cutting (N), acceleration by chatter
        along and across (m/s²), impacts of the bearing (N).
    noise : float32[4, n_samples]
        Standard normal.
    faults : float64[3, n_samples]
        Factor on the noise of rolling, factor on the imbalance, and whether coolant flows (0 or 1).
    filters, state : float64[2, n_modes, 5], float64[2, n_modes, 2]
        Of the structure, along and across (`answer`); the state is changed.
    levels : float64[10]
        Imbalance (m/s² per krpm²), its second order as a share, rolling noise (N per krpm), tone of the bearing (m/s²
        per krpm), its order and place at the first sample in turns, pump (g), its frequency (Hz), noise floor (g),
        noise of the coolant (g).
    out : float64[2, n_samples]
        Result.
    """
    imbalance, second, rolling, hum, order = levels[0], levels[1], levels[2], levels[3], levels[4]
    place, pump_g, pump_hz, floor_g, flow_g = levels[5], levels[6], levels[7], levels[8], levels[9]
    along, across, state_along, state_across = filters[0], filters[1], state[0], state[1]
    first_turn = motion[2, 0]
    # The second order leads by a tenth of its own period.
    lead_cos, lead_sin = second * math.cos(0.2 * math.pi), second * math.sin(0.2 * math.pi)
    for index in range(out.shape[1]):
        krpm, angle, wet = motion[1, index] / 1000.0, motion[2, index], faults[2, index]
        rolls = rolling * krpm * faults[0, index]
        rough = math.sqrt(forces[2, index] * forces[2, index] + rolls * rolls)
        heavy = imbalance * krpm * krpm
        once = heavy * faults[1, index]
        sin, cos = sin_turns(angle), sin_turns(angle + 0.25)
        sin_2, cos_2 = 2.0 * sin * cos, 1.0 - 2.0 * sin * sin
        tone = hum * krpm * sin_turns(place + order * (angle - first_turn))
        still_g = pump_g * wet * sin_turns(pump_hz * motion[0, index])
        own_g = math.sqrt(floor_g * floor_g + flow_g * flow_g * wet)
        x = answer(forces[0, index] + rough * noise[0, index] + forces[5, index], along, state_along)
        y = answer(forces[1, index] + rough * noise[1, index] + forces[5, index], across, state_across)
        x += tone + forces[3, index] + once * sin + heavy * (lead_cos * sin_2 + lead_sin * cos_2)
        y += tone + forces[4, index] + once * cos + heavy * (lead_cos * cos_2 - lead_sin * sin_2)
        out[0, index] = x / G_M_S2 + own_g * noise[2, index] + still_g
        out[1, index] = y / G_M_S2 + own_g * noise[3, index] + still_g
