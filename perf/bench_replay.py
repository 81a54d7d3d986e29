"""How much faster than the machine itself a recording of it replays."""

from __future__ import annotations

from perf.figures import Bench, Measured, figure
from perf.processes import Finished

_DURATION_S = 60


def _replayed(bench: Bench) -> Finished:
    def run() -> Finished:
        recording = bench.work / "simulated"
        bench.spindlewatch("simulate", recording, "--duration", str(_DURATION_S))
        bench.spindlewatch(
            "replay", recording, "--out", bench.work / "warm", "--json"
        )  # kernels are compiled
        return bench.spindlewatch("replay", recording, "--out", bench.work / "replayed", "--json")

    return bench.once("replayed", run)


@figure("replay_realtime_factor", unit="x")
def replay_process(bench: Bench) -> Measured:
    finished = _replayed(bench)
    duration_s = finished.json["duration_s"]
    return Measured(
        value=duration_s / finished.wall_s,
        note=f"{duration_s:.0f} s of a simulated spindle, whole process {finished.wall_s:.2f} s",
    )


@figure("replay_flow_realtime_factor", unit="x")
def replay_flow(bench: Bench) -> Measured:
    told = _replayed(bench).json
    return Measured(told["realtime_factor"], note=f"the flow alone, {told['wall_s']:.2f} s")
