"""Compiling, before a service begins, what its processes would each compile: once on a machine, and after an update.

Numba keeps the result in ``NUMBA_CACHE_DIR``; without a folder that can be written to, all is compiled at every start.
``python -m engine.service.warm`` takes a quarter of a minute of one core the first time, then two seconds.
"""

from __future__ import annotations

import sys


def main() -> int:
    """Compile; what is in the cache is only loaded.

    Returns
    -------
    int
        0, always: a kernel that cannot be compiled is a traceback.
    """
    import engine.service.shard  # noqa: F401 - most kernels are compiled as they are imported
    from operators.kernels import warm_up

    warm_up()
    return 0


if __name__ == "__main__":
    sys.exit(main())
