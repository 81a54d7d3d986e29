"""Slow, obvious NumPy twins of the kernels: one channel at a time, in float64, by the textbook's formulas."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]


def time_features(x: Floats, from_zero: bool, fs: float, n_hops: int = 1) -> list[float]:
    """In the order of ``operators.kernels.time_domain``; distances are from the mean of each hop."""
    x = np.asarray(x, dtype=np.float64)
    if x.size == 0 or not np.isfinite(x).all():
        return [np.nan] * 12
    hops = np.split(x, n_hops)
    centred = x - x.mean()
    distance = np.abs(x) if from_zero else np.abs(np.concatenate([hop - hop.mean() for hop in hops]))
    std = np.sqrt(np.mean(centred**2))
    rms = np.sqrt(np.mean(x**2)) if from_zero else std
    peak = np.abs(x if from_zero else centred).max()
    below = np.concatenate([hop < (0.0 if from_zero else np.float32(hop.mean())) for hop in hops])
    crossings = np.sum(below[1:] != below[:-1]) * fs / (x.size - 1) if x.size > 1 else np.nan
    ratios = [np.nan] * 6
    if x.max() > x.min():
        ratios = [peak / rms, np.mean(centred**4) / std**4, np.mean(centred**3) / std**3, *[np.nan] * 3]
        if distance.any():
            root = np.sqrt(distance).mean() ** 2
            ratios[3:] = [rms / distance.mean(), peak / distance.mean(), peak / root]
    return [x.mean(), std, rms, peak, x.max() - x.min(), *ratios, crossings]


def power_spectrum(x: Floats, n_fft: int) -> Floats:
    """One-sided power per bin of the mean-free, Hann-tapered signal; sums to its weighted mean square."""
    x = np.asarray(x, dtype=np.float64)
    taper = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(x.size) / x.size)
    spectrum = np.fft.fft((x - x.mean()) * taper, n_fft)
    power = np.abs(spectrum) ** 2 / (n_fft * np.sum(taper**2))
    one_sided = power[: n_fft // 2 + 1].copy()
    for k in range(1, (n_fft + 1) // 2):
        one_sided[k] += power[n_fft - k]
    return one_sided


def band_rms(power: Floats, bin_hz: float, edges_hz: Floats) -> list[float]:
    """Root of the power from one edge up to, not including, the next; the last band takes in the last bin."""
    frequency = np.arange(power.size) * bin_hz
    bands = []
    for band, (low, high) in enumerate(pairwise(edges_hz)):
        inside = (frequency >= low) & (frequency < high)
        if band == len(edges_hz) - 2:
            inside |= frequency >= high
        bands.append(float(np.sqrt(power[inside].sum())))
    return bands


def spectral_shape(power: Floats, first_bin: int, bin_hz: float) -> list[float]:
    """Centroid, spread, entropy and strongest bin (not refined), in Hz where they are frequencies."""
    used = power[first_bin:]
    if not (np.isfinite(used).all() and used.sum() > 0):
        return [np.nan] * 4
    share = used / used.sum()
    frequency = (first_bin + np.arange(used.size)) * bin_hz
    centroid = np.sum(share * frequency)
    spread = np.sqrt(np.sum(share * (frequency - centroid) ** 2))
    some = share[share > 0]
    entropy = -np.sum(some * np.log(some)) / np.log(used.size) if used.size > 1 else np.nan
    return [float(centroid), float(spread), float(entropy), float(frequency[np.argmax(used)])]


def velocity_rms(power: Floats, bin_hz: float, low_hz: float, high_hz: float, to_mm_s2: float) -> float:
    """Every bin's acceleration divided by its angular frequency."""
    total = 0.0
    for k in range(power.size):
        if low_hz <= k * bin_hz <= high_hz:
            total += power[k] * (to_mm_s2 / (2 * np.pi * k * bin_hz)) ** 2
    return float(np.sqrt(total))


def revolution_line(x: Floats, fs: float, rpm: float) -> float:
    """RMS of the line at the speed: a Fourier integral over whole revolutions up to the newest sample."""
    x = np.asarray(x, dtype=np.float64)
    at = np.arange(x.size, dtype=np.float64)
    period = fs * 60 / rpm
    length = np.floor((x.size - 1) / period) * period
    turned = x * np.exp(-2j * np.pi * at / period)
    start = x.size - 1 - length
    inside = at > start
    values = np.concatenate(([np.interp(start, at, turned)], turned[inside]))
    return float(np.sqrt(2) * abs(np.trapezoid(values, np.concatenate(([start], at[inside])))) / length)


