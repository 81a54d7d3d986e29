"""Running one feed of a site, or all in one process, so that several may feed one spindle."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from importlib import import_module
from pathlib import Path
from typing import cast

from engine.config import Config, load_config
from engine.errors import ConfigError
from engine.feeders.base import Feed, Letters
from engine.feeders.dry_run import Printed
from engine.feeders.merge import Merge
from engine.feeders.running import DeadLetters, FeedCounts, Producers, run_feed
from engine.feeders.settings import in_file
from engine.feeders.source import Source
from engine.feeders.spindle_feed import Item
from engine.runtime import Stop

_MODULES = {
    "csv": "csv_tail",
    "mqtt": "mqtt",
    "mtconnect": "mtconnect",
    "opcua": "opcua",
    "sparkplug": "sparkplug",
}
"""Table of ``[feeds]`` -> module, which has a function ``{table}_source``."""


def feed_one(name: str, config_path: Path, *, dry_run: int | None = None) -> FeedCounts:
    """Send what one table of ``[feeds]`` says to Redis, until SIGTERM or SIGINT.

    Parameters
    ----------
    name : str
        Of the table: which kind of source.
    config_path : Path
        Has ``[feeds.NAME]``, ``[redis]`` and ``[[spindles]]``.
    dry_run : int, optional
        As for `engine.feeders.running.run_feed`.

    Returns
    -------
    FeedCounts
        What came and what became of it.

    Raises
    ------
    SpindlewatchError
        A configuration that cannot be used, or a library that is not installed. A source that is away is no error.
    """
    config = load_config(config_path)
    with in_file(config_path):
        source = _source(name, config, dry_run is not None)
    return run_feed(config, source.work, hold_s=source.hold_s, dry_run=dry_run)


def feed_all(config_path: Path, *, dry_run: int | None = None) -> FeedCounts:
    """Send what every table of ``[feeds]`` says to Redis, until SIGTERM or SIGINT.

    A spindle's stream has one writer. So where sensors come one way and the controller's words another, their feeds
    have to be one process: blocks pass as they are, contexts are put together (`engine.feeders.merge.Merge`).
    Of feeds that know the same field of a context, that of the table that stands first counts.

    Parameters
    ----------
    config_path : Path
        Has ``[feeds]``, ``[redis]`` and ``[[spindles]]``.
    dry_run : int, optional
        As for `engine.feeders.running.run_feed`.

    Returns
    -------
    FeedCounts
        Of all feeds together.

    Raises
    ------
    SpindlewatchError
        A configuration that cannot be used, or a library that is not installed. A source that is away is no error.
    """
    config = load_config(config_path)
    with in_file(config_path):
        sources = {name: _source(name, config, dry_run is not None) for name in config.feeds}
        if not sources:
            raise ConfigError("wanted tables [feeds.NAME] that say what to read, got none")
    stop = Stop()
    with ExitStack() as stack:
        stack.enter_context(stop.on_signals())
        if dry_run is not None:
            printed = Printed(dry_run, stop)
            return run_together(config, sources, printed.send, printed, stop)
        letters = stack.enter_context(closing(DeadLetters(config.redis)))
        producers = stack.enter_context(closing(Producers(config.redis)))
        counts = run_together(config, sources, producers.send, letters, stop, producers.flush)
    return FeedCounts(counts.feed, producers.counts, counts.skew_s)


def run_together(
    config: Config,
    sources: Mapping[str, Source],
    send: Callable[[Item], None],
    letters: Letters,
    stop: Stop,
    flush: Callable[[float], bool] = lambda _timeout_s: False,
) -> FeedCounts:
    """Run each source in a thread of its own until asked to stop, or until all have ended.

    Parameters
    ----------
    config : Config
        As for `Feed`.
    sources : Mapping[str, Source]
        By name; those that know better come first.
    send : callable
        Takes each record, one at a time.
    letters : Letters
        Takes what cannot be used, from any thread.
    stop : Stop
        Ends them.
    flush : callable
        As for `Feed`.

    Returns
    -------
    FeedCounts
        Nothing of Redis; skews by feed and spindle.

    Raises
    ------
    SpindlewatchError
        Whatever a source raises; it ends the others.
    """
    merge = Merge(send, list(sources))
    feeds = {
        name: Feed(config, merge.sender(name), letters, source.hold_s, flush=flush)
        for name, source in sources.items()
    }
    failed: list[Exception] = []

    def run(name: str) -> None:
        try:
            sources[name].work(feeds[name], stop)
        except Exception as error:  # raised again, in the thread that waits
            failed.append(error)
            stop.ask()

    threads = [threading.Thread(target=run, args=(name,), name=name) for name in sources]
    for thread in threads:
        thread.start()
    for thread in threads:
        while thread.is_alive():
            thread.join(0.1)  # not endlessly: signals are handled in between
    if failed:
        raise failed[0]
    skew_s = {f"{name} {spindle}": s for name, feed in feeds.items() for spindle, s in feed.skew_s.items()}
    return FeedCounts(sum((feed.counts for feed in feeds.values()), Counter[str]()), Counter(), skew_s)


def _source(name: str, config: Config, dry: bool) -> Source:
    if name not in _MODULES:
        raise ConfigError(f"Expected a table of {', '.join(_MODULES)}, got {name!r} - at `$.feeds`")
    make = getattr(import_module(f"engine.feeders.{_MODULES[name]}"), f"{name}_source")
    return cast(Source, make(config, dry))
