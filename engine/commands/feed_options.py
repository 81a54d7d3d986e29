"""What the feeds of real sources have in common on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from engine.commands.options import PATH, print_json

if TYPE_CHECKING:
    from engine.feeders.running import FeedCounts

site_option = click.option(
    "--config",
    "config_path",
    type=PATH,
    required=True,
    help="Site configuration: [redis], [[spindles]], and the feed's own [feeds.NAME].",
)
dry_run_option = click.option(
    "--dry-run",
    type=click.IntRange(min=1),
    is_flag=False,
    flag_value=10,
    metavar="[N]",
    help="Print the first N blocks and contexts (10) instead of sending them; Redis is not touched.",
)
log_option = click.option(
    "--log", type=click.Choice(["json", "text"]), default="json", show_default=True, help="Format of the log."
)


def tell(counts: FeedCounts, as_json: bool) -> None:
    """Say what a feeder did.

    Parameters
    ----------
    counts : FeedCounts
        As it returned them.
    as_json : bool
        On stdout as JSON, instead of one line on stderr.
    """
    if as_json:
        print_json(counts.as_dict())
        return
    told = ", ".join(f"{n} {what}" for what, n in sorted(counts.feed.items())) or "nothing came"
    click.echo(f"{told}; Redis: {counts.redis['sent']} sent, {counts.redis['dropped']} dropped", err=True)
