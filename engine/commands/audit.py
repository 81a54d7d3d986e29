"""Who came in, and who changed what."""

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
    help="Where the audit trail is kept.",
)
@click.option(
    "-n", "limit", type=click.IntRange(min=1), default=100, show_default=True, help="The newest so many."
)
@json_option
def audit(journal: Path, limit: int, as_json: bool) -> None:
    """List who connected, who was refused, and who changed what; oldest first."""
    from engine.clock import to_datetime
    from sinks.audit import read_audit

    deeds = read_audit(journal, limit)
    if as_json:
        print_json({"journal": str(journal), "audit": deeds})
        return
    for deed in deeds:
        time = f"{to_datetime(deed['t_ns']):%Y-%m-%d %H:%M:%S}"
        who = f"{deed['who'] or '-'} ({deed['role'] or '-'}) {deed['address'] or '-'}"
        what = f"{deed['what']} {deed['subject']}".strip()
        click.echo(
            "".join(c if c.isprintable() else "?" for c in f"{time}  {who}  {what}: {deed['outcome']}")
        )
