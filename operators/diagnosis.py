"""Which features the signatures of faults read, beside those that the learned baseline is made of."""

from __future__ import annotations

import msgspec

from engine.config import Config, WaveformConfig
from operators.feature_registry import Family, features_of

SHORT_AC = ("rms", "peak", "velocity_rms", "rev_1", "tooth_1")
"""What signatures read in the short window of every AC-coupled channel."""
SHORT_DC = ("mean", "std", "peak_to_peak", "rev_1", "tooth_1")
"""What they read in the short window of every ``dc_coupled`` channel."""
LONG_DC = ("mean", "std", "rev_1", "tooth_1", "asynchronous_share")
"""What they read in the long window of every ``dc_coupled`` channel; of the others, all that `long_config` names."""
_N_LONG_BANDS = 8


def short_config(config: Config) -> WaveformConfig:
    """``[waveform]`` with every family computed that signatures read in the short window.

    Parameters
    ----------
    config : Config
        ``[waveform]`` and ``[diagnosis]``.

    Returns
    -------
    WaveformConfig
        As it is, if there is no diagnosis.
    """
    waveform = config.waveform
    if not config.diagnosis.enabled:
        return waveform
    orders = tuple(dict.fromkeys((*waveform.order_features, "rev_1", "tooth_1")))
    spectral = tuple(dict.fromkeys((*waveform.spectral_features, "velocity_rms")))
    return msgspec.structs.replace(waveform, order_features=orders, spectral_features=spectral)


def long_config(config: Config) -> WaveformConfig:
    """Describe the long window as if it were the group's only one.

    Parameters
    ----------
    config : Config
        ``[waveform]`` and ``[diagnosis]``.

    Returns
    -------
    WaveformConfig
        Complete: its families are those that signatures read.
    """
    return msgspec.structs.replace(
        config.waveform,
        window_s=config.diagnosis.window_s,
        time_features=("rms", "peak", "kurtosis"),
        dc_features=("mean", "std"),
        spectral_features=("velocity_rms", "noise_floor"),
        envelope_features=tuple(features_of(Family.BEARING)),
        order_features=tuple(features_of(Family.ORDERS, Family.ASYNCHRONOUS)),
        n_bands=_N_LONG_BANDS if config.waveform.n_bands else 0,
    )
