"""Libraries that only some formats need."""

from __future__ import annotations

import importlib
from typing import Any

from engine.errors import UsageError


def library(module: str, what: str) -> Any:
    """Import a library of the extra ``import``.

    Parameters
    ----------
    module : str
        Its name in Python.
    what : str
        What it reads.

    Returns
    -------
    module
        Imported: they take tenths of a second, so this is called where a file is read.

    Raises
    ------
    UsageError
        It is not installed; says how to.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise UsageError(
            f"import: {what} needs {module}, which is not installed; pip install 'spindlewatch[import]'"
        ) from error
