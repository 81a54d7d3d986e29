"""WAV and FLAC: what a recorder or a sound card made, read block by block."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
from msgspec import Meta

from engine.errors import RecordingError
from replay.importers import resolving
from replay.importers.column_files import ColumnFiles
from replay.importers.columns import BATCH_ROWS, MOST_COLUMNS, Batch, Columns, refuse_bomb
from replay.importers.extras import library
from replay.importers.reading import named

_FORMATS = ("WAV", "WAVEX", "RF64", "FLAC", "W64")


class Options(resolving.Options, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a sound file does not say.

    Parameters
    ----------
    full_scale : float
        What the largest sample that the file can hold stands for, in the unit given with ``units``: 50 for an
        accelerometer of 50 g. Files count from -1 to 1.

    The others are those of `replay.importers.resolving.Options`; channels are called ``channel_1``, ``channel_2`` …
    """

    full_scale: Annotated[float, Meta(gt=0)] = 1.0


def tables(path: Path, options: Options) -> list[Columns]:
    """Look into a file's header.

    Parameters
    ----------
    path : Path
        WAV (RF64 and W64 as well) or FLAC.
    options : Options
        Says what the numbers stand for.

    Returns
    -------
    list[Columns]
        One table at the header's rate, ``full_scale`` declared, so that clipping is exact.

    Raises
    ------
    RecordingError
        No such file, or a header that promises more samples than there are.
    UsageError
        soundfile is not installed.
    """
    soundfile = library("soundfile", "WAV and FLAC")
    with named(path, "a WAV or FLAC file"), soundfile.SoundFile(str(path)) as file:
        if file.format not in _FORMATS:
            raise RecordingError(f"{path}: wanted a WAV or FLAC file, got {file.format}")
        n_rows, n_channels, rate_hz = file.frames, file.channels, float(file.samplerate)
    _refuse_lying_header(path)
    if n_rows == 0:
        raise RecordingError(f"{path}: wanted samples, got a header only")
    if n_channels > MOST_COLUMNS or not rate_hz > 0:
        raise RecordingError(f"{path}: got {n_channels} channels at {rate_hz:g} Hz, wanted a recording")
    refuse_bomb(path, n_rows * n_channels * 4)
    names = tuple(f"channel_{i}" for i in range(1, n_channels + 1))
    return [
        Columns(
            path,
            names,
            lambda wanted: _batches(path, names, wanted, n_rows, options.full_scale),
            rate_hz=rate_hz,
            full_scale=dict.fromkeys(names, options.full_scale),
            n_rows=n_rows,
        )
    ]


def _batches(
    path: Path, names: Sequence[str], wanted: Sequence[str], n_rows: int, scale: float
) -> Iterator[Batch]:
    soundfile = library("soundfile", "WAV and FLAC")
    n_read = 0
    with named(path, "a WAV or FLAC file"), soundfile.SoundFile(str(path)) as file:
        while n_read < n_rows:
            block: Any = file.read(BATCH_ROWS, dtype="float64", always_2d=True)
            if not len(block):
                raise RecordingError(f"{path}: got {n_read} samples, wanted {n_rows} as its header says")
            n_read += len(block)
            yield {name: pa.array(block[:, names.index(name)] * scale) for name in wanted}


def _refuse_lying_header(path: Path) -> None:
    """Refuse a WAV whose chunk of samples is longer than the file: libsndfile would read what is there."""
    size = path.stat().st_size
    with named(path, "a WAV file"), path.open("rb") as file:
        head = file.read(12)
        if head[:4] != b"RIFF" or head[8:] != b"WAVE":
            return
        while len(tag := file.read(8)) == 8:
            name, n_bytes = tag[:4], struct.unpack("<I", tag[4:])[0]
            if name == b"data":
                if file.tell() + n_bytes > size:
                    got = size - file.tell()
                    raise RecordingError(
                        f"{path}: got {got} bytes of samples, wanted {n_bytes} as its header says"
                    )
                return
            file.seek(n_bytes + n_bytes % 2, 1)


_FILES = ColumnFiles(("*.wav", "*.flac"), "a WAV or FLAC file", tables)
read, show = _FILES.read, _FILES.show
