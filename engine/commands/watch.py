"""A subscriber in the terminal."""

from __future__ import annotations

from pathlib import Path

import click

from engine.commands.options import PATH


@click.command()
@click.argument("url", default="ws://127.0.0.1:8765/v1/stream")
@click.option("--spindle", "spindles", multiple=True, help="Only these spindles; repeatable.")
@click.option("--fault", "faults", multiple=True, help="Only alerts of these fault classes; repeatable.")
@click.option("--since", type=click.IntRange(min=0), help="First what came after this alert number; 0: all.")
@click.option("--epoch", help="Of which journal that number is: both are in each line of --json.")
@click.option("--token-file", type=PATH, help="Whose first line is the token, where one is asked for.")
@click.option("--ca-file", type=PATH, help="Certificates to trust (PEM), for wss://.")
@click.option("--json", "as_json", is_flag=True, help="One JSON line per alert on stdout.")
def watch(
    url: str,
    spindles: tuple[str, ...],
    faults: tuple[str, ...],
    since: int | None,
    epoch: str | None,
    token_file: Path | None,
    ca_file: Path | None,
    as_json: bool,
) -> None:
    """Subscribe to a running engine in the terminal; resumes where it was after any disconnection."""
    from engine.errors import UsageError
    from sinks.terminal import print_json, read_token, show_table
    from sinks.watch import Position

    if epoch is not None and since is None:
        raise UsageError("got --epoch without --since, wanted both: it says of which journal the number is")
    show = print_json if as_json else show_table
    show(
        url,
        spindles=spindles,
        faults=faults,
        after=None if since is None else Position(since, epoch),
        token=read_token(token_file) if token_file else "",
        ca_file=str(ca_file or ""),
    )
