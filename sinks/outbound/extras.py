"""Libraries that only some targets need."""

from __future__ import annotations

import importlib
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
    try:
        return importlib.import_module(module)
    except ImportError as error:
        told = f"{what} needs {module}, which is not installed; pip install 'spindlewatch[{extra}]'"
        raise UsageError(told) from error
