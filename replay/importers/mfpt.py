"""MFPT: bearing faults on a test rig, behind a healthy stretch made from the same signal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.declared import Bearing, Channel, SensorGroup, Spindle, TeachIn
from engine.errors import RecordingError
from engine.records import Context
from replay.faults import Fault
from replay.importers.drafts import NO_DATE_NOTE, NO_DATE_NS, Draft, Skipped, source_files, waveform_pieces
from replay.importers.reading import named, read_mat, read_npz

_SOURCE = "Society for Machinery Failure Prevention Technology (E. Bechhoefer)"
_LICENCE = "CC BY-NC-SA 4.0"
_FAULTS = {"inner": "inner_race_fault", "outer": "outer_race_fault"}
# NICE: roller and pitch 0.235 and 1.245 inch; its frequencies are those that come with the files.
_BEARING = Bearing(n_elements=8, element_mm=5.969, pitch_mm=31.623)
# The check's windows: 0.2 s, every 0.1 s. So much healthy signal is left after the teach-in.
_WINDOW_S = 0.2
_HOP_S = 0.1
_LEFT_S = 1.0
# Two surrogates are joined over so long.
_FADE_S = 0.05


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How to come by a healthy stretch; all recordings of faults are faulty from their first sample.

    Parameters
    ----------
    healthy : {"surrogate", "none"}
        ``surrogate``: prepend noise of the same spectrum without impulses. ``none``: the fault alone.
    healthy_s : float
        Length of the surrogate, at least 2.
    seed : int
        Another surrogate.
    """

    healthy: Literal["surrogate", "none"] = "surrogate"
    healthy_s: float = 6.0
    seed: int = 1


def read(source: Path, options: Options) -> Iterator[Draft | Skipped]:
    """Read MFPT files.

    Parameters
    ----------
    source : Path
        An npz or mat of ``gs``, ``sr``, ``load``, ``rate``, or a folder of them.
    options : Options
        What goes before the fault.

    Yields
    ------
    Draft
        One for each file.

    Raises
    ------
    RecordingError
        A file of another layout, or whose name says neither inner, outer nor baseline.
    """
    if not 2.0 <= options.healthy_s <= 600.0:
        raise RecordingError(f"{source}: wanted healthy_s from 2 to 600, got {options.healthy_s:g}")
    for name, path in source_files(source, ["*.npz", "*.mat"], "an MFPT npz or mat"):
        arrays = _read(path)
        if "baseline" in path.stem.lower():
            yield _draft(name, path, arrays, None, options)
            continue
        fault = next((label for word, label in _FAULTS.items() if word in path.stem.lower()), None)
        if fault is None:
            raise RecordingError(
                f"{path}: wanted a name that says inner, outer or baseline, got {path.stem!r}"
            )
        yield _draft(name, path, arrays, fault, options)


def surrogate(signal: NDArray[Any], n_samples: int, n_fade: int, seed: int) -> NDArray[np.float64]:
    """Noise with the amplitude spectrum of a signal and random phases: a null model without its impulses.

    Its distribution is close to Gaussian whatever the signal's was, so crest factor, kurtosis and envelope lines
    vanish while RMS and bands stay. It is **not** what the rig sounded like when healthy, whose RMS was lower.

    Parameters
    ----------
    signal : float[n]
        One channel.
    n_samples : int
        Wanted length; several realisations are joined if it exceeds ``n``.
    n_fade : int
        Realisations are cross-faded over so many samples at equal power, being independent.
    seed : int
        Of the phases.

    Returns
    -------
    float64[n_samples]
        Stationary noise.

    References
    ----------
    Theiler, Eubank, Longtin, Galdrikian and Farmer, "Testing for nonlinearity in time series: the method of
    surrogate data", Physica D 58, 1992, algorithm 1.

    Examples
    --------
    >>> impulses = np.zeros(1000)
    >>> impulses[::100] = 1.0
    >>> noise = surrogate(impulses, 1000, 10, seed=1)
    >>> bool(np.isclose((noise**2).mean(), (impulses**2).mean())), bool(noise.max() < 0.5)
    (True, True)
    """
    rng = np.random.default_rng(seed)
    amplitude = np.abs(np.fft.rfft(signal))
    n = len(signal)
    rising = np.sin(0.5 * np.pi * (np.arange(n_fade) + 0.5) / n_fade)
    out = np.empty(0)
    while len(out) < n_samples:
        phase = rng.uniform(0.0, 2.0 * np.pi, len(amplitude))
        phase[0] = 0.0  # the mean stays
        if n % 2 == 0:
            phase[-1] = 0.0  # the Nyquist bin of an even length is real
        realisation = np.fft.irfft(amplitude * np.exp(1j * phase), n)
        if len(out):
            realisation[:n_fade] = rising * realisation[:n_fade] + rising[::-1] * out[-n_fade:]
            out = out[:-n_fade]
        out = np.concatenate([out, realisation])
    return out[:n_samples]


def _read(path: Path) -> dict[str, Any]:
    wanted = ["gs", "sr", "load", "rate"]
    if path.suffix == ".npz":
        return read_npz(path, wanted)
    bearing = read_mat(path, ["bearing"])["bearing"]
    with named(path, f"a struct `bearing` of {', '.join(wanted)}"):
        return {name: np.asarray(bearing[name]) for name in wanted}


def _draft(name: str, path: Path, arrays: dict[str, Any], fault: str | None, options: Options) -> Draft:
    signal = np.asarray(arrays["gs"], np.float32).ravel()
    rate_hz, load_lb, shaft_hz = (float(arrays[key]) for key in ("sr", "load", "rate"))
    group = SensorGroup("vibration", "waveform", rate_hz, (Channel("vib", "g", bearing=_BEARING),))
    notes = [NO_DATE_NOTE, f"Load {load_lb:g} lb as the file states; the number in its name is no load."]
    faults: list[Fault] = []
    teach_in = None
    samples = signal
    if fault is not None and options.healthy == "surrogate":
        n_healthy = round(options.healthy_s * rate_hz)
        before = surrogate(signal, n_healthy, round(_FADE_S * rate_hz), options.seed)
        samples = np.concatenate([before.astype(np.float32), signal])
        teach_in = TeachIn(n_vectors=int((options.healthy_s - _LEFT_S - _WINDOW_S) / _HOP_S + 1e-9) + 1)
        faults = [Fault(n_healthy / rate_hz, None, fault, f"{load_lb:g} lb; before it a surrogate")]
        notes.append(
            f"NOT MEASURED: the first {n_healthy / rate_hz:g} s are a phase-randomised surrogate of this recording "
            f"(Theiler et al. 1992, seed {options.seed}): same spectrum, impulses gone. The set has no healthy "
            "recording. Only features of impulsiveness can find this fault."
        )
    elif fault is not None:
        faults = [Fault(0.0, None, fault, f"{load_lb:g} lb; the whole recording")]
        notes.append("Faulty from the first sample: a baseline learnt from it calls the fault normal.")
    spindle = Spindle(f"mfpt-{name}", (group,), teach_in)
    return Draft(
        name,
        spindle,
        NO_DATE_NS,
        f"{_SOURCE}, {path.name}",
        _LICENCE,
        len(signal),
        waveform_pieces(group, NO_DATE_NS, samples[np.newaxis]),
        contexts=[Context(spindle.name, NO_DATE_NS, rpm=60.0 * shaft_hz)],
        faults=faults,
        notes=notes,
        labelled=True,
    )
