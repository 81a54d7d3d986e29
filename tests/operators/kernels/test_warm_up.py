from __future__ import annotations

import numpy as np

from operators.kernels import history, quality, spectral, time_domain, warm_up


def test_no_kernel_is_left_to_compile_after_warming_up() -> None:
    warm_up()
    hops = np.zeros((2, 64), np.float32)

    quality.QualityState(np.full(2, np.nan)).count(hops)

    assert len(quality.count_quality.signatures) == 1
    assert len(time_domain.time_features.signatures) == 1
    assert len(history.history_features.signatures) == 1
    for kernel in (spectral.taper_rows, spectral.power_spectra, spectral.band_rms, spectral.spectral_shape):
        assert len(kernel.signatures) == 1
