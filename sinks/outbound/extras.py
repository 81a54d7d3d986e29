"""Libraries that only some targets need."""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from typing import Any

from engine.errors import UsageError


def library(module: str, extra: str, what: str) -> Any:
    """Import a library of an extra.

    Parameters
    ----------
    module, extra, what : str
        Its name in Python; which extra brings it; what needs it.

    Returns
    -------
    module
        Imported.

    Raises
    ------
    UsageError
        It is not installed; says how to.
    """
    require(module, extra, what)
    return importlib.import_module(module)


def require(module: str, extra: str, what: str) -> None:
    """Make sure that a library is there, without importing it; as `library`.

    Raises
    ------
    UsageError
        It is not installed; says how to.
    """
    try:
        is_there = find_spec(module) is not None
    except (ImportError, ValueError):  # its package is not there
        is_there = False
    if not is_there:
        raise UsageError(
            f"{what} needs {module}, which is not installed; pip install 'spindlewatch[{extra}]'"
        )
