"""What surrounds an alert, for whoever has to explain it."""

from __future__ import annotations

from pathlib import Path

import click

from engine.commands.options import PATH, config_option, json_option, print_json


@click.command()
@click.argument("alert_id")
@click.argument("dest", type=PATH, required=False)
@click.option(
    "--journal", type=PATH, default=Path("spindlewatch.sqlite3"), show_default=True, help="Of the engine."
)
@config_option
@json_option
def incident(
    alert_id: str, dest: Path | None, journal: Path, config_path: Path | None, as_json: bool
) -> None:
    """Export an alert with its surroundings: a recording that `replay` takes to the very same alert.

    DEST is a new folder; default: incident-ALERT_ID here, with - for colons.
    """
    from engine.config import load_config
    from replay.incident.export import export_incident
    from sinks.ring_layout import incident_folder, ring_beside

    ring = ring_beside(journal, load_config(config_path).ring.path)
    if dest is None:
        dest = Path(f"incident-{incident_folder(ring, alert_id).name.replace(':', '-')}")
    told = export_incident(ring, alert_id, dest)
    if as_json:
        print_json(told.as_dict())
        return
    end = "" if told.whole else " (its last segment was still being written)"
    click.echo(
        f"{told.path}: {told.duration_s:.1f} s around {told.alert_id}, {', '.join(told.states)}{end}; "
        f"spindlewatch replay {told.path} --out OUT tells the same under configuration {told.config_hash}"
    )
