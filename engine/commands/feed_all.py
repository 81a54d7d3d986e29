"""From every configured source to Redis, in one process."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from engine.commands.feed_options import dry_run_option, log_option, site_option, tell
from engine.commands.options import json_option


@click.command("all")
@site_option
@dry_run_option
@log_option
@json_option
def feed_all(config_path: Path, dry_run: int | None, log: Literal["json", "text"], as_json: bool) -> None:
    """Send what every table of [feeds] says; needed where several feeds share a spindle."""
    from engine.feeders.together import feed_all as run
    from engine.service.logs import log_to_stderr

    log_to_stderr(log)
    tell(run(config_path, dry_run=dry_run), as_json)
