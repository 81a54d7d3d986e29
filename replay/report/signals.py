"""Waveform, spectrum and envelope around an alert, from the recording's own samples."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.clock import NS_PER_S
from engine.config import Config
from engine.declared import Channel, SensorGroup
from engine.records import Context
from engine.verdicts import Alert
from operators.envelope import Envelope
from operators.kernels.envelope import BAND_HZ, KURTOSIS, N_ENVELOPE
from operators.spectrum import Spectrum
from replay.report.packing import pack, reduce_max, reduce_range
from replay.report.results import ScoreRows
from replay.report.samples import Stretches
from replay.report.told import seconds

MOST_CHANNELS = 4
_N_POINTS = 600  # of a curve: no page is wider
_AROUND_S, _LONGEST_S = (
    0.5,
    3.5,
)  # of a waveform before the onset and after the opening; from view's start to the opening
_AROUND_ROWS, _MOST_ROWS = 60, 300  # the same of polled values, in samples
_MOST_BURSTS = 4  # of a sensor that sleeps, before the opening
_HEARD_S = 2.0  # longest stretch that a spectrum is made of
_LEAST_SAMPLES = 64  # fewer make no spectrum that says anything
_BEARING_NAMES = ("BPFO", "BPFI", "BSF", "FTF")


@dataclass(frozen=True, slots=True)
class Moment:
    """An alert and what is known of its sensor group at that time.

    Parameters
    ----------
    first : Alert
        Its opening message.
    start_ns : int
        Of the recording.
    context : Context or None
        That held as it opened.
    rows : ScoreRows or None
        Scores of the group, to find the healthy stretch that the spectrum is shown beside.
    """

    first: Alert
    start_ns: int
    context: Context | None
    rows: ScoreRows | None


def picture(moment: Moment, group: SensorGroup, stretches: Stretches, config: Config) -> dict[str, Any]:
    """Draw what the alert's sensors said.

    Parameters
    ----------
    moment : Moment
        When and in which context.
    group : SensorGroup
        The alert's.
    stretches : Stretches
        Its samples.
    config : Config
        Lengths of windows and bands of envelopes.

    Returns
    -------
    dict
        For each channel, four at most: outline of the waveform from half a second before the onset to half a second
        after the opening (of a slow alert, the last 3.5 s of that before it opened; of polled values, 60 rows to
        either side; of a sensor that sleeps, four bursts); of waveforms, the spectrum from onset to opening, or of
        the last burst, beside that of the latest healthy stretch in the same regime, and the spectrum of the squared
        envelope in the most impulsive band. None where samples are missing.

    Raises
    ------
    RecordingError
        Samples that are damaged.
    """
    onset_ns, opened_ns, rate = moment.first.onset_ns, moment.first.t_ns, group.sample_rate_hz
    before_s, longest_s, after_s = _view_s(group)
    from_ns = max(onset_ns - _ns(before_s), opened_ns - _ns(longest_s))
    seen = stretches.read(from_ns, opened_ns + _ns(after_s))
    waves, context = group.kind == "waveform", moment.context
    calm_ns = healthy_until(moment, _ns(config.diagnosis.window_s)) if waves else None
    rpm = math.nan if context is None or context.rpm is None else context.rpm
    channels = [
        {
            "name": channel.name,
            "unit": channel.unit,
            "wave": _outline(x, rate, 0.0 if waves else group.max_gap_s or 3.0 / rate),
            "spectrum": None,
            "envelope": None,
        }
        for channel, x in zip(group.channels[:MOST_CHANNELS], seen, strict=False)
    ]
    if waves:
        length_ns = min(max(opened_ns - onset_ns, _ns(config.waveform.window_s)), _ns(_HEARD_S))
        heard = stretches.read(opened_ns - length_ns, opened_ns)
        calm: list[NDArray[np.float32] | None] = [None] * len(heard)
        if calm_ns is not None:
            calm = list(stretches.read(calm_ns - _ns(config.diagnosis.window_s), calm_ns))
        for own, channel, x, y in zip(channels, group.channels, heard, calm, strict=False):
            own["spectrum"] = _spectra(x, y, rate, config)
            own["envelope"] = None if channel.dc_coupled else _envelope(x, channel, rate, rpm, config)
    return {
        "group": group.name,
        "rate_hz": rate,
        "from_s": seconds(from_ns, moment.start_ns),
        "polled": not waves,
        "n_channels": len(group.channels),
        "rpm": rpm,
        "n_teeth": None if context is None else context.n_teeth,
        "calm_s": None if calm_ns is None else seconds(calm_ns, moment.start_ns),
        "channels": channels,
    }


def healthy_until(moment: Moment, length_ns: int) -> int | None:
    """End of the latest stretch before the onset that was scored in the alert's regime, all of it below the limit.

    Parameters
    ----------
    moment : Moment
        With scores.
    length_ns : int
        Of the stretch.

    Returns
    -------
    int or None
        Stream time; None if there was none, or scores are not at hand.
    """
    rows = moment.rows
    if rows is None:
        return None
    same = rows.regime == moment.first.regime
    calm = same & (rows.score < 1.0) & ~rows.alerting & (rows.t_ns <= moment.first.onset_ns)
    n_calm = np.concatenate([[0], np.cumsum(calm)])
    first = np.searchsorted(rows.t_ns, rows.t_ns - length_ns)
    index = np.arange(rows.t_ns.size)
    whole = n_calm[index + 1] - n_calm[first] == index + 1 - first
    found = np.flatnonzero(calm & whole & (rows.t_ns - length_ns >= moment.start_ns))
    return int(rows.t_ns[found[-1]]) if found.size else None


def _view_s(group: SensorGroup) -> tuple[float, float, float]:
    """How long before the onset, before the opening at most, and after it."""
    if group.duty_cycle is not None:  # a burst before, and those that it took to be sure
        period_s = group.duty_cycle.period_s
        return period_s, _MOST_BURSTS * period_s, period_s / 2
    if group.kind == "waveform":
        return _AROUND_S, _LONGEST_S, _AROUND_S
    rate = group.sample_rate_hz
    return _AROUND_ROWS / rate, _MOST_ROWS / rate, _AROUND_ROWS / rate


def _ns(length_s: float) -> int:
    return round(length_s * NS_PER_S)


def _outline(x: NDArray[np.float32], rate: float, max_gap_s: float) -> dict[str, Any]:
    low, high, n_run = reduce_range(x.astype(np.float64), _N_POINTS)
    bridged = int(max_gap_s * rate / n_run)
    return {"step_s": n_run / rate, "low": pack(low), "high": pack(high), "bridged": bridged}


def _spectra(
    heard: NDArray[np.float32], calm: NDArray[np.float32] | None, rate: float, config: Config
) -> dict[str, Any] | None:
    """RMS in every bin, on a logarithmic scale, now and before; both from windows of one length."""
    heard = last_run(heard)
    n = min(heard.size, round(config.diagnosis.window_s * rate))
    now = mean_power(heard, n, rate)
    if now is None:
        return None
    before = None if calm is None else mean_power(last_run(calm), n, rate)
    (curve, n_run), bin_hz = reduce_max(now, _N_POINTS), Spectrum.for_windows(n, rate).bin_hz
    return {
        "bin_hz": bin_hz,
        "step_hz": bin_hz * n_run,
        "now": pack(_log_rms(curve)),
        "calm": None if before is None else pack(_log_rms(reduce_max(before, _N_POINTS)[0])),
    }


def _log_rms(power: NDArray[np.float64]) -> NDArray[np.float64]:
    """Decimal logarithm of the RMS; six decades below the largest is silence."""
    largest = np.nanmax(power, initial=0.0)
    floor = largest * 1e-12 if largest > 0.0 else 1e-30
    logarithm: NDArray[np.float64] = 0.5 * np.log10(np.maximum(power, floor))
    return logarithm


def last_run(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """The latest samples without one missing between them: of a sensor that sleeps, its last burst.

    Examples
    --------
    >>> last_run(np.array([1, np.nan, 2, 3, np.nan], np.float32)).tolist()
    [2.0, 3.0]
    """
    known = np.flatnonzero(np.isfinite(x))
    if not known.size:
        return x[:0]
    breaks = np.flatnonzero(np.diff(known) > 1)
    first = known[breaks[-1] + 1] if breaks.size else known[0]
    return x[first : known[-1] + 1]


def mean_power(x: NDArray[np.float32], n: int, rate: float) -> NDArray[np.float32] | None:
    """Mean spectrum over windows that overlap by half.

    Parameters
    ----------
    x : float32[n_samples]
        None missing: see `last_run`.
    n : int
        Samples in a window.
    rate : float
        Samples per second.

    Returns
    -------
    float32[n_fft // 2 + 1] or None
        In the unit squared; they sum to the mean square about the mean (`operators.kernels.spectral.power_spectra`).
        None without a whole window of at least 64 samples.
    """
    if n < _LEAST_SAMPLES or x.size < n:
        return None
    windows = np.lib.stride_tricks.sliding_window_view(x, n)[:: max(1, n // 2)]
    spectrum = Spectrum.for_windows(n, rate)
    rows = spectrum.rows(len(windows))
    rows[: len(windows), :n] = windows - windows.mean(axis=1, keepdims=True)
    mean: NDArray[np.float32] = spectrum.power_of(spectrum.transform(rows), len(windows)).mean(axis=0)
    return mean


def _envelope(
    heard: NDArray[np.float32], channel: Channel, rate: float, rpm: float, config: Config
) -> dict[str, Any] | None:
    """Depth of modulation over frequency: lines of the squared envelope's spectrum beside its mean."""
    heard = last_run(heard)
    if heard.size < _LEAST_SAMPLES:
        return None
    spectrum = Spectrum.for_windows(heard.size, rate)
    envelope = Envelope.for_spectrum(
        spectrum, config.waveform.envelope_n_bands, config.waveform.envelope_low_hz
    )
    if envelope is None:
        return None
    rows, out = spectrum.rows(1), np.full((1, N_ENVELOPE), np.nan)
    rows[0, : heard.size] = heard - heard.mean()
    modulated = np.abs(envelope.demodulate(spectrum.transform(rows), out)[0]).astype(np.float64)
    if not modulated[0] > 0.0:
        return None
    # An amplitude is half of it on either side; the mean and its lobe are no modulation.
    depth = 2.0 * modulated / modulated[0]
    depth[:3] = np.nan
    curve, n_run = reduce_max(depth, _N_POINTS)
    width_hz = envelope.n_inside * spectrum.bin_hz
    orders = () if channel.bearing is None or math.isnan(rpm) else channel.bearing.orders
    return {
        "step_hz": spectrum.bin_hz * n_run,
        "depth": pack(curve),
        "band_hz": [float(out[0, BAND_HZ]) - width_hz / 2, float(out[0, BAND_HZ]) + width_hz / 2],
        "kurtosis": float(out[0, KURTOSIS]),
        "lines": [[name, order * rpm / 60.0] for name, order in zip(_BEARING_NAMES, orders, strict=False)],
        "geometry": channel.bearing is not None,
    }
