"""From OPC UA servers to Redis."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from engine.commands.feed_options import dry_run_option, log_option, site_option, tell
from engine.commands.options import json_option


@click.command("opcua")
@site_option
@dry_run_option
@log_option
@json_option
def feed_opcua(config_path: Path, dry_run: int | None, log: Literal["json", "text"], as_json: bool) -> None:
    """Send what OPC UA servers tell when it changes, as [feeds.opcua] says."""
    from engine.feeders.opcua import feed_opcua as run
    from engine.service.logs import log_to_stderr

    log_to_stderr(log)
    tell(run(config_path, dry_run=dry_run), as_json)