def order_lines(power: Floats, bin_hz: float, rpm: float, n_teeth: float) -> list[float]:
    """Second and third harmonic of the speed, first to third of tooth passing, share that is in no line."""
    rev_hz = rpm / 60

    def lobe(line_hz: float) -> list[int]:
        centre = int(np.floor(line_hz / bin_hz + 0.5))
        return list(range(centre - 2, centre + 3))

    lines_hz = [2 * rev_hz, 3 * rev_hz, *(k * n_teeth * rev_hz for k in (1, 2, 3))]
    rms = [float(np.sqrt(power[lobe(line_hz)].sum())) for line_hz in lines_hz]
    counted = np.arange(power.size) >= lobe(rev_hz)[0]
    between = counted.copy()
    for order in range(1, int((power.size + 5) * bin_hz / rev_hz) + 1):
        bins = lobe(order * rev_hz)
        if bins[-1] < power.size:
            between[bins] = False
    return [*rms, float(power[between].sum() / power[counted].sum())]


def asynchronous_line(power: Floats, bin_hz: float, rpm: float) -> list[float]:
    """Frequency, level and contrast of the strongest line between the orders."""
    stated, bins = rpm / 60 / bin_hz, np.arange(power.size)
    roots = power[: min(1000, power.size)] ** 0.25
    n_lines = min(int((roots.size - 1.5) / (stated * 1.005)), 80)

    def explained(spacing: float) -> float:
        return float(roots[np.floor(np.arange(1, n_lines + 1) * spacing + 0.5).astype(int)].sum())

    n_steps = int(0.01 * n_lines * stated) + 1
    tried = [stated * (1 + 0.005 * step / n_steps) for step in range(-n_steps, n_steps + 1)]
    best = max(tried, key=explained)
    spacing = best if explained(best) > 1.1 * explained(stated) else stated
    place = np.round(bins / spacing) * spacing
    clear = np.abs(bins - place) >= 3 + 0.001 * place
    # Between two orders, three bins at least.
    wide = np.floor(bins / spacing) * spacing <= max((spacing - 8) / 0.002, spacing)
    searched = clear & wide & (bins >= spacing) & (bins < power.size - 1)
    held = np.array([power[k - 1 : k + 2].sum() if searched[k] else -1 for k in bins])
    at = int(held.argmax())
    near = clear & (np.abs(bins - at) <= 40) & (np.abs(bins - at) > 3) & (bins >= 1)
    line_hz = bin_hz * (at + (power[at + 1] - power[at - 1]) / held[at])
    return [line_hz, float(np.sqrt(held[at])), float(np.sqrt(held[at] / (3 * power[near].mean())))]


def envelope_columns(
    x: Floats, fs: float, first_bin: int, n_bands: int, n_inside: int, rpm: float, orders: Floats
) -> list[float]:
    """In the order of ``operators.kernels.envelope``; for windows that need no padding."""
    n = x.size
    bin_hz = fs / n
    taper = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)
    spectrum = np.fft.fft((x - np.mean(x)) * taper)
    kurtoses, envelopes, rms = [], [], []
    for band in range(n_bands):
        bins = first_bin + band * n_inside + np.arange(n_inside)
        analytic = np.fft.ifft(spectrum[bins])
        square = np.abs(analytic) ** 2
        m2, m4 = square.mean() / np.mean(taper**2), (square**2).mean() / np.mean(taper**4)
        kurtoses.append(m4 / m2**2 - 2)
        envelopes.append(square)
        rms.append(np.sqrt(2 * np.sum(np.abs(spectrum[bins]) ** 2) / (n * np.sum(taper**2))))
    best = int(np.argmax(kurtoses))
    centre_hz = (first_bin + best * n_inside + (n_inside - 1) / 2) * bin_hz
    lines = np.abs(np.fft.rfft(envelopes[best]))
    lobe_power = n * np.sum(taper**4) / np.sum(taper**2) ** 2
    depths = []
    for order in orders:
        total = 0.0
        for harmonic in (1, 2, 3):
            centre = int(np.floor(harmonic * order * rpm / 60 / bin_hz + 0.5))
            if centre + 2 < lines.size:
                total += 4 * np.sum(lines[centre - 2 : centre + 3] ** 2) / lobe_power / lines[0] ** 2
        depths.append(float(np.sqrt(total)))
    return [float(kurtoses[best]), float(centre_hz), float(rms[best]), *depths]


