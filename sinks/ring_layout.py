"""Where a ring keeps what: folders, file names, and what there is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, unquote

_SUFFIX = ".segment"
_SPINDLES, _INCIDENTS = "spindles", "incidents"
KEEP = "keep"
"""A file of this name in an incident's folder, and it is never removed to make room."""


class SegmentFile(NamedTuple):
    """A segment's file, by its name.

    Parameters
    ----------
    t_ns : int
        When it begins, stream time: names sort by it.
    run : str
        Which run of the engine.
    number : int
        Its place in that run.
    path : Path
        The file.
    """

    t_ns: int
    run: str
    number: int
    path: Path

    @property
    def spindle(self) -> str:
        """Whose it is."""
        return unquote(self.path.parent.name)


def ring_beside(journal: Path, configured: str = "") -> Path:
    """Where the ring of a journal is.

    Parameters
    ----------
    journal : Path
        Of the alerts.
    configured : str
        ``[ring] path``.

    Returns
    -------
    Path
        What is configured; otherwise a folder beside the journal.

    Examples
    --------
    >>> ring_beside(Path("shop/spindlewatch.sqlite3")).as_posix()
    'shop/spindlewatch.ring'
    """
    return Path(configured) if configured else journal.with_name(f"{journal.stem}.ring")


def folder_of(ring: Path, spindle: str) -> Path:
    """Where a spindle's segments are.

    Examples
    --------
    >>> folder_of(Path("r"), "line 1/M2").as_posix()
    'r/spindles/line%201%2FM2'
    """
    return ring / _SPINDLES / _as_name(spindle)


def incident_folder(ring: Path, alert_id: str) -> Path:
    """Where the surroundings of an alert are.

    Examples
    --------
    >>> incident_folder(Path("r"), "M1:collision:17").as_posix()
    'r/incidents/M1:collision:17'
    """
    return ring / _INCIDENTS / _as_name(alert_id)


def segment_file(folder: Path, t_ns: int, run: str, number: int) -> SegmentFile:
    """Name a segment's file so that names sort by when it begins."""
    t_ns = max(t_ns, 0)
    return SegmentFile(t_ns, run, number, folder / f"{t_ns:019d}-{run}-{number:06d}{_SUFFIX}")


def segments_in(folder: Path) -> list[SegmentFile]:
    """Find a folder's segments.

    Parameters
    ----------
    folder : Path
        Of a spindle or an incident; it may be missing.

    Returns
    -------
    list of SegmentFile
        By when they begin; files of other names are passed over.
    """
    found = []
    for path in folder.glob(f"*{_SUFFIX}"):
        t_ns, _, rest = path.name.removesuffix(_SUFFIX).partition("-")
        run, _, number = rest.rpartition("-")
        if t_ns.isdecimal() and number.isdecimal():
            found.append(SegmentFile(int(t_ns), run, int(number), path))
    return sorted(found)


def spindles_in(ring: Path) -> list[str]:
    """Name the spindles that a ring has anything of."""
    return sorted(unquote(folder.name) for folder in _folders(ring / _SPINDLES))


def incidents_in(ring: Path) -> list[Path]:
    """Find the incidents' folders, those that began first at the head."""
    dated = [(segments_in(folder)[:1], folder) for folder in _folders(ring / _INCIDENTS)]
    return [folder for _, folder in sorted(dated)]


def alert_of(folder: Path) -> str:
    """Say which alert an incident's folder is about.

    Examples
    --------
    >>> alert_of(Path("r/incidents/M%2F1:collision:17"))
    'M/1:collision:17'
    """
    return unquote(folder.name)


def _folders(parent: Path) -> Iterator[Path]:
    return (path for path in parent.iterdir() if path.is_dir()) if parent.is_dir() else iter(())


def _as_name(text: str) -> str:
    """Make a file name of any text; one that begins with a dot would be hidden, or lead out of the folder."""
    name = quote(text, safe=":")
    return f"%2E{name[1:]}" if name.startswith(".") else name
