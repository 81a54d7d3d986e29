"""What is kept of cutting edges."""

from __future__ import annotations

from pathlib import Path

import click

from engine.commands.options import PATH, json_option, print_json


@click.command()
@click.option(
    "--journal",
    type=PATH,
    default=Path("spindlewatch.sqlite3"),
    show_default=True,
    help="Where tool lives are kept.",
)
@click.option("--spindle", help="Only this spindle's.")
@click.option("--all", "with_old", is_flag=True, help="Edges that have been changed, too.")
@json_option
def tools(journal: Path, spindle: str | None, with_old: bool, as_json: bool) -> None:
    """List the cutting edges: cuts, wear, cuts left, and which to change."""
    from sinks.tool_table import print_tools, read_tools

    lives = read_tools(journal, spindle, with_old=with_old)
    if as_json:
        print_json({"journal": str(journal), "tools": lives})
    else:
        print_tools(lives)
