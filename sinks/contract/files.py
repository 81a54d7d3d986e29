"""The contract's files: beside this module, in the package, and served by the gateway under ``/contract/``."""

from __future__ import annotations

from pathlib import Path

import orjson

from sinks.contract import documents

FOLDER = Path(__file__).parent
NAMES = ("asyncapi.json", "schema.json")


def write(folder: Path = FOLDER) -> list[Path]:
    """Write both documents anew.

    Parameters
    ----------
    folder : Path
        Exists; files of these names are replaced.

    Returns
    -------
    list of Path
        What was written.
    """
    paths = []
    for name, document in zip(NAMES, (documents.asyncapi(), documents.json_schema()), strict=True):
        path = folder / name
        path.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
        paths.append(path)
    return paths
