"""Libraries that only some feeders need."""

from __future__ import annotations

import importlib
from typing import Any

from engine.errors import UsageError


def library(module: str, extra: str, what: str) -> Any:
    """Import a library of an extra.

    Parameters
    ----------
    module : str
        Its name in Python.
    extra : str
        Which brings it.
    what : str
        What needs it.

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
        raise UsageError(
            f"{what} needs {module}, which is not installed; pip install 'spindlewatch[{extra}]'"
        ) from error
