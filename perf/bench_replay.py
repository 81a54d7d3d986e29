"""How much faster than the machine itself a recording of it replays."""

from __future__ import annotations

from perf.figures import Bench, Measured, figure
from perf.processes import Finished

_DURATION_S = 60


def _replayed(bench: Bench) -> Finished:
    def run() -> Finished:
        made = bench.spindlewatch(
            "simulate", bench.work / "simulated", "--preset", "demo", "--duration", str(_DURATION_S), "--json"
        )
        (recording,) = made.json["recordings"]
        # Once for kernels that are not compiled yet, once for the figure.
        bench.spindlewatch("replay", recording, "--out", bench.work / "cold", "--json")
        return bench.spindlewatch("replay", recording, "--out", bench.work / "warm", "--json")

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
