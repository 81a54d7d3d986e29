"""The first sample never waits for a compiler: everything is compiled and imported before the source opens."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import orjson

ROOT = Path(__file__).resolve().parents[2]
# In a fresh process: in this one, other tests have long imported what a flow might load too late.
SCRIPT = """
import sys
import orjson
from numba.core import event
from engine.clock import NoClock
from engine.flow import build_flow
from engine.runtime import run_flow
from perf.streams import CountScores, MemorySource, complete_config, hop_pool, spindles

def heavy():
    return {name for name in sys.modules if name.partition(".")[0] in ("detectors", "operators", "river", "scipy")}

shop, counted = spindles(1), CountScores()
flow = build_flow(MemorySource(["M0000"], 80, hop_pool(), True), shop, complete_config(), NoClock(), [counted])
before = heavy()
with event.install_recorder("numba:compile") as compiled:
    run_flow(flow)
late = sorted(heavy() - before)
print(orjson.dumps({"scored": counted.n_scored, "compiled": len(compiled.buffer), "late": late}).decode())
"""


def test_nothing_is_compiled_or_imported_once_samples_flow() -> None:
    told = orjson.loads(
        subprocess.run(
            [sys.executable, "-c", SCRIPT], cwd=ROOT, check=True, capture_output=True, timeout=100
        ).stdout
    )

    assert told["scored"] > 0
    assert told["compiled"] == 0
    assert told["late"] == []
