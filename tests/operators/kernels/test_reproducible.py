"""Kernels give the same bits whether a process compiled them or loaded them from the cache."""

from __future__ import annotations

import importlib
import pkgutil

import pytest
from numba.core.caching import NullCache
from numba.core.registry import CPUDispatcher

import detectors.kernels
import operators.kernels

MODULES = [
    f"{package.__name__}.{module.name}"
    for package in (operators.kernels, detectors.kernels)
    for module in pkgutil.iter_modules(package.__path__)
]


@pytest.mark.parametrize("name", [*MODULES, "replay.simulate.kernels"])
def test_shared_function_that_may_reorder_sums_is_inlined_wherever_it_is_used(name):
    module = importlib.import_module(name)
    compiled = {
        key: value
        for key, value in vars(module).items()
        if isinstance(value, CPUDispatcher) and value.py_func.__module__ == name
    }

    # What Python calls is cached; everything else is called by that.
    shared = {key: f.targetoptions for key, f in compiled.items() if isinstance(f._cache, NullCache)}
    assert [key for key, o in shared.items() if o.get("fastmath") and not o.get("forceinline")] == []
