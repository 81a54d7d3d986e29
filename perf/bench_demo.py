"""The demo at its own pace: from the last sample of the deciding window to a subscriber."""

from __future__ import annotations

import re
from statistics import median

from engine.clock import monotonic_s
from perf.figures import Bench, FailedError, Measured, figure
from perf.processes import running_spindlewatch
from sinks.watch import Subscription

_N_STARTS = 3

_DURATION_S = 60


@figure("demo_first_data_s", unit="s")
def demo_first_data(bench: Bench) -> Measured:  # noqa: ARG001 - figures have one shape
    seconds = [_first_data_s() for _ in range(_N_STARTS)]
    return Measured(
        median(seconds), note=f"start of the process to a spindle's state, {_N_STARTS} warm starts"
    )


def _first_data_s() -> float:
    """Start a demo, subscribe like the page does, and wait for the first state of a spindle."""
    began_s = monotonic_s()
    with running_spindlewatch("demo", "--port", "0") as process:
        said = ""
        while not (found := re.search(r"http://(\S+)/", said)):
            line = process.stderr.readline() if process.stderr else ""
            if not line:
                raise FailedError(f"the demo ended early: {said}")
            said += line
        for message in Subscription(f"ws://{found.group(1)}/v1/stream"):
            if message["type"] == "state":
                break
        return monotonic_s() - began_s


@figure("demo_latency_p99_ms", unit="ms")
def demo_latency(bench: Bench) -> Measured:
    finished = bench.spindlewatch("demo", "--duration", str(_DURATION_S), "--port", "0", "--json")
    told = finished.json
    injected, detected = len(told["faults_injected"]), len(told["faults_detected"])
    latency = told["latency_ms"]
    wrong = []
    if detected != injected or not injected:
        wrong.append(f"{detected} of {injected} injected faults detected")
    if told["false_alerts"]:
        wrong.append(f"false alerts: {told['false_alerts']}")
    if "Traceback" in finished.stderr:
        wrong.append(f"on stderr: {finished.stderr.strip().splitlines()[-1]}")
    spread = f"p50 {latency['p50']:.0f}, max {latency['max']:.0f}, n {latency['n']}"
    return Measured(
        value=float(latency["p99"]),
        note=f"{spread}; {detected} faults of {injected}",
        wrong="; ".join(wrong),
    )
