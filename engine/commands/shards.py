"""Which process and host watches which spindle: `spindlewatch shards`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engine.commands.options import PATH, json_option, print_json

if TYPE_CHECKING:
    from engine.config import Config


@click.command()
@click.option(
    "--config", "config_path", type=PATH, required=True, help="Site configuration; declares [[spindles]]."
)
@json_option
def shards(config_path: Path, as_json: bool) -> None:
    """Show which process watches which spindle, where, and how much each has to do.

    The load is what the sensors deliver, in million values a second (MS/s).
    """
    from engine.config import load_config
    from engine.errors import UsageError

    config = load_config(config_path)
    if not config.spindles:
        raise UsageError(f"{config_path}: wanted the spindles to watch as [[spindles]], got none")
    found = _shards_of(config)
    if as_json:
        print_json({"shards": found})
        return
    for shard in found:
        here = "" if shard["here"] else "  (not on this host)"
        where = f"  {shard['address']}" if shard["address"] else ""
        n_spindles, load = len(shard["spindles"]), shard["load_ms_s"]
        click.echo(f"shard-{shard['shard']}{where}  {n_spindles} spindles  {load:.3f} MS/s{here}")
        for name in shard["spindles"]:
            click.echo(f"  {name}")


def _shards_of(config: Config) -> list[dict[str, Any]]:
    """What there is to say of each shard, as plain values."""
    from engine.service.shards import assign, load_of

    n_shards, cluster = config.service.shards, config.cluster
    return [
        {
            "shard": index,
            "address": cluster.addresses[index] if cluster.addresses else None,
            "here": not cluster.here or index in cluster.here,
            "load_ms_s": sum(map(load_of, part)) / 1e6,
            "spindles": [spindle.name for spindle in part],
        }
        for index, part in enumerate(assign(config.spindles, n_shards))
    ]
