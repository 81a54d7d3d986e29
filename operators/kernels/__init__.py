"""Arrays in, numbers out: the compiled arithmetic of the steps. Knows NumPy and Numba only.

==================  ==============================================================================
`quality`           NaN, clipping and flat lines, counted per hop
`time_domain`       twelve features per channel, in one call
`spectral`          taper, power spectra, band energies, shape of a spectrum
`velocity`          severity of vibration, from the same spectra
`noise_floor`       the noise between the lines of the same spectra
`orders`            lines that belong to the spindle's speed, and what is in none of them
`asynchronous`      the strongest line that belongs to no speed
`envelope`          the most impulsive band, and a bearing's lines in its envelope
`whitening`         a spectrum without its course and without the lines of the speed
`bearing_evidence`  how surely a bearing's lines stand in the envelope of the whole spectrum
`history`           value, slope and scatter of slow channels
==================  ==============================================================================

Every kernel writes into an array that it is given, allocates nothing and changes nothing else. It has a slow,
obvious twin in ``tests/oracles.py``. NaN means "cannot say"; no kernel turns it into a number.

Functions that kernels share, and that may reorder sums (``fastmath``), are compiled with ``forceinline``. One that is
called instead of inlined exists once in every library, each copy with an order of its own; which of them a process gets
depends on whether it compiled the kernels or loaded them from the cache. Alerts would then differ in their last digits.
"""

from __future__ import annotations


def warm_up() -> None:
    """Have every kernel compiled, or loaded from the cache, before the first sample arrives.

    Call it before a source is opened. It takes about a second with a warm cache and about seven without; where
    the cache (``NUMBA_CACHE_DIR``, else ``__pycache__``) cannot be written, the latter at every start.
    """
    # Signatures are explicit, so importing compiles.
    from operators.kernels import (  # noqa: F401
        asynchronous,
        bearing_evidence,
        envelope,
        history,
        noise_floor,
        orders,
        quality,
        spectral,
        time_domain,
        velocity,
        whitening,
    )
