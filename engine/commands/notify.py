"""Whom a site tells of alerts: does a test arrive, and how far has each been told."""

from __future__ import annotations

from pathlib import Path

import click

from engine.commands.options import PATH, json_option, print_json


@click.command()
@click.option("--config", "config_path", type=PATH, required=True, help="Site configuration with [[notify]].")
@click.option("--test", "name", help="Send a test to the target of this name, and say whether it arrived.")
@click.option(
    "--list", "with_list", is_flag=True, help="Show how far each target has been told; the default."
)
@json_option
def notify(config_path: Path, name: str | None, with_list: bool, as_json: bool) -> None:
    """Test the targets of [[notify]], or show what they were told and did not take."""
    from engine.config import load_config
    from engine.errors import UsageError
    from sinks.outbound.inspect import print_targets, read_targets, send_test

    config = load_config(config_path)
    if not config.notify:
        raise UsageError(f"{config_path}: wanted targets as [[notify]], got none")
    if name is not None and with_list:
        raise UsageError("wanted --test or --list, got both")
    if name is not None:
        told = send_test(config, name)
        if as_json:
            print_json({"target": name, "arrived": True, "id": told})
        else:
            click.echo(f"{name}: arrived, {told}")
        return
    targets = read_targets(config)
    if as_json:
        print_json({"targets": targets})
    else:
        print_targets(targets)
