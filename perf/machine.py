"""On which machine, and with which versions, figures were measured."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_PACKAGES = (
    "bytewax",
    "msgspec",
    "numba",
    "numpy",
    "orjson",
    "pyarrow",
    "redis",
    "river",
    "scipy",
    "websockets",
    # Peers, where they are installed.
    "pandas",
    "pysad",
    "rrcf",
    "tsflex",
    "tsfresh",
)


def describe_machine() -> dict[str, object]:
    """Describe this machine.

    Returns
    -------
    dict
        ``cpu``, ``cores`` (that this process may use), ``load_1min`` (much above 0: noisy figures),
        ``system``, ``python``, ``versions`` by package, ``numba``: ``cpu`` (what kernels are compiled for: the
        width of its vectors decides their rates), ``threads`` (that it could start; no kernel here does) and
        ``threading_layer`` (as configured).
    """
    return {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)),
        "load_1min": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "numba": _numba(),
        "versions": {name: found for name in _PACKAGES if (found := _version(name))},
    }


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _numba() -> dict[str, object]:
    import llvmlite.binding
    import numba

    return {
        "cpu": numba.config.CPU_NAME or llvmlite.binding.get_host_cpu_name(),
        "threads": numba.config.NUMBA_NUM_THREADS,
        "threading_layer": numba.config.THREADING_LAYER,
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
