"""Recordings of simulated machines."""

from __future__ import annotations

from pathlib import Path

import click

from engine.commands.options import PATH, json_option, print_json


@click.command()
@click.argument("dest", type=PATH)
@click.option(
    "--preset",
    type=click.Choice(["shop", "demo", "everyday", "lives"]),
    default="shop",
    show_default=True,
    help="everyday: a healthy shop that varies; lives: edges of a tool that wear out.",
)
@click.option("--duration", type=click.FloatRange(min=1), default=300.0, show_default=True, help="Seconds.")
@click.option("--spindles", type=click.IntRange(1, 64), default=1, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same bytes.")
@click.option(
    "--fault", "faults", multiple=True, metavar="FAULT@START[-END]:SPINDLE[:SEVERITY]", help="Repeatable."
)
@json_option
def simulate(
    dest: Path, preset: str, duration: float, spindles: int, seed: int, faults: tuple[str, ...], as_json: bool
) -> None:
    """Write recordings of simulated milling spindles with labelled faults, one folder per spindle."""
    from replay.simulate import plan_from_options
    from replay.simulate import simulate as write

    plan = plan_from_options(
        preset=preset, duration_s=duration, n_spindles=spindles, seed=seed, faults=faults
    )
    paths = write(plan, duration, dest)
    if as_json:
        print_json({"recordings": [str(path) for path in paths]})
    else:
        for path in paths:
            click.echo(f"wrote {path}")
