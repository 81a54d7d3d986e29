"""The service: declared spindles, their data from Redis, for months."""

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
@click.option("--fresh", is_flag=True, help="Forget what was learnt, and begin with what comes from now on.")
@click.option(
    "--log", type=click.Choice(["json", "text"]), default="json", show_default=True, help="Format of the log."
)
@json_option
def run(
    config_path: Path, port: int | None, fresh: bool, log: Literal["json", "text"], as_json: bool
) -> None:
    """Watch the declared spindles, whose data comes through Redis, until SIGTERM or Ctrl-C.

    What is learnt is kept in Redis: after a crash or a restart each spindle goes on where it was, and no alert is lost
    or told twice.
    """
    from engine.service.logs import log_to_stderr
    from engine.service.run import run_service

    log_to_stderr(log)
    result = run_service(config_path, port=port, fresh=fresh)
    if as_json:
        print_json(result.as_dict())
