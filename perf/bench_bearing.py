"""What the default configuration says of real bearings: damaged ones alert and are named, healthy ones are left alone.

Every figure goes the way a user goes: ``spindlewatch import``, ``spindlewatch replay``, files on disk. The signature
was developed with these recordings; none of the figures is out of sample.

- **CWRU** (seeded faults, each behind the healthy recording): eight files. Four of the race faults show a line at
  their frequency in the envelope (7 and 21 thousandths of an inch, both races). The others are known not to (Smith and
  Randall, "Rolling element bearing diagnostics using the Case Western Reserve University data", Mechanical Systems and
  Signal Processing 64-65, 2015): they alert because the spindle has become rough, and are not to be named.
- **MFPT**: four files with damaged races, all with lines. They are replayed alone, with nothing healthy before them:
  found without any teach-in.
- **Healthy**: CWRU's recording at its own rate, the same at a quarter of it before every fault, and phase-randomised
  surrogates of MFPT's. A good minute in all: it shows that nothing is named on sight, not how often that
  happens in a year.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from engine.clock import NS_PER_S
from perf.figures import Bench, Measured, NotMeasurableError, figure
from replay.recording import Recording

_ELEMENTS = {
    "inner_race_fault": "inner_race",
    "outer_race_fault": "outer_race",
    "ball_fault": "rolling_element",
}
# Race faults without a line at their frequency: in the folder's README, and in the envelopes of this engine.
_NO_LINE = ("IR_14", "OR-6_14")
_RUNS = (("cwru", ()), ("mfpt", ("--option", "healthy=none")), ("mfpt", ()))


@dataclass(frozen=True, slots=True)
class _File:
    """One recording, and what was said of its bearing.

    Parameters
    ----------
    name : str
        The recording's folder.
    element : str
        What is damaged; empty if nothing is.
    has_line : bool
        Whether the damage is one of a race that shows its line.
    alone : bool
        Judged: what a surrogate was put before is a file that is judged alone already.
    alerted : bool
        Whether a bearing was told of while it was damaged.
    details : frozenset of str
        Everything that alerts called the damage.
    said : str
        What they called it last.
    n_healthy : int
        Alerts about a bearing that was well.
    healthy_s : float
        Seconds of it.
    """

    name: str
    element: str
    has_line: bool
    alone: bool
    alerted: bool
    details: frozenset[str]
    said: str
    n_healthy: int
    healthy_s: float


def _files(bench: Bench) -> list[_File]:
    return bench.once(
        "bearing-files", lambda: [file for run in range(len(_RUNS)) for file in _replayed(bench, run)]
    )


def _replayed(bench: Bench, run: int) -> list[_File]:
    dataset, options = _RUNS[run]
    if bench.traces is None or not (bench.traces / dataset).is_dir():
        raise NotMeasurableError(f"no folder {dataset} with real recordings (--traces DIR)")
    imported, out = bench.work / f"bearing-{run}", bench.work / f"bearing-{run}-out"
    bench.spindlewatch("import", dataset, bench.traces / dataset, imported, *options, "--json")
    folders = sorted(path.parent for path in imported.rglob("recording.toml"))
    bench.spindlewatch("replay", *folders, "--out", out, "--json")
    lines = (out / "alerts.jsonl").read_bytes().splitlines()
    told = [alert for alert in map(orjson.loads, lines) if alert["fault"] == "bearing"]
    return [_judged(Recording.open(folder), told, alone=run < 2) for folder in folders]


def _judged(recording: Recording, told: list[dict[str, Any]], *, alone: bool) -> _File:
    own = [alert for alert in told if alert["spindle"] == recording.spindle.name]
    fault = recording.faults[0] if recording.faults else None
    length_s = (recording.end_ns - recording.start_ns) / NS_PER_S
    healthy_s = fault.start_s if fault else length_s
    onset_ns = recording.start_ns + round(healthy_s * NS_PER_S)
    damaged = [alert for alert in own if alert["t_ns"] > onset_ns]
    element = _ELEMENTS[fault.fault] if fault else ""
    name = recording.path.name
    return _File(
        name,
        element,
        element.endswith("race") and not any(part in name for part in _NO_LINE),
        alone and fault is not None,
        bool(damaged),
        frozenset(alert["detail"] for alert in damaged),
        damaged[-1]["detail"] if damaged else "",
        sum(alert["t_ns"] <= onset_ns for alert in own),
        healthy_s,
    )


def _damaged(bench: Bench) -> list[_File]:
    return [file for file in _files(bench) if file.alone]


@figure("bearing_files_alerted", unit="")
def files_alerted(bench: Bench) -> Measured:
    files = _damaged(bench)
    missed = [file.name for file in files if not file.alerted]
    return Measured(
        sum(file.alerted for file in files),
        note=f"of {len(files)} recordings of damaged bearings, as `bearing`",
        wrong=f"missed: {', '.join(missed)}" if missed else "",
    )


@figure("bearing_elements_named_pct", unit="%")
def elements_named(bench: Bench) -> Measured:
    files = [file for file in _damaged(bench) if file.has_line]
    right = [file for file in files if file.said == file.element]
    return Measured(
        100 * len(right) / len(files), note=f"{len(right)} of {len(files)} race faults that show a line"
    )


@figure("bearing_wrong_names", unit="")
def wrong_names(bench: Bench) -> Measured:
    named = set(_ELEMENTS.values())
    wrong = [file for file in _files(bench) if (file.details & named) - {file.element}]
    each = ", ".join(f"{file.name}: {', '.join(sorted(file.details))}" for file in wrong)
    return Measured(len(wrong), note=each or "no element that is not damaged was ever named")


@figure("bearing_healthy_alerts", unit="")
def healthy_alerts(bench: Bench) -> Measured:
    files = _files(bench)
    healthy_s = sum(file.healthy_s for file in files)
    return Measured(sum(file.n_healthy for file in files), note=f"in {healthy_s:.0f} s of healthy recordings")
