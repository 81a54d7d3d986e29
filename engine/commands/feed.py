"""Bringing data to Redis: one subcommand for each kind of source."""

from __future__ import annotations

import click

from engine.commands.feed_all import feed_all
from engine.commands.feed_csv import feed_csv
from engine.commands.feed_mqtt import feed_mqtt
from engine.commands.feed_mtconnect import feed_mtconnect
from engine.commands.feed_opcua import feed_opcua
from engine.commands.feed_simulate import feed_simulate
from engine.commands.feed_sparkplug import feed_sparkplug


@click.group()
def feed() -> None:
    """Send to Redis what a source measures, for `run`; each source is a process of its own."""


feed.add_command(feed_all)
feed.add_command(feed_csv)
feed.add_command(feed_mqtt)
feed.add_command(feed_mtconnect)
feed.add_command(feed_opcua)
feed.add_command(feed_simulate)
feed.add_command(feed_sparkplug)
