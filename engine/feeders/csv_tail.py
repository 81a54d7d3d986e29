"""`spindlewatch feed csv`: from text files that grow to Redis."""

from __future__ import annotations

import threading
from pathlib import Path

from engine.config import Config, load_config
from engine.feeders.base import Feed
from engine.feeders.csv_rows import CsvFeed, CsvRows
from engine.feeders.running import FeedCounts, run_feed
from engine.feeders.settings import feed_table, in_file
from engine.feeders.source import Source
from engine.feeders.tail import Tail
from engine.runtime import Stop

_WAIT_S = 0.05


def feed_csv(config_path: Path, *, dry_run: int | None = None) -> FeedCounts:
    """Send the rows that are written to text files to Redis, until SIGTERM or SIGINT.

    Rows that were written while no feeder ran are sent only if a file's ``begin`` is ``start``; then all are.

    Parameters
    ----------
    config_path : Path
        Has ``[feeds.csv]``, ``[redis]`` and ``[[spindles]]``.
    dry_run : int, optional
        As for `engine.feeders.running.run_feed`; files are read from their start.

    Returns
    -------
    FeedCounts
        What came and what became of it.

    Raises
    ------
    SpindlewatchError
        A configuration that cannot be used. A file that is not there, or cannot be read, is no error.
    """
    config = load_config(config_path)
    with in_file(config_path):
        source = csv_source(config, dry_run is not None)
    return run_feed(config, source.work, hold_s=source.hold_s, dry_run=dry_run)


def csv_source(config: Config, dry: bool = False) -> Source:
    """Make a source of growing files, as ``[feeds.csv]`` says.

    Parameters
    ----------
    config : Config
        ``[feeds.csv]``, ``[[spindles]]``.
    dry : bool
        Whether to read files from their start.

    Returns
    -------
    Source
        Not connected yet.

    Raises
    ------
    SpindlewatchError
        A table that cannot be used.
    """
    table = feed_table(config, "csv", CsvFeed)
    followed = [
        (
            Tail(file.path, "start" if dry else file.begin, file.skip_rows + file.header),
            CsvRows(file, config, f"feeds.csv.files[{n}]"),
        )
        for n, file in enumerate(table.files)
    ]

    def work(feed: Feed, stop: Stop) -> None:
        resting = threading.Event()
        while not stop.asked:
            came = [take(tail, rows, feed) for tail, rows in followed]
            feed.beat()
            if not any(came):
                resting.wait(_WAIT_S)
        for tail, _rows in followed:
            tail.close()

    return Source(work, table.hold_s)


def take(tail: Tail, rows: CsvRows, feed: Feed) -> bool:
    """Hand on what came by one entry's files; False if that was nothing.

    Parameters
    ----------
    tail : Tail
        Follows them.
    rows : CsvRows
        Reads them.
    feed : Feed
        Takes the values.
    """
    pieces = tail.poll()
    lines: list[bytes] = []
    for piece in pieces:
        if piece.kind == "line":
            lines.append(piece.text)
            continue
        rows.take(lines, feed)
        lines = []
        if piece.kind == "new":
            rows.begin_file(piece.text.decode(errors="replace"))
        else:
            feed.refuse(
                "malformed", rows.origin, "got a line without its end, or longer than 1 MiB", piece.text
            )
    rows.take(lines, feed)
    feed.counts["rows"] += sum(piece.kind == "line" for piece in pieces)
    return bool(pieces)
