"""The demo at its own pace: from the last sample of the deciding window to a subscriber."""

from __future__ import annotations

from perf.figures import Bench, Measured, figure

_DURATION_S = 60


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
