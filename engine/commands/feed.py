"""Bringing data to Redis: one subcommand for each kind of source."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from engine.commands.feed_options import dry_run_option, log_option, site_option, tell
from engine.commands.feed_simulate import feed_simulate
from engine.commands.options import json_option

_TABLES = {
    "csv": "Send the rows that are appended to text files, as [feeds.csv] says.",
    "mqtt": "Send what comes by MQTT topics: JSON, float32 arrays or wire messages, as [feeds.mqtt] says.",
    "mtconnect": "Send what machines' controllers say by MTConnect agents, as [feeds.mtconnect] says.",
    "opcua": "Send what OPC UA servers tell when it changes, as [feeds.opcua] says.",
    "sparkplug": "Send what edge nodes of Sparkplug B 3.0 tell, as [feeds.sparkplug] says.",
}


@click.group()
def feed() -> None:
    """Send to Redis what a source measures, for `run`; each source is a process of its own."""


@feed.command("all")
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


def _command(table: str, told: str) -> click.Command:
    """Make the subcommand that feeds as one table of ``[feeds]`` says."""

    @click.command(table, help=told)
    @site_option
    @dry_run_option
    @log_option
    @json_option
    def run(config_path: Path, dry_run: int | None, log: Literal["json", "text"], as_json: bool) -> None:
        from engine.feeders.together import feed_one
        from engine.service.logs import log_to_stderr

        log_to_stderr(log)
        tell(feed_one(table, config_path, dry_run=dry_run), as_json)

    return run


feed.add_command(feed_simulate)
for _table, _told in _TABLES.items():
    feed.add_command(_command(_table, _told))
