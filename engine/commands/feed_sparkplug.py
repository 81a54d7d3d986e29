"""From edge nodes of Sparkplug B to Redis."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from engine.commands.feed_options import dry_run_option, log_option, site_option, tell
from engine.commands.options import json_option


@click.command("sparkplug")
@site_option
@dry_run_option
@log_option
@json_option
def feed_sparkplug(
    config_path: Path, dry_run: int | None, log: Literal["json", "text"], as_json: bool
) -> None:
    """Send what edge nodes of Sparkplug B 3.0 tell, as [feeds.sparkplug] says."""
    from engine.feeders.sparkplug import feed_sparkplug as run
    from engine.service.logs import log_to_stderr

    log_to_stderr(log)
    tell(run(config_path, dry_run=dry_run), as_json)
