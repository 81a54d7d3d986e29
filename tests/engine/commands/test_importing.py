"""What `import` prints, and what it does not write."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from signal_files import write_hdf5, write_npz

from engine.cli import cli
from engine.errors import UsageError
from replay.importers.mapping import read_mapping
from replay.importers.registry import FORMATS, import_recording


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "load.csv"
    path.write_text("t_s,load [kW],rpm,comment\n" + "".join(f"{i / 2},{i},3000,x\n" for i in range(20)))
    return path


def test_show_prints_the_guessed_mapping_and_writes_nothing(table: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["import", "csv", str(table), str(tmp_path / "dest"), "--show"])

    (tmp_path / "map.toml").write_text(result.stdout)
    mapping = read_mapping(tmp_path / "map.toml")
    assert result.exit_code == 0
    assert [(c.column, c.name, c.unit) for c in mapping.channels] == [("load [kW]", "load", "kW")]
    assert (mapping.time.column, mapping.context.rpm) == ("t_s", "rpm")
    assert "# Not used: comment" in result.stdout
    assert not (tmp_path / "dest").exists()


def test_help_names_every_format() -> None:
    words = (
        CliRunner()
        .invoke(cli, ["import", "--help"])
        .stdout.replace(",", " ")
        .replace(".", " ")
        .replace(";", " ")
        .split()
    )

    assert set(FORMATS) <= set(words)


def test_progress_is_told_per_recording_and_never_falls(tmp_path: Path) -> None:
    write_npz(tmp_path / "a.npz", {"vib": np.zeros(300_000, np.float32)}, 25_600.0)
    told: list[tuple[str, float | None]] = []

    import_recording(
        "npz", tmp_path / "a.npz", tmp_path / "dest", lambda name, share: told.append((name, share))
    )

    shares = [share for _, share in told if share is not None]
    assert {name for name, _ in told} == {"a"}
    assert len(shares) == len(told)
    assert shares == sorted(shares)
    assert 0.0 < shares[0] < shares[-1] == 1.0


def test_a_format_whose_library_is_missing_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_hdf5(tmp_path / "a.h5", {}, 1.0)
    monkeypatch.setitem(sys.modules, "h5py", None)

    with pytest.raises(
        UsageError, match=r"HDF5 needs h5py, which is not installed; pip install 'spindlewatch\[import\]'"
    ):
        import_recording("hdf5", tmp_path / "a.h5", tmp_path / "dest")
    assert not (tmp_path / "dest").exists()
