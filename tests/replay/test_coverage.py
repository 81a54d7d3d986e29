from __future__ import annotations

from pathlib import Path

import numpy as np

from engine.config import parse_config
from engine.declared import Bearing, Channel, SensorGroup, Spindle
from engine.records import Context
from replay.coverage import missing_features
from replay.recording import Recording
from replay.writer import RecordingWriter

CONFIG = parse_config(
    """
    [waveform]
    order_features = ["rev_1", "tooth_1"]
    envelope_features = ["envelope_rms", "bpfo"]
    """
)
SPINDLE = Spindle("M1", (SensorGroup("vib", "waveform", 10_000.0, (Channel("vib_x", "g"),)),))


def recorded(folder: Path, contexts: list[Context], spindle: Spindle = SPINDLE) -> Recording:
    with RecordingWriter(folder, spindle, start_ns=0, source="test", licence="none") as writer:
        for context in contexts:
            writer.write_context(context)
        writer.write_block("vib", 0, np.zeros((1, 2000), np.float32))
    return Recording.open(folder)


def test_a_recording_says_what_it_cannot_give_and_how_often(tmp_path: Path) -> None:
    known, unknown = Context("M1", 0, rpm=3000.0, n_teeth=2, cutting=True), Context("M1", 10, cutting=True)
    idle = Context("M1", 20, cutting=False)

    lines = missing_features(recorded(tmp_path / "r", [known, unknown, idle]), CONFIG)

    assert lines == [
        "vib_x.bpfo: cannot be said, bearing geometry unknown",
        "vib_x.rev_1, vib_x.tooth_1: cannot be said, rpm unknown, in 1 of 2 contexts",
    ]


def test_without_contexts_nothing_is_known_of_speed(tmp_path: Path) -> None:
    lines = missing_features(recorded(tmp_path / "r", []), CONFIG)

    assert "vib_x.rev_1, vib_x.tooth_1: cannot be said, rpm unknown" in lines


def test_the_default_features_can_always_be_said(tmp_path: Path) -> None:
    assert missing_features(recorded(tmp_path / "r", []), parse_config("")) == []


def test_a_bearing_s_geometry_is_kept_in_the_recording_and_gives_its_lines(tmp_path: Path) -> None:
    channel = Channel("vib_x", "g", bearing=Bearing(9, 7.94, 39.04, contact_deg=15.0))
    spindle = Spindle("M1", (SensorGroup("vib", "waveform", 10_000.0, (channel,)),))

    recording = recorded(tmp_path / "r", [Context("M1", 0, rpm=3000.0, n_teeth=2)], spindle)

    assert recording.spindle == spindle
    assert missing_features(recording, CONFIG) == []