def bearing_evidence(
    x: Floats, fs: float, low_hz: float, n_inside: int, n_half: int, rpm: float, orders: Floats
) -> list[float]:
    """As `operators.white_envelope.WhiteEnvelope.evidence`; for windows that need no padding."""
    n, bin_hz = x.size, fs / x.size
    taper = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)
    first = int(np.ceil(low_hz / bin_hz))
    spectrum = np.fft.fft((x - np.mean(x)) * taper)[: first + n_inside]
    inside = without_orders(spectrum, first, rpm / 60 / bin_hz)
    half, white = int(np.ceil(100.0 / bin_hz)), np.empty_like(inside)
    for start in range(0, n_inside, 8):
        near = inside[max(start - half, 0) : min(start + 8, n_inside) + half]
        white[start : start + 8] = inside[start : start + 8] / np.sqrt(np.mean(np.abs(near) ** 2))
    spacing, found = rpm / 60 / bin_hz, []
    halves = [(0, n_half), (n_half // 2, n_half // 2 + n_half), (n_inside - n_half, n_inside)]
    for begin, end in [(0, n_inside), *halves]:
        power = np.abs(np.fft.rfft(np.abs(np.fft.ifft(white[begin:end])) ** 2)) ** 2
        lines = zip(orders, (1, 1, 2), strict=False)
        found.append([_evidence(power, order * spacing * times, spacing) for order, times in lines])
    return [max(best - float(np.log(4)), 0.0) for best in np.fmax.reduce(found)]


def without_orders(spectrum: Floats, first_bin: int, spacing: float) -> Floats:
    """Part of a spectrum, lines at multiples of ``spacing`` dropped one after the other."""
    left = spectrum[first_bin:].copy()
    bins = np.arange(left.size)
    for order in range(int(first_bin / spacing), int(spectrum.size / spacing) + 2):
        position = order * spacing
        reach = min(1.0 + 0.0005 * position, max(1.0, 0.2 * spacing))
        power = np.abs(left.astype(np.complex128)) ** 2
        near = np.where(np.abs(bins - (position - first_bin)) <= reach, power, 0.0)
        if not near.any():
            continue
        peak = int(np.argmax(near))
        lobe = np.abs(bins - peak) <= 2
        begin, end = int(position - first_bin - spacing / 2), int(position - first_bin + spacing / 2)
        around = (bins >= begin) & (bins <= end) & ~lobe
        if around.any() and near[peak] > 10.0 * power[around].mean():
            left[lobe] = 0.0
    return left


def _evidence(power: Floats, position: float, spacing: float) -> float:
    bins = np.arange(power.size)
    to_order = np.abs(bins / spacing - np.round(bins / spacing)) * spacing
    harmonics = [h for h in (1, 2) if 1.01 * h * position + 2 < power.size]
    expected, n_around = {}, 0
    for h in harmonics:
        middle, spare = int(0.995 * h * position + 0.5), int(0.015 * h * position) + 2
        away = np.abs(bins - middle)
        around = (away > spare) & (away <= spare + 24) & (bins > 2) & (to_order >= 2.5)
        expected[h] = np.exp(np.mean(np.log(power[around])) + np.euler_gamma)
        n_around = max(n_around, int(around.sum()))

    def surprise(at: float, narrow: bool) -> float:
        ratios = []
        for h in harmonics:
            nearest = np.round(h * at / spacing) * spacing
            if abs(h * at - nearest) < 3:
                continue
            levels, line = [expected[h]], int(h * at + 0.5)
            if abs(h * at - nearest) < 6:
                order = int(nearest + 0.5)
                levels.append(0.05 * power[max(order - 1, 0) : order + 2].max())
            for side in (bins[line - 7 : line - 2], bins[line + 3 : line + 8]) if narrow else ():
                if (side > 2).any():
                    levels.append(np.exp(np.mean(np.log(power[side[side > 2]])) + np.euler_gamma))
            ratios.append((h, power[line] / max(levels)))
        if not ratios:
            return -1.0
        if len(ratios) == 1:
            return float(ratios[0][1])
        total = ratios[0][1] + min(ratios[0][1], ratios[1][1])
        return float(total - np.log(1 + total))

    n_places = int(0.03 * position * len(harmonics)) + 1
    places = position * (0.98 + 0.03 * (np.arange(n_places) + 0.5) / n_places)
    found = [surprise(at, narrow=False) for at in places]
    if max(found) < 0:
        return float("nan")
    nats = surprise(places[int(np.argmax(found))], narrow=True) - np.log(n_places)
    return float(0.5 * n_around * np.log1p(nats / (0.5 * n_around))) if nats > 0 else 0.0


def history_features(x: Floats, fs: float) -> list[float]:
    """In the order of ``operators.kernels.history``."""
    x = np.asarray(x, dtype=np.float64)
    last = x[-1] if x.size and np.isfinite(x[-1]) else np.nan
    if x.size < 2 or not np.isfinite(x).all():
        return [last, np.nan, np.nan]
    slope = np.polyfit(np.arange(x.size) / fs, x, 1)[0]
    return [last, float(slope), float(x.std())]


def noise_floor(power: Floats, first_bin: int, spacing: float) -> float:
    """Median bin, the lower one of the middle two, as if all were like it; of exponentially distributed power.

    Where orders are ``spacing`` bins apart, 5.5 or more, bins near one are left out, and those from the 250th up.
    """
    used = power[first_bin:]
    if used.size == 0 or not np.isfinite(used).all():
        return float("nan")
    chosen = used
    if 5.5 <= spacing < used.size:
        bins = np.arange(first_bin, power.size)
        order = spacing * np.round(bins / spacing)
        near = np.minimum(2.5 + 0.0015 * order, max(2.5, 0.3 * spacing))
        away = used[(np.abs(bins - order) >= near) & (bins < int(250 * spacing))]
        chosen = away if away.size else used
    return float(np.sqrt(np.sort(chosen)[(chosen.size - 1) // 2] / np.log(2) * used.size))
