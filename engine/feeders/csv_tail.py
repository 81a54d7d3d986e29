"""`spindlewatch feed csv`: from text files that grow to Redis."""

from __future__ import annotations

import threading

from engine.clock import monotonic_s
from engine.config import Config
from engine.feeders.base import Feed
from engine.feeders.csv_rows import CsvFeed, CsvFile, CsvRows
from engine.feeders.positions import Positions
from engine.feeders.settings import feed_table
from engine.feeders.source import Source
from engine.feeders.tail import Tail
from engine.runtime import Stop

_WAIT_S = 0.05
_KEEP_S = 1.0
_LAST_S = 2.0


def csv_source(config: Config, dry: bool = False) -> Source:
    """Make a source of growing files, as ``[feeds.csv]`` says.

    Rows that were written while no feeder ran are sent if there is a ``position_file``. After a crash, rows of the last
    second may be sent twice; the engine knows them by their time. A file that is not there, or cannot be read, is no
    error.

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
    positions = Positions("" if dry else table.position_file)
    followed = [
        (_tail(file, dry, positions), CsvRows(file, config, f"feeds.csv.files[{n}]"))
        for n, file in enumerate(table.files)
    ]

    def keep(feed: Feed, timeout_s: float) -> None:
        marks = {file.path: tail.mark for file, (tail, _rows) in zip(table.files, followed, strict=True)}
        if feed.flush(timeout_s):
            positions.keep(positions.marks | {path: mark for path, mark in marks.items() if mark})

    def work(feed: Feed, stop: Stop) -> None:
        resting, kept_s = threading.Event(), monotonic_s()
        while not stop.asked:
            came = [take(tail, rows, feed) for tail, rows in followed]
            feed.beat()
            if table.position_file and monotonic_s() - kept_s >= _KEEP_S:
                keep(feed, _WAIT_S)
                kept_s = monotonic_s()
            if not any(came):
                resting.wait(_WAIT_S)
        if table.position_file and feed.finish(_LAST_S):
            keep(feed, 0.0)
        for tail, _rows in followed:
            tail.close()

    return Source(work, table.hold_s)


def _tail(file: CsvFile, dry: bool, positions: Positions) -> Tail:
    begin = "start" if dry else file.begin
    return Tail(file.path, begin, file.skip_rows + file.header, positions.marks.get(file.path))


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
