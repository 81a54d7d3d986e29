from __future__ import annotations

import numpy as np
import pytest
from healthy import T0, VIB, samples_of, write_healthy

from engine.errors import RecordingError
from replay.report.samples import Stretches


@pytest.fixture(scope="module")
def rec(tmp_path_factory):
    return write_healthy(tmp_path_factory.mktemp("recordings") / "M1")


@pytest.mark.parametrize(("first", "last"), [(0, 500), (499, 501), (37_111, 45_000), (119_000, 120_000)])
def test_a_stretch_is_what_reading_the_whole_recording_gives_there(rec, first, last):
    step_ns = 100_000  # 10 kHz
    with Stretches(rec, VIB) as stretches:
        found = stretches.read(T0 + first * step_ns, T0 + last * step_ns)

    assert np.array_equal(found, samples_of(rec, "vib")[:, first:last])


def test_time_without_samples_is_unknown_and_not_zero(rec):
    with Stretches(rec, VIB) as stretches:
        before = stretches.read(T0 - 1_000_000, T0 + 1_000_000)
        after = stretches.read(T0 + 20_000_000_000, T0 + 20_100_000_000)

    assert np.isnan(before[:, :10]).all()
    assert np.isfinite(before[:, 10:]).all()
    assert after.shape == (2, 1000)
    assert np.isnan(after).all()


def test_damage_is_one_error_that_names_the_file(tmp_path):
    rec = write_healthy(tmp_path / "M1")
    path = rec / "vib.parquet"
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 0xFF
    path.write_bytes(raw)

    with (
        Stretches(rec, VIB) as stretches,
        pytest.raises(RecordingError, match=r"vib.parquet: cannot be read"),
    ):
        stretches.read(T0, T0 + 12_000_000_000)
