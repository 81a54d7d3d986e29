"""What reading and writing tables of a replay does not need."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_REPLAYED = """
import sys
from pathlib import Path
import numpy as np
from engine.declared import Channel, SensorGroup, Spindle
from replay.recording import Recording, RecordingWriter
from sinks.parquet import ScoreTable
from told import verdict

group = SensorGroup("vib", "waveform", 1000.0, (Channel("x", "g"),))
{write}
recording = Recording.open(Path("r"))
assert sum(item.samples.shape[1] for item in recording.items(1.0)) == 50
with ScoreTable(Path("scores.parquet")) as table:
    table.write([verdict(0.5)])
print("pandas" in sys.modules)
"""
_WRITE = """
with RecordingWriter(Path("r"), Spindle("M1", (group,)), 0, "", "CC0-1.0") as writer:
    writer.write_block("vib", 0, np.ones((1, 50)))
"""


def test_replaying_does_not_load_pandas(tmp_path):
    """It takes half a second; PyArrow loads it wherever it is installed, as soon as some ways to a column are taken."""
    root = Path(__file__).resolve().parents[2]

    def run(code: str) -> str:
        ended = subprocess.run(
            [sys.executable, "-c", code],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{root / 'tests'}"},
            capture_output=True,
            text=True,
            check=True,
        )
        return ended.stdout.strip()

    run(_REPLAYED.format(write=_WRITE))

    assert run(_REPLAYED.format(write="")) == "False"
