"""Files of every format that holds columns, written by the libraries that others write them with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import soundfile
from nptdms import ChannelObject, TdmsWriter
from scipy.io import savemat

Signals = dict[str, np.ndarray]


def write_csv(path: Path, signals: Signals, rate_hz: float) -> None:
    rows = np.column_stack([np.arange(len(next(iter(signals.values())))) / rate_hz, *signals.values()])
    lines = [",".join(["t_s", *signals])] + [",".join(repr(float(x)) for x in row) for row in rows]
    path.write_text("\n".join(lines) + "\n")


def write_parquet(path: Path, signals: Signals, rate_hz: float) -> None:
    n = len(next(iter(signals.values())))
    t_ns = 1_583_077_446_000_000_000 + np.round(np.arange(n) * 1e9 / rate_hz).astype(np.int64)
    times = pa.array(t_ns).cast(pa.timestamp("ns"))
    pq.write_table(
        pa.table({"time": times, **{k: pa.array(v) for k, v in signals.items()}}), path, row_group_size=37
    )


def write_npz(path: Path, signals: Signals, rate_hz: float) -> None:
    np.savez(path, sample_rate_hz=rate_hz, **signals)


def write_packed_npz(path: Path, signals: Signals, rate_hz: float) -> None:
    np.savez_compressed(path, fs=rate_hz, **signals)


def write_mat(path: Path, signals: Signals, rate_hz: float) -> None:
    savemat(path, {"fs": rate_hz, **signals}, do_compression=True)


def write_mat_struct(path: Path, signals: Signals, rate_hz: float) -> None:
    savemat(path, {"bearing": {"sr": rate_hz, **signals}})


def write_mat73(path: Path, signals: Signals, rate_hz: float) -> None:
    with h5py.File(path, "w", userblock_size=512) as file:
        file["Fs"] = np.array([[rate_hz]])
        for name, values in signals.items():
            file[name] = values[np.newaxis, :]
    with path.open("r+b") as opened:
        opened.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")


def write_hdf5(path: Path, signals: Signals, rate_hz: float) -> None:
    with h5py.File(path, "w") as file:
        file["daq/sample_rate"] = rate_hz
        for name, values in signals.items():
            file.create_dataset(
                f"daq/{name}", data=values, chunks=(min(11, len(values)),), compression="gzip"
            )


def write_wav(path: Path, signals: Signals, rate_hz: float) -> None:
    soundfile.write(path, np.column_stack(list(signals.values())), round(rate_hz), subtype="FLOAT")


def write_flac(path: Path, signals: Signals, rate_hz: float) -> None:
    soundfile.write(path, np.column_stack(list(signals.values())), round(rate_hz), subtype="PCM_24")


def write_tdms(path: Path, signals: Signals, rate_hz: float) -> None:
    start = np.datetime64("2020-03-01T15:44:06")
    about = {"wf_increment": 1.0 / rate_hz, "wf_start_time": start, "unit_string": "g"}
    with TdmsWriter(path) as writer:
        for first in range(0, len(next(iter(signals.values()))), 50):
            writer.write_segment(
                [
                    ChannelObject("daq", name, v[first : first + 50], properties=about)
                    for name, v in signals.items()
                ]
            )


def uff_set(name: str, values: np.ndarray, step_s: float, *, binary: bool) -> bytes:
    """A data set of type 58 by hand, for pyuff's writer leaves its files open: real, double, even steps of time."""
    values = values.astype("<f8")
    kind = f"    58b{1:6}{2:6}{11:12}{values.nbytes:12}{0:6}{0:6}{0:12}{0:12}" if binary else "    58"
    lines = [
        "    -1",
        kind,
        *(f"{text:<80}" for text in (name, "NONE", "NONE", "NONE", "NONE")),
        f"{1:5}{0:10}{0:5}{0:10} {'NONE':>10}{1:10}{1:4} {'NONE':>10}{0:10}{0:4}",
        f"{4:10}{len(values):10}{1:10}{0.0:13.5e}{step_s:13.5e}{0.0:13.5e}",
        f"{17:10}{0:5}{0:5}{0:5} {'Time':<20} {'s':<20}",
        f"{12:10}{0:5}{0:5}{0:5} {'NONE':<20} {'g':<20}",
        *(f"{0:10}{0:5}{0:5}{0:5} {'NONE':<20} {'NONE':<20}" for _ in range(2)),
    ]
    body = values.tobytes()
    if not binary:
        texts = [f"{value:20.12e}" for value in values.tolist()]
        body = "".join("".join(texts[i : i + 4]) + "\n" for i in range(0, len(texts), 4)).encode()
    return "\n".join(lines).encode() + b"\n" + body + (b"\n" if binary else b"") + b"    -1\n"


def write_uff(path: Path, signals: Signals, rate_hz: float) -> None:
    path.write_bytes(b"".join(uff_set(k, v, 1.0 / rate_hz, binary=True) for k, v in signals.items()))


def write_uff_text(path: Path, signals: Signals, rate_hz: float) -> None:
    path.write_bytes(b"".join(uff_set(k, v, 1.0 / rate_hz, binary=False) for k, v in signals.items()))


# Format of the importer, name of the file, its writer.
WRITERS: dict[str, tuple[str, str, Callable[[Path, Signals, float], None]]] = {
    "csv": ("csv", "a.csv", write_csv),
    "parquet": ("parquet", "a.parquet", write_parquet),
    "npz": ("npz", "a.npz", write_npz),
    "packed npz": ("npz", "a.npz", write_packed_npz),
    "mat": ("mat", "a.mat", write_mat),
    "mat struct": ("mat", "a.mat", write_mat_struct),
    "mat 7.3": ("mat", "a.mat", write_mat73),
    "hdf5": ("hdf5", "a.h5", write_hdf5),
    "wav": ("wav", "a.wav", write_wav),
    "flac": ("flac", "a.flac", write_flac),
    "tdms": ("tdms", "a.tdms", write_tdms),
    "uff": ("uff", "a.uff", write_uff),
    "uff text": ("uff", "a.unv", write_uff_text),
}
