"""What an importer makes of a source: everything that a recording needs, before it is written."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.declared import SensorGroup, Spindle
from engine.errors import RecordingError
from engine.records import Context, samples_to_ns
from replay.faults import Fault

# Where a source gives no date, its recording starts on 2000-01-01 and says so.
NO_DATE_NS = 946_684_800_000_000_000
NO_DATE_NOTE = "The source gives no date; the start is set to 2000-01-01."

# Waveform rows are a tenth of a second: what a gateway would send, so that a paced replay flows like live data.
_BLOCK_S = 0.1

Piece = tuple[str, int, NDArray[np.float32]]
# What pieces may bring along: contexts that are found while samples are read.
Item = Piece | Context


@dataclass(frozen=True, slots=True)
class Dropped:
    """What of a source is not in the recording, or was mended.

    Parameters
    ----------
    n : int
        How many.
    what : str
        Of what: ``rows``, ``samples``, ``cells``.
    reason : str
        Why.
    """

    n: int
    what: str
    reason: str

    def __str__(self) -> str:
        return f"{self.n} {self.what}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file of a source folder that gives no recording, and why."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Findings:
    """What is known of a source only once it has been read to its end.

    Parameters
    ----------
    n_read : int
        Rows or samples of the source.
    notes, dropped, faults : sequence
        Beside those of the draft.
    labelled : bool
        Whether whatever no fault covers is known to be normal.
    """

    n_read: int
    notes: Sequence[str] = ()
    dropped: Sequence[Dropped] = ()
    faults: Sequence[Fault] = ()
    labelled: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Draft:
    """One recording to be written.

    Parameters
    ----------
    name : str
        Of its folder, unique within the source.
    spindle : Spindle
        Groups, channels, teach-in.
    start_ns : int
        Second 0 of the faults.
    source, licence : str
        Where the samples come from and on what terms.
    n_read : int
        Rows or samples of the source that were read.
    pieces : iterable of (group, t_ns, float32[n_channels, n_samples]) or Context
        Blocks, may be made while they are written, and contexts between them.
    contexts : sequence of Context
        What the machine did.
    faults : sequence of Fault
        What is labelled.
    notes : sequence of str
        Decisions and warnings for users of the recording.
    dropped : sequence of Dropped
        What was left out or mended; becomes notes too.
    labelled : bool
        Whether whatever no fault covers is known to be normal.
    findings : callable, optional
        What else is known once the pieces have been written.
    share : callable, optional
        Part of the source that has been read by now, 0 to 1: for progress.
    """

    name: str
    spindle: Spindle
    start_ns: int
    source: str
    licence: str
    n_read: int
    pieces: Iterable[Item]
    contexts: Sequence[Context] = ()
    faults: Sequence[Fault] = ()
    notes: Sequence[str] = ()
    dropped: Sequence[Dropped] = ()
    labelled: bool = False
    findings: Callable[[], Findings] | None = None
    share: Callable[[], float] | None = None


def waveform_pieces(group: SensorGroup, t_ns: int, samples: NDArray[np.float32]) -> Iterator[Piece]:
    """Cut contiguous samples into blocks.

    Parameters
    ----------
    group : SensorGroup
        Whose samples.
    t_ns : int
        Time of the first.
    samples : float32[n_channels, n_samples]
        Contiguous.

    Yields
    ------
    Piece
        A tenth of a second each.
    """
    n_block = max(1, round(_BLOCK_S * group.sample_rate_hz))
    for first in range(0, samples.shape[1], n_block):
        piece_ns = t_ns + samples_to_ns(first, group.sample_rate_hz)
        yield group.name, piece_ns, samples[:, first : first + n_block]


def scalar_pieces(
    group: SensorGroup, times_ns: NDArray[np.int64], samples: NDArray[np.float32]
) -> Iterator[Piece]:
    """Give every sample its own time.

    Parameters
    ----------
    group : SensorGroup
        Whose samples.
    times_ns : int64[n_samples]
        Ascending.
    samples : float32[n_channels, n_samples]
        Values at those times.

    Yields
    ------
    Piece
        One sample each.
    """
    for index, t_ns in enumerate(times_ns.tolist()):
        yield group.name, t_ns, samples[:, index : index + 1]


def forward_rows(times_ns: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which rows are later than every row before them.

    Parameters
    ----------
    times_ns : int64[n_rows]
        In the order of the file.

    Returns
    -------
    bool[n_rows]
        False for repeated and earlier times: the copy that came first stays.

    Examples
    --------
    >>> forward_rows(np.array([1, 2, 2, 1, 3])).tolist()
    [True, True, False, False, True]
    """
    latest = np.maximum.accumulate(times_ns)
    return np.concatenate(([True], times_ns[1:] > latest[:-1]))


def source_files(source: Path, patterns: Sequence[str], wanted: str) -> list[tuple[str, Path]]:
    """Files to import, with names for their recordings.

    Parameters
    ----------
    source : Path
        One file, taken as it is, or a folder, searched at every depth.
    patterns : sequence of str
        Of file names, such as ``*.csv``.
    wanted : str
        What to name in the error.

    Returns
    -------
    list of tuple[str, Path]
        In natural order (2 before 10); the name is the path below ``source``, joined by ``-``.

    Raises
    ------
    RecordingError
        A missing source, or a folder without such a file.
    """
    if source.is_file():
        return [(safe_name(source.stem), source)]
    if not source.is_dir():
        raise RecordingError(f"{source}: missing; wanted {wanted}, or a folder of such files")
    found = {path for pattern in patterns for path in source.rglob(pattern) if path.is_file()}
    if not found:
        raise RecordingError(f"{source}: found no {' or '.join(patterns)}; wanted {wanted}")
    ordered = sorted(found, key=lambda path: _natural(path.relative_to(source).as_posix()))
    return [(safe_name("-".join(path.relative_to(source).with_suffix("").parts)), path) for path in ordered]


def safe_name(text: str) -> str:
    """Name of a folder or spindle: letters of any alphabet, digits, ``_ . -``.

    Examples
    --------
    >>> safe_name("1797_OR@6_7_DE12")
    '1797_OR-6_7_DE12'
    """
    return re.sub(r"[^\w.-]+", "-", text).strip("-.") or "recording"


def snake_case(text: str) -> str:
    """Channel name of a column heading: letters of any alphabet, digits and underscores.

    Examples
    --------
    >>> snake_case("S1_DCBusVoltage"), snake_case("Volume Flow RateRMS"), snake_case("Current-A")
    ('s1_dc_bus_voltage', 'volume_flow_rate_rms', 'current_a')
    """
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", text)
    return re.sub(r"[\W_]+", "_", words).strip("_").lower()


def _natural(text: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", text)]
