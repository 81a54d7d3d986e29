"""The last minutes of a running engine as recordings."""

from __future__ import annotations

from pathlib import Path

import click

from engine.commands.options import PATH, config_option, json_option, print_json


@click.command()
@click.argument("dest", type=PATH)
@click.option(
    "--journal", type=PATH, default=Path("spindlewatch.sqlite3"), show_default=True, help="Of the engine."
)
@click.option("--spindle", help="Only this one; then DEST is its recording. Default: all, as DEST/SPINDLE.")
@click.option(
    "--last", "last_s", type=click.FloatRange(min=0, min_open=True), help="Seconds; default: all there is."
)
@config_option
@json_option
def record(
    dest: Path,
    journal: Path,
    spindle: str | None,
    last_s: float | None,
    config_path: Path | None,
    as_json: bool,
) -> None:
    """Write what an engine received last as recordings; it may be running, or have died."""
    from engine.config import load_config
    from replay.ring_cut import record_ring
    from sinks.ring_layout import ring_beside

    ring = ring_beside(journal, load_config(config_path).ring.path)
    cuts = record_ring(ring, dest, spindle, last_s)
    if as_json:
        print_json({"ring": str(ring), "recordings": [cut.as_dict() for cut in cuts]})
        return
    for cut in cuts:
        breaks = f", {cut.n_breaks} breaks" if cut.n_breaks else ""
        click.echo(f"{cut.path}: {cut.duration_s:.1f} s of spindle {cut.spindle}{breaks}")
