"""What a user does wrong is one line that says what was got, what was wanted and where; never a traceback."""

import shutil
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from engine.cli import main
from engine.declared import Channel, SensorGroup, Spindle
from replay.writer import RecordingWriter

GROUP = SensorGroup("vib", "waveform", 1000.0, (Channel("vib_x", "g"),))


@pytest.fixture
def spindlewatch(monkeypatch, capfd):
    """The command line in this process: an unexpected exception fails the test with its traceback."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["spindlewatch", *map(str, arguments)])
        status = 0
        try:
            main()
        except SystemExit as end:
            status = end.code
        said = capfd.readouterr()
        return SimpleNamespace(returncode=status, stdout=said.out, stderr=said.err)

    return run


@pytest.fixture
def recording(tmp_path):
    path = tmp_path / "recording"
    with RecordingWriter(
        path, Spindle("M1", (GROUP,)), 1_700_000_000_000_000_000, "test", "CC0-1.0"
    ) as writer:
        samples = np.random.default_rng(1).standard_normal((1, 5000)).astype(np.float32)
        writer.write_block("vib", 1_700_000_000_000_000_000, samples)
    return path


def assert_one_line(result, status, *words):
    assert result.returncode == status, result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    for word in words:
        assert word in result.stderr


def test_a_valid_recording_and_a_valid_config_check_out(recording, tmp_path, spindlewatch):
    config = tmp_path / "site.toml"
    config.write_text("[judge]\non = 1.2\n")

    assert spindlewatch("check", recording).returncode == 0
    assert spindlewatch("check", config).returncode == 0


def test_truncated_parquet(recording, tmp_path, spindlewatch):
    data = recording / "vib.parquet"
    data.write_bytes(data.read_bytes()[:-200])

    assert_one_line(spindlewatch("replay", recording, "--out", tmp_path / "out"), 1, "vib.parquet")


def test_empty_parquet_file(recording, tmp_path, spindlewatch):
    (recording / "vib.parquet").write_bytes(b"")

    assert_one_line(spindlewatch("check", recording), 1, "vib.parquet")


def test_wrong_channel(recording, spindlewatch):
    toml = recording / "recording.toml"
    toml.write_text(toml.read_text().replace("vib_x", "vib_z"))

    assert_one_line(spindlewatch("check", recording), 1, "vib_z")


def test_missing_recording(tmp_path, spindlewatch):
    assert_one_line(spindlewatch("replay", tmp_path / "nowhere", "--out", tmp_path / "out"), 1, "nowhere")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[judge]\nonn = 1\n", ("onn", "$.judge")),
        ("[judge]\noff = 7\n", ("$.judge.off",)),
        ("[check]\nsilent_s = 'x'\n", ("$.check.silent_s",)),
        ("[judge\n", ("TOML",)),
        ('[[detectors]]\nname = "nosuch"\n', ("nosuch", "$.detectors[0]")),
        ('[waveform]\ntime_features = ["nosuch"]\n', ("nosuch",)),
    ],
)
def test_config_typo(recording, tmp_path, text, words, spindlewatch):
    config = tmp_path / "site.toml"
    config.write_text(text)

    for command in (("check", config), ("replay", recording, "--out", tmp_path / "out", "--config", config)):
        assert_one_line(spindlewatch(*command), 2, *words)


def test_bad_pace(recording, tmp_path, spindlewatch):
    assert_one_line(spindlewatch("replay", recording, "--out", tmp_path / "out", "--pace", "fast"), 2, "fast")


def test_unknown_import_format(tmp_path, spindlewatch):
    assert_one_line(spindlewatch("import", "nosuch", tmp_path, tmp_path / "dest"), 2, "nosuch")


def test_a_file_that_is_not_what_it_is_said_to_be(tmp_path, spindlewatch):
    source = tmp_path / "1.csv"
    source.write_bytes(bytes(range(256)))

    assert_one_line(spindlewatch("import", "skab", source, tmp_path / "dest"), 1, "1.csv")
    assert not (tmp_path / "dest").exists()


def test_an_existing_destination_is_not_overwritten(recording, tmp_path, spindlewatch):
    csv = tmp_path / "a.csv"
    csv.write_text("t,a\n0,1\n1,2\n")

    assert_one_line(spindlewatch("import", "csv", csv, recording), 1, "recording")


def test_two_recordings_of_one_spindle(recording, tmp_path, spindlewatch):
    shutil.copytree(recording, tmp_path / "copy")

    result = spindlewatch("replay", recording, tmp_path / "copy", "--out", tmp_path / "out")

    assert_one_line(result, 2, "M1")


def test_a_clock_that_jumps_and_a_nan_storm_are_sensor_alerts(tmp_path, spindlewatch):
    t0, rng = 1_700_000_000_000_000_000, np.random.default_rng(1)
    path = tmp_path / "dirty"
    with RecordingWriter(path, Spindle("M1", (GROUP,)), t0, "test", "CC0-1.0") as writer:
        samples = rng.standard_normal((1, 5000)).astype(np.float32)
        writer.write_block("vib", t0, samples)
        writer.write_block("vib", t0 + 7_200_000_000_000, samples)
        writer.write_block("vib", t0 + 7_205_000_000_000, np.full((1, 3000), np.nan, np.float32))

    result = spindlewatch("replay", path, "--out", tmp_path / "out", "--json")

    assert result.returncode == 0, result.stderr
    lines = (tmp_path / "out" / "alerts.jsonl").read_text()
    assert '"clock_jump"' in lines
    assert '"nan"' in lines
