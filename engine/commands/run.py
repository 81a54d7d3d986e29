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
@click.option("--log", type=click.Choice(["json", "text"]), help="Format of the log; default: as configured.")
@json_option
def run(
    config_path: Path, port: int | None, fresh: bool, log: Literal["json", "text"] | None, as_json: bool
) -> None:
    """Watch the declared spindles, whose data comes through Redis, until SIGTERM or Ctrl-C.

    Processes that analyse ([service] shards) and one that serves alerts and the page are kept running. What is learnt
    is kept in Redis: after a crash or a restart each spindle goes on where it was, and no alert is lost or told twice.
    SIGHUP reads the file again.
    """
    from engine.service.supervise import Options, supervise

    outcome = supervise(config_path, Options(port, fresh, log))
    if as_json:
        print_json(outcome.as_dict())
    outcome.check()
