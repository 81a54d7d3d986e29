"""What commands share: options that mean the same everywhere, and how a result is printed as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

PATH = click.Path(path_type=Path)
config_option = click.option(
    "--config", "config_path", type=PATH, help="Site configuration (TOML), laid over the defaults."
)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON result on stdout, nothing else."
)


def print_json(result: Any) -> None:
    """Print a result on one line.

    Parameters
    ----------
    result : Any
        Plain values; NaN and infinities are errors, for JSON has none.
    """
    import json

    click.echo(json.dumps(result, ensure_ascii=False, allow_nan=False))
