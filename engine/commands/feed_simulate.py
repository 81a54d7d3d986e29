"""Sending to Redis what a simulated shop measures."""

from __future__ import annotations

from pathlib import Path

import click

from engine.commands.options import PATH, config_option, json_option, print_json


@click.command("simulate")
@click.option(
    "--spindles", type=click.IntRange(1, 64), default=4, show_default=True, help="Simulated spindles."
)
@click.option("--seed", type=int, default=1, show_default=True, help="Another shop, other faults.")
@click.option("--duration", type=click.FloatRange(min=1), help="End by itself after so many seconds.")
@click.option("--site", type=PATH, help="Write a configuration for `run` there that declares these spindles.")
@config_option
@json_option
def feed_simulate(
    spindles: int,
    seed: int,
    duration: float | None,
    site: Path | None,
    config_path: Path | None,
    as_json: bool,
) -> None:
    """Send a simulated shop's data to Redis in real time, to try `run` without machines."""
    from replay.feed import feed_simulated

    result = feed_simulated(
        n_spindles=spindles, seed=seed, duration_s=duration, site=site, config_path=config_path
    )
    if as_json:
        print_json(result.as_dict())
    else:
        click.echo(f"{result.n_sent} entries sent, {result.n_dropped} dropped", err=True)
