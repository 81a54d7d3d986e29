"""A subscriber in the terminal."""

from __future__ import annotations

import click


@click.command()
@click.argument("url", default="ws://127.0.0.1:8765/v1/stream")
@click.option("--spindle", "spindles", multiple=True, help="Only these spindles; repeatable.")
@click.option("--json", "as_json", is_flag=True, help="One JSON line per alert on stdout.")
def watch(url: str, spindles: tuple[str, ...], as_json: bool) -> None:
    """Subscribe to a running engine in the terminal; resumes where it was after any disconnection."""
    from sinks.watch import watch as run

    run(url, spindles=spindles, as_json=as_json)
