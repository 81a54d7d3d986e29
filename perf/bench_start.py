"""How fast the command line answers."""

from __future__ import annotations

from statistics import median

from perf.figures import Bench, FailedError, Measured, figure
from perf.processes import run_python

_N_RUNS = 10


@figure("import_help_ms", unit="ms", peer="python -c pass")
def import_help(bench: Bench) -> Measured:
    helped, bare = [], []
    for _ in range(_N_RUNS):  # in turn, so that a busy moment of the machine hits both
        helped.append(bench.spindlewatch("--help"))
        bare.append(run_python("-c", "pass"))
    if "demo" not in helped[0].stdout:
        raise FailedError("spindlewatch --help does not name its commands")
    return Measured(
        value=1e3 * median(run.wall_s for run in helped),
        peer=1e3 * median(run.wall_s for run in bare),
        note=f"median of {_N_RUNS} fresh processes",
    )
