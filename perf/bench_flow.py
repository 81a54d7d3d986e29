"""What the whole flow costs: block in, score out, complete feature set, default ensemble, one thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from engine.clock import NoClock
from engine.config import Config, load_config
from engine.records import Block, Context
from operators.blocks import BlockCheck
from operators.detect import Detect
from operators.extract import extract_batch
from operators.features import FeatureSet
from operators.judge import Judge
from operators.windows import WindowSlide
from perf.figures import Bench, FailedError, Measured, figure
from perf.processes import Finished, run_python
from perf.streams import (
    FS_HZ,
    HOP_NS,
    N_CHANNELS,
    N_HOP,
    START_NS,
    complete_config,
    hop_pool,
    run_shop,
    spindles,
)

_N_SETTLED = 140  # hops after which every baseline has been taught and every hop of the pool been seen
_REALTIME_MSPS = N_CHANNELS * FS_HZ / 1e6


@dataclass(frozen=True, slots=True)
class _Costs:
    """CPU microseconds per hop of four channels, by number of spindles."""

    us_per_hop: Mapping[int, float]


def _cost_us(n_spindles: int, n_hops: int, config: Config) -> float:
    """CPU time per spindle and hop once everything has been taught."""
    began_s, counted = run_shop(n_spindles, n_hops, config)
    if counted.n_scored < n_spindles * (n_hops - _N_SETTLED):
        raise FailedError(f"only {counted.n_scored} of {counted.n_vectors} vectors were scored")
    return 1e6 * (began_s[-1] - began_s[_N_SETTLED]) / (n_spindles * (n_hops - _N_SETTLED))


def _costs(bench: Bench) -> _Costs:
    def measure() -> _Costs:
        config, rounds = complete_config(), {1: 4000, 50: 300, 500: 180}
        found: dict[int, list[float]] = {n: [] for n in rounds}
        _cost_us(2, 2 * _N_SETTLED, config)
        for _ in range(3):  # in turn, so that a busy moment of the machine hits all alike
            for n_spindles, n_hops in rounds.items():
                found[n_spindles].append(_cost_us(n_spindles, n_hops, config))
        return _Costs({n: median(costs) for n, costs in found.items()})

    return bench.once("flow-costs", measure)


@figure("flow_MSps", unit="MS/s", peer="the bare steps without Bytewax")
def flow_rate(bench: Bench) -> Measured:
    us = _costs(bench).us_per_hop[50]
    rate = N_CHANNELS * N_HOP / us
    shares = step_costs()
    told = ", ".join(f"{name} {cost:.1f}" for name, cost in shares.items())
    inside = sum(shares.values())
    return Measured(
        rate,
        peer=N_CHANNELS * N_HOP / inside,
        note=f"{rate / _REALTIME_MSPS:.0f} spindles of 4 x 25.6 kHz in real time; of {us:.0f} µs a hop: {told}, "
        f"Bytewax, source and sink {us - inside:.1f} µs",
    )


@figure("flow_watched_MSps", unit="MS/s")
def flow_watched(bench: Bench) -> Measured:  # noqa: ARG001
    us = min(_cost_us(20, 300, load_config()) for _ in range(3))
    rate = N_CHANNELS * N_HOP / us
    return Measured(
        rate,
        note=f"default configuration, all signatures, bearings declared, in a cut: {us:.0f} µs a hop, "
        f"{rate / _REALTIME_MSPS:.0f} spindles of 4 x 25.6 kHz in real time",
    )


@figure("flow_cost_growth", unit="x", peer="")
def flow_growth(bench: Bench) -> Measured:
    costs = _costs(bench).us_per_hop
    told = ", ".join(f"{n}: {cost:.0f} µs" for n, cost in costs.items())
    return Measured(costs[500] / costs[1], note=f"cost of a spindle's hop among 500 over alone; {told}")


def step_costs(n_spindles: int = 50, n_hops: int = 200) -> dict[str, float]:
    """CPU microseconds per hop in each step, run one after the other without Bytewax.

    Parameters
    ----------
    n_spindles, n_hops : int
        Size of the stream; the first `_N_SETTLED` hops are not counted.

    Returns
    -------
    dict[str, float]
        By step, in the order of the flow.
    """
    config, shop, pool = complete_config(), spindles(n_spindles), hop_pool()
    by_name = {spindle.name: spindle for spindle in shop}
    features = FeatureSet.for_shop(shop, config)
    steps: dict[str, Callable[[list[tuple[str, Any]]], list[tuple[str, Any]]]] = {
        "check": _keyed(lambda: BlockCheck(by_name, config)),
        "slide": _keyed(lambda: WindowSlide(by_name, config)),
        "extract": lambda items: extract_batch(items, features),
        "detect": _keyed(lambda: Detect(by_name, features, config)),
        "judge": _keyed(lambda: Judge(by_name, config, NoClock())),
    }
    spent = dict.fromkeys(steps, 0.0)
    for hop in range(-1, n_hops):
        items: list[tuple[str, Any]] = [
            (name, _item(name, hop, index, pool)) for index, name in enumerate(by_name)
        ]
        for step, process in steps.items():
            began_s = time.thread_time()
            items = process(items)
            spent[step] += (time.thread_time() - began_s) * (hop >= _N_SETTLED)
    return {step: 1e6 * cost / (n_spindles * (n_hops - _N_SETTLED)) for step, cost in spent.items()}


def _item(name: str, hop: int, index: int, pool: list[Any]) -> Block | Context:
    if hop < 0:
        return Context(name, START_NS - HOP_NS, "T1", "O1001", "rough", 3600.0 + index % 100, 800.0, True, 4)
    return Block(name, "vib", START_NS + hop * HOP_NS, FS_HZ, pool[(7 * hop + index) % len(pool)])


def _keyed(build: Callable[[], Any]) -> Callable[[list[tuple[str, Any]]], list[tuple[str, Any]]]:
    """Run a step's logic per spindle, as Bytewax does."""
    logics: dict[str, Any] = {}

    def process(items: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
        out = []
        for name, item in items:
            logic = logics.get(name) or logics.setdefault(name, build())
            out += [(name, result) for result in logic.process([item])]
        return out

    return process


_MEMORY = f"""
import sys
from perf.streams import complete_config, run_shop
print(run_shop(int(sys.argv[1]), {_N_SETTLED + 10}, complete_config(), own=True)[1].resident_kib)
"""


@figure("spindle_state_kib", unit="KiB")
def spindle_state(bench: Bench) -> Measured:  # noqa: ARG001
    few, many = 20, 420
    kib = [int(_finished("-c", _MEMORY, str(n_spindles)).stdout) for n_spindles in (few, many)]
    return Measured(
        (kib[1] - kib[0]) / (many - few),
        note=f"resident memory that a spindle taught in one regime adds; {kib[0] / 1024:.0f} MiB with {few} of them",
    )


def _finished(*arguments: str) -> Finished:
    finished = run_python(*arguments)
    if finished.status != 0:
        raise FailedError((finished.stderr.strip().splitlines() or ["nothing on stderr"])[-1])
    return finished


_COLD = """
from perf.streams import complete_config, run_shop
counted = run_shop(1, 70, complete_config())[1]
assert counted.n_scored
"""


@figure("cold_start_s", unit="s", peer="python -c pass")
def cold_start(bench: Bench) -> Measured:  # noqa: ARG001
    runs, bare = [], []
    for _ in range(6):
        runs.append(_finished("-c", _COLD).wall_s)
        bare.append(_finished("-c", "pass").wall_s)
    return Measured(
        median(runs[1:]),
        peer=median(bare[1:]),
        note="fresh process, kernels cached, to the end of 7 s of data: a teach-in and its first scores",
    )
