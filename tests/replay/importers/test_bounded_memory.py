"""Importing takes the same memory however long the file is."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
from nptdms import ChannelObject, TdmsWriter

PART = np.random.default_rng(2).standard_normal(1 << 18).astype(np.float32) / 8
"""One MiB of samples."""
SMALL, LARGE = 16, 100

# Buffers and caches are there after the small files. In a process of its own, for a peak never falls again.
MEASURE = """
import resource, sys, pathlib, tempfile
from replay.importers.registry import import_recording
with tempfile.TemporaryDirectory() as folder:
    peak = 0
    for source in map(pathlib.Path, sys.argv[1:]):
        import_recording(source.suffix[1:], source, pathlib.Path(folder, source.name), rate_hz=25600)
        before, peak = peak, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(source.name, (peak - before) // 1024)
"""


def write_csv(path: Path, n_parts: int) -> None:
    body = b"".join(b"%.5f\n" % value for value in PART[: 1 << 17].tolist())
    with path.open("wb") as file:
        file.write(b"vib\n")
        for _ in range(n_parts):
            file.write(body)


def write_parquet(path: Path, n_parts: int) -> None:
    table = pa.table({"vib": PART})
    with pq.ParquetWriter(path, table.schema, compression="none", use_dictionary=False) as writer:
        for _ in range(n_parts):
            writer.write_table(table)


def write_npz(path: Path, n_parts: int) -> None:
    header = {"descr": "<f4", "fortran_order": False, "shape": (n_parts * len(PART),)}
    with zipfile.ZipFile(path, "w") as archive, archive.open("vib.npy", "w", force_zip64=True) as member:
        np.lib.format.write_array_header_1_0(member, header)
        for _ in range(n_parts):
            member.write(PART.tobytes())


def write_hdf5(path: Path, n_parts: int) -> None:
    with h5py.File(path, "w") as file:
        stored = file.create_dataset("vib", (n_parts * len(PART),), "f4", chunks=(1 << 16,))
        for index in range(n_parts):
            stored[index * len(PART) : (index + 1) * len(PART)] = PART


def write_wav(path: Path, n_parts: int) -> None:
    with soundfile.SoundFile(path, "w", 25_600, 1, "FLOAT") as file:
        for _ in range(n_parts):
            file.write(PART)


def write_tdms(path: Path, n_parts: int) -> None:
    with TdmsWriter(path) as writer:
        for _ in range(n_parts):
            writer.write_segment([ChannelObject("daq", "vib", PART)])


WRITERS: dict[str, Callable[[Path, int], None]] = {
    "csv": write_csv,
    "parquet": write_parquet,
    "npz": write_npz,
    "hdf5": write_hdf5,
    "wav": write_wav,
    "tdms": write_tdms,
}


@pytest.fixture(scope="module")
def grown_mib(tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """By how much each large file raised the peak, after a small one of every format."""
    folder = tmp_path_factory.mktemp("files")
    sources = [folder / f"{name}.{format_}" for name in ("small", "large") for format_ in WRITERS]
    for source in sources:
        WRITERS[source.suffix[1:]](source, SMALL if source.stem == "small" else LARGE)
    command = [sys.executable, "-c", MEASURE, *map(str, sources)]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    return {name: int(grown) for name, grown in (line.split() for line in told.stdout.splitlines())}


@pytest.mark.parametrize("format_", WRITERS)
def test_a_file_six_times_as_long_takes_no_more_memory(grown_mib: dict[str, int], format_: str) -> None:
    # Buffers fill to some 40 MiB; a file held as float32 would be 84.
    assert grown_mib[f"large.{format_}"] < 0.75 * (LARGE - SMALL)
