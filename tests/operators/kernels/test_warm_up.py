from __future__ import annotations

import numpy as np

from operators.kernels import history, quality, spectral, time_domain, warm_up


def test_no_kernel_is_left_to_compile_after_warming_up() -> None:
    warm_up()
    n_layouts = len(quality.count_quality.signatures)
    hops = np.zeros((2, 64), np.float32)

    for samples in (hops, hops[:, 8:24], hops[:1, 8:24], hops[:, ::2]):
        quality.QualityState(np.full(samples.shape[0], np.nan)).count(samples)

    assert len(quality.count_quality.signatures) == n_layouts
    assert len(time_domain.time_features.signatures) == 1
    assert len(history.history_features.signatures) == 1
    for kernel in (spectral.taper_rows, spectral.power_spectra, spectral.band_rms, spectral.spectral_shape):
        assert len(kernel.signatures) == 1
