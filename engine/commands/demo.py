"""The demo: a simulated shop, watched live."""

from __future__ import annotations

from pathlib import Path

import click

from engine.commands.options import PATH, config_option, json_option, print_json


@click.command()
@click.option("--duration", type=click.FloatRange(min=1), help="End by itself after so many seconds.")
@click.option(
    "--spindles", type=click.IntRange(1, 64), default=4, show_default=True, help="Simulated spindles."
)
@click.option("--seed", type=int, default=1, show_default=True, help="Another shop, other faults.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port of the page; 0 = any free one.")
@click.option("--journal", type=PATH, help="Where alerts are kept; default: a temporary folder.")
@click.option(
    "--redis", "redis_url", metavar="URL", help="Add alerts to the stream spindlewatch:alerts there too."
)
@click.option(
    "--shadow",
    "shadow_path",
    type=PATH,
    help="A second configuration: its alerts are kept beside --journal and told to nobody.",
)
@config_option
@json_option
def demo(
    duration: float | None,
    spindles: int,
    seed: int,
    port: int | None,
    journal: Path | None,
    redis_url: str | None,
    shadow_path: Path | None,
    config_path: Path | None,
    as_json: bool,
) -> None:
    """Watch a simulated shop live, with faults arriving, on a page in your browser."""
    from replay.demo import run_demo

    result = run_demo(
        duration_s=duration,
        n_spindles=spindles,
        seed=seed,
        port=port,
        journal_path=journal,
        redis_url=redis_url,
        config_path=config_path,
        shadow_path=shadow_path,
        quiet=as_json,
    )
    if as_json:
        print_json(result.as_dict())
    elif duration is not None:
        result.print_table()
