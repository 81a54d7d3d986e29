"""The gateway of a service alone: journal, page and stream of what engines elsewhere tell."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from engine.commands.options import PATH, json_option, print_json


@click.command()
@click.option(
    "--config", "config_path", type=PATH, required=True, help="Site configuration; declares [[spindles]]."
)
@click.option("--port", type=click.IntRange(0, 65535), help="Port of the page; 0 = any free one.")
@click.option("--log", type=click.Choice(["json", "text"]), help="Format of the log; default: as configured.")
@json_option
def gateway(config_path: Path, port: int | None, log: Literal["json", "text"] | None, as_json: bool) -> None:
    """Journal the alerts that engines put into Redis, and serve them, until SIGTERM or Ctrl-C.

    `run` starts one by itself. Alone it is for a host that runs no engine, with a journal of its own.
    """
    from engine.config import load_config
    from engine.service.gateway import run_gateway
    from engine.service.logs import log_to_stderr

    config = load_config(config_path)
    log_to_stderr(log or config.log.format, config.log.level, "gateway")
    result = run_gateway(config_path, port=port)
    if as_json:
        print_json(result.as_dict())
