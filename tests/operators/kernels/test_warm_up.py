from __future__ import annotations

import numpy as np

from operators.kernels import (
    asynchronous,
    envelope,
    history,
    orders,
    quality,
    spectral,
    time_domain,
    velocity,
    warm_up,
)


def test_no_kernel_is_left_to_compile_after_warming_up() -> None:
    warm_up()
    hops = np.zeros((2, 64), np.float32)

    sums = np.zeros((2, time_domain.N_PARTIALS))

    quality.pass_quality(hops, sums, np.full(2, np.nan), np.full(2, 10), quality.fresh_memory(2))

    for kernel in (
        quality.pass_quality,
        quality.count_quality,
        time_domain.hop_partials,
        time_domain.merge_partials,
    ):
        assert len(kernel.signatures) == 1
    assert len(history.history_features.signatures) == 1
    for kernel in (spectral.apply_taper, spectral.power_spectra, spectral.band_rms, spectral.spectral_shape):
        assert len(kernel.signatures) == 1
    assert len(asynchronous._find.signatures) == 1
    for kernel in (velocity.velocity_rms, orders.order_lines, envelope.choose_band, envelope.bearing_lines):
        assert len(kernel.signatures) == 1
