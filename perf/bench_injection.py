"""Faults that were injected, and how many of them the default configuration finds, how fast and by which name.

Every figure goes the way a user goes: ``spindlewatch import``, ``spindlewatch inject-bench``, at severity 1.0,
which is moderate as the model of each fault says (`replay.inject.models`, `replay.simulate.faults`). Trials are
pooled over simulated shops (half of them with tools, materials and programs drawn anew) and healthy real
recordings: CWRU's healthy file, both NASA milling cuts, the lathe, three unworn runs of the UMich mill, and
FEMTO's middle. What a recording cannot carry is no trial; the bench lists it.

By default few trials: it takes minutes and shows the direction. ``python -m perf --full`` has a hundred and
more of each fault, as many as it takes to tell 99 % from 97 %.

When to distrust them: the models are ours, so are the detectors. What was found here was put there by the same
hands.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from perf.figures import Bench, FailedError, Measured, figure
from replay.intervals import wilson

_HEALTHY = (
    ("cwru", "cwru/1797_Normal.npz"),
    ("nasa_milling", "nasa_milling_truncated"),
    ("lathe", "tvhahn_cnc_lathe"),
    ("umich", "umich_smart_cnc/experiment_01.csv"),
    ("umich", "umich_smart_cnc/experiment_11.csv"),
    ("umich", "umich_smart_cnc/experiment_17.csv"),
    ("femto", "femto"),
)
_QUICK = ("--simulate", "2", "--trials", "3")
_FULL = ("--simulate", "14", "--trials", "8", "--jobs", "2")
_BEARINGS = ("bearing", "bearing_inner")


@dataclass(frozen=True, slots=True)
class _Row:
    """One trial, as ``trials.csv`` has it."""

    source: str
    fault: str
    detected: bool
    delay_s: float
    right: bool


def _trials(bench: Bench) -> list[_Row]:
    return bench.once("injected", lambda: _run(bench))


def _run(bench: Bench) -> list[_Row]:
    out = bench.work / "injected"
    setting = _FULL if bench.full else _QUICK
    bench.spindlewatch(
        "inject-bench", *_healthy(bench), "--severities", "1", *setting, "--out", out, "--json"
    )
    with (out / "trials.csv").open(encoding="utf-8", newline="") as file:
        return [
            _Row(
                row["source"],
                row["fault"],
                row["detected"] == "True",
                float(row["delay_s"] or "nan"),
                row["right_class"] == "True",
            )
            for row in csv.DictReader(file)
        ]


def _healthy(bench: Bench) -> list[Path]:
    """Healthy recordings, imported; none without traces: the simulated shops remain."""
    if bench.traces is None:
        return []
    for number, (kind, source) in enumerate(_HEALTHY):
        if (bench.traces / source).exists():
            bench.spindlewatch(
                "import", kind, bench.traces / source, bench.work / f"healthy-{number}", "--json"
            )
    return sorted(path.parent for path in bench.work.glob("healthy-*/**/recording.toml"))


def _share(rows: list[_Row], hits: list[bool], what: str) -> Measured:
    if not rows:
        raise FailedError(f"no trial of {what}")
    low, high = (100.0 * bound for bound in wilson(sum(hits), len(hits)))
    by_source = []
    for source in sorted({row.source for row in rows}):
        own = [hit for row, hit in zip(rows, hits, strict=True) if row.source == source]
        by_source.append(f"{source} {sum(own)}/{len(own)}")
    note = f"95 %: {low:.1f} to {high:.1f}; {', '.join(by_source)}"
    return Measured(100.0 * sum(hits) / len(hits), note=note)


def _detected(bench: Bench, *faults: str) -> Measured:
    rows = [row for row in _trials(bench) if row.fault in faults]
    return _share(rows, [row.detected for row in rows], faults[0])


@figure("inject_breakage_pct", unit="%")
def inject_breakage(bench: Bench) -> Measured:
    return _detected(bench, "tool_breakage")


@figure("inject_collision_pct", unit="%")
def inject_collision(bench: Bench) -> Measured:
    return _detected(bench, "collision")


def _abrupt_delay_ms(bench: Bench, percent: float) -> Measured:
    rows = [row for row in _trials(bench) if row.fault in ("tool_breakage", "collision")]
    delays = [1000.0 * row.delay_s for row in rows if row.detected]
    if not delays:
        raise FailedError("no breakage and no collision was found")
    value = float(np.percentile(delays, percent, method="higher"))
    return Measured(value, note=f"{len(delays)} found of {len(rows)}; stream time, onset to alert")


@figure("inject_abrupt_delay_ms", unit="ms")
def inject_abrupt_delay(bench: Bench) -> Measured:
    return _abrupt_delay_ms(bench, 50.0)


@figure("inject_abrupt_delay_p99_ms", unit="ms")
def inject_abrupt_delay_p99(bench: Bench) -> Measured:
    return _abrupt_delay_ms(bench, 99.0)


@figure("inject_chatter_pct", unit="%")
def inject_chatter(bench: Bench) -> Measured:
    rows = [row for row in _trials(bench) if row.fault == "chatter"]
    return _share(rows, [row.detected and row.delay_s <= 1.0 for row in rows], "chatter")


@figure("inject_bearing_pct", unit="%")
def inject_bearing(bench: Bench) -> Measured:
    return _detected(bench, *_BEARINGS)


@figure("inject_bearing_class_pct", unit="%")
def inject_bearing_class(bench: Bench) -> Measured:
    rows = [row for row in _trials(bench) if row.fault in _BEARINGS and row.detected]
    return _share(rows, [row.right for row in rows], "bearing")


@figure("inject_class_pct", unit="%")
def inject_class(bench: Bench) -> Measured:
    rows = [row for row in _trials(bench) if row.detected]
    return _share(rows, [row.right for row in rows], "any fault")
