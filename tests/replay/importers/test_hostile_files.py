"""Corrupt, truncated and hostile files give one clear error and leave nothing behind."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from signal_files import WRITERS, uff_set

from engine.errors import RecordingError, UsageError
from replay.importers.registry import import_recording

SIGNAL = np.random.default_rng(5).uniform(-0.7, 0.7, 20_000).astype(np.float32)


def refused(format_: str, source: Path, **options: Any) -> str:
    """One line, and nothing but the source beside it."""
    before = sorted(source.parent.iterdir())
    with pytest.raises((RecordingError, UsageError)) as caught:
        import_recording(format_, source, source.parent / "dest", **options)
    assert sorted(source.parent.iterdir()) == before
    assert str(caught.value).isprintable()
    assert source.name in str(caught.value)
    return str(caught.value)


# A csv or a text that ends early is a shorter table: nothing tells that there was more.
@pytest.mark.parametrize("kind", [kind for kind in WRITERS if kind != "csv"])
@pytest.mark.parametrize("part", [0.98, 0.45, 0.02])
def test_a_file_that_ends_early_is_refused(tmp_path: Path, kind: str, part: float) -> None:
    format_, name, write = WRITERS[kind]
    write(tmp_path / name, {"a": SIGNAL, "b": SIGNAL[::-1].copy()}, 1000.0)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: int(part * len(content))])

    refused(format_, tmp_path / name)


@pytest.mark.parametrize("kind", ["packed npz", "mat", "parquet", "flac", "hdf5"])
def test_a_byte_turned_round_in_a_packed_file_is_refused(tmp_path: Path, kind: str) -> None:
    format_, name, write = WRITERS[kind]
    write(tmp_path / name, {"a": SIGNAL}, 1000.0)
    content = bytearray((tmp_path / name).read_bytes())
    middle = len(content) // 2
    for at in range(middle, middle + 64):
        content[at] ^= 0xFF
    (tmp_path / name).write_bytes(content)

    refused(format_, tmp_path / name, rate_hz="1000")


def test_pickles_in_an_npz_are_never_read(tmp_path: Path) -> None:
    class Touches:
        def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
            return Path.touch, (tmp_path / "owned",)

    np.savez(tmp_path / "a.npz", a=np.array([Touches()] * 3, object), fs=1000.0)

    assert "pickles are never read" in refused("npz", tmp_path / "a.npz")
    assert not (tmp_path / "owned").exists()


def npy_header(shape: tuple[int, ...]) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})
    return file.getvalue()


def test_a_zip_bomb_is_refused_by_what_it_claims(tmp_path: Path) -> None:
    with (
        zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("a.npy", "w") as member,
    ):
        member.write(npy_header((72 << 20,)))
        for _ in range(288):
            member.write(bytes(1 << 20))

    assert "claim to unfold" in refused("npz", tmp_path / "a.npz", rate_hz="1000")


def test_an_npz_whose_header_claims_another_size_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("a.npy", npy_header((1 << 40,)) + bytes(400))

    assert "wanted 43980" in refused("npz", tmp_path / "a.npz", rate_hz="1000")


def test_an_hdf5_that_claims_more_than_it_holds_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("a", shape=(1 << 40,), chunks=(1024,), dtype="f4")

    assert "claim to unfold" in refused("hdf5", tmp_path / "a.h5", rate_hz="1000")


def test_a_parquet_that_claims_more_than_it_holds_is_refused(tmp_path: Path) -> None:
    table = pa.table({"a": pa.array(np.zeros(1 << 20))})
    with pq.ParquetWriter(tmp_path / "a.parquet", table.schema, compression="zstd") as writer:
        for _ in range(40):
            writer.write_table(table)

    assert "claim to unfold" in refused("parquet", tmp_path / "a.parquet", rate_hz="1000")


def test_a_matlab_file_that_claims_more_than_it_holds_is_refused(tmp_path: Path) -> None:
    packed = zlib.compress(struct.pack("<II", 14, 1 << 30) + bytes(1000))
    head = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM"
    (tmp_path / "a.mat").write_bytes(head + struct.pack("<II", 15, len(packed)) + packed)

    assert "claim to unfold" in refused("mat", tmp_path / "a.mat", rate_hz="1000")


@pytest.mark.parametrize("kind", ["external", "storage", "virtual"])
def test_an_hdf5_never_leads_to_another_file(tmp_path: Path, kind: str) -> None:
    (tmp_path / "other").mkdir()
    with h5py.File(tmp_path / "other" / "b.h5", "w") as other:
        other["b"] = SIGNAL
    (tmp_path / "other" / "raw").write_bytes(SIGNAL.tobytes())
    with h5py.File(tmp_path / "a.h5", "w") as file:
        if kind == "external":
            file["a"] = h5py.ExternalLink(str(tmp_path / "other" / "b.h5"), "/b")
        elif kind == "storage":
            file.create_dataset(
                "a", SIGNAL.shape, "f4", external=[(str(tmp_path / "other" / "raw"), 0, 80_000)]
            )
        else:
            layout = h5py.VirtualLayout(SIGNAL.shape, "f4")
            layout[:] = h5py.VirtualSource(str(tmp_path / "other" / "b.h5"), "b", SIGNAL.shape)
            file.create_virtual_dataset("a", layout)

    refused("hdf5", tmp_path / "a.h5", rate_hz="1000")


def test_links_that_lead_in_a_circle_end(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        group = file.create_group("g")
        group["circle"] = h5py.SoftLink("/g")
        group["itself"] = h5py.SoftLink("/g/itself")
        group["hard"] = file["g"]
        group["a"] = SIGNAL

    report = import_recording("hdf5", tmp_path / "a.h5", tmp_path / "dest", rate_hz="1000")

    assert report.recordings[0].n_samples == len(SIGNAL)


@pytest.mark.parametrize("n_bytes", [0xFFFFFFFF, 80_400])
def test_a_wav_whose_header_lies_is_refused(tmp_path: Path, n_bytes: int) -> None:
    WRITERS["wav"][2](tmp_path / "a.wav", {"a": SIGNAL}, 1000.0)
    content = (tmp_path / "a.wav").read_bytes()
    at = content.index(b"data") + 4
    (tmp_path / "a.wav").write_bytes(content[:at] + struct.pack("<I", n_bytes) + content[at + 4 :])

    assert "as its header says" in refused("wav", tmp_path / "a.wav")


@pytest.mark.parametrize("binary", [True, False])
def test_a_uff_set_that_is_shorter_than_it_says_is_refused(tmp_path: Path, binary: bool) -> None:
    whole = uff_set("a", SIGNAL[:400], 0.001, binary=binary)
    body = len(whole) - (400 * 8 if binary else 400 * 20)
    (tmp_path / "a.uff").write_bytes(whole[: body + 400] + b"\n    -1\n")

    assert "400" in refused("uff", tmp_path / "a.uff")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (",".join(["t_s", *map(str, range(1_000_000))]).encode() + b"\n", "wanted"),
        (b"t_s,load\n0,\x00\n1,2\n", "NUL"),
        (b"t_s,load\n" + b"x" * (5 << 20), "line longer than 4 MiB"),
        (b"t_s;load\n0;1\n1;2;3\n", "Expected 2 columns"),
        (b't_s,load\n0,"1\n1,2\n', ""),
        (b"t_s,load\nnan,1\ninf,2\n", "which is no time"),
        (b"t_s,load\n1e300,1\n2e300,2\n", "which is no time"),
        (b"t_s,load\n" + b"0,1\n" * 5, "two rows of different times"),
        (b"time,load\n1960-01-01 00:00:00,1\n1960-01-01 00:00:01,2\n", "wanted times from 1970 on"),
    ],
)
def test_a_table_that_is_none_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "a.csv").write_bytes(content)

    assert said in refused("csv", tmp_path / "a.csv")


def test_what_breaks_off_behind_the_first_rows_leaves_nothing(tmp_path: Path) -> None:
    rows = b"".join(b"%d,%d\n" % (i, i) for i in range(200_000))
    (tmp_path / "a.csv").write_bytes(b"t_ms,load\n" + rows + b"1,2,3\n")

    assert "Expected 2 columns" in refused("csv", tmp_path / "a.csv")


@pytest.mark.parametrize("rate_hz", [1e-300, 1e300, float("nan"), float("inf"), -1.0, 0.0])
def test_a_rate_that_nobody_measures_at_is_refused(tmp_path: Path, rate_hz: float) -> None:
    np.savez(tmp_path / "a.npz", a=SIGNAL, fs=rate_hz)

    assert "rate" in refused("npz", tmp_path / "a.npz")
    with pytest.raises((RecordingError, UsageError)):
        import_recording("npz", tmp_path / "a.npz", tmp_path / "dest", rate_hz=rate_hz)


def test_rows_that_would_end_beyond_time_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", a=SIGNAL, fs=1e-6)

    assert "up to 2262" in refused("npz", tmp_path / "a.npz")
