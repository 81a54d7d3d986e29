"""What the default configuration finds in real recordings, and what it finds that is not there.

Every figure goes the way a user goes: ``spindlewatch import``, ``spindlewatch replay``, files on disk. Alerts are held
against labels after the replay. One configuration serves all sets; where a baseline is learned from is the importer's
``teach_in``. None of these figures is out of sample: the detectors were developed with these recordings in view.

- **SKAB** (15 of its 34 labelled files, 1 Hz): the first 400 rows of each file are learned from, the others are
  judged, each on its own, pooled over all files, without point adjustment. Published figures are on all 34 files.
- **CWRU** (seeded bearing faults): each fault is spliced behind the healthy recording, a step that any RMS sees; a
  smoke test, not a benchmark.
- **MFPT** has no healthy recording: the stretch before each fault is a *surrogate*, noise with the fault's own
  spectrum. The figure shows that features of impulsiveness work, not how early a real fault is found.
- **FEMTO** (run to failure): only the end is labelled, so the figure is lead time, from the opening of the *last*
  alert to the end: an early false alert cannot make it look good. Not a claim about when damage began. The span
  of the teach-in was chosen after looking at these two bearings.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow.compute as pc
import pyarrow.parquet as pq

from engine.clock import NS_PER_S
from engine.records import samples_to_ns
from perf.figures import Bench, FailedError, Measured, NotMeasurableError, figure
from replay.recording import Recording
from replay.scoring import Confusion, Span, confusion, per_hour

_SKAB_LEARNED = 400


@dataclass(frozen=True, slots=True)
class Replayed:
    """Recordings of one dataset and what a replay of them wrote.

    Parameters
    ----------
    recordings : tuple[Recording, ...]
        As imported.
    out : Path
        ``alerts.jsonl`` and ``scores.parquet``.
    outcomes : dict[str, dict]
        The ``recordings`` of ``summary.json`` by spindle.
    """

    recordings: tuple[Recording, ...]
    out: Path
    outcomes: dict[str, dict[str, Any]]


def _replayed(bench: Bench, dataset: str) -> Replayed:
    def run() -> Replayed:
        if bench.traces is None or not (bench.traces / dataset).is_dir():
            raise NotMeasurableError(f"no folder {dataset} with real recordings (--traces DIR)")
        imported, out = bench.work / dataset, bench.work / f"{dataset}-out"
        bench.spindlewatch("import", dataset, bench.traces / dataset, imported, "--json")
        folders = sorted(path.parent for path in imported.rglob("recording.toml"))
        told = bench.spindlewatch("replay", *folders, "--out", out, "--json").json
        recordings = tuple(Recording.open(folder) for folder in folders)
        return Replayed(recordings, out, {outcome["spindle"]: outcome for outcome in told["recordings"]})

    return bench.once(dataset, run)


@dataclass(frozen=True, slots=True)
class _Skab:
    rows: Confusion
    n_false_episodes: int
    normal_s: float


def _skab(bench: Bench) -> _Skab:
    return bench.once("skab-scored", lambda: _score_skab(_replayed(bench, "skab")))


def _score_skab(replayed: Replayed) -> _Skab:
    scores = pq.read_table(replayed.out / "scores.parquet", columns=["t_ns", "spindle", "alerting"])
    opened = _opened(replayed)
    rows, n_false, normal_s = Confusion(), 0, 0.0
    for recording in (labelled for labelled in replayed.recordings if labelled.faults):
        (group,) = recording.spindle.groups
        own = scores.filter(pc.field("spindle") == recording.spindle.name).slice(_SKAB_LEARNED)
        # A score is stamped when its sample is over, a label when its sample was taken.
        t_ns = own["t_ns"].to_numpy() - samples_to_ns(1, group.sample_rate_hz)
        part = confusion(t_ns, own["alerting"].to_numpy().astype(np.bool_), _spans(recording))
        rows += part
        normal_s += (part.n_false + part.n_calm) / group.sample_rate_hz
        unexplained = (opened[id] for id in replayed.outcomes[recording.spindle.name]["false_alerts"])
        n_false += sum(alert["fault"] != "sensor" and alert["t_ns"] > t_ns[0] for alert in unexplained)
    return _Skab(rows, n_false, normal_s)


def _opened(replayed: Replayed) -> dict[str, dict[str, Any]]:
    """Opening messages by id."""
    lines = (replayed.out / "alerts.jsonl").read_bytes().splitlines()
    return {alert["id"]: alert for alert in map(orjson.loads, lines) if alert["state"] == "opened"}


def _spans(recording: Recording) -> list[Span]:
    return [
        Span(
            recording.start_ns + round(fault.start_s * NS_PER_S),
            recording.end_ns if fault.end_s is None else recording.start_ns + round(fault.end_s * NS_PER_S),
        )
        for fault in recording.faults
    ]


@figure("skab_f1", unit="", peer="an alert that never ends")
def skab_f1(bench: Bench) -> Measured:
    rows = _skab(bench).rows
    return Measured(
        value=rows.f1,
        peer=rows.always_on.f1,
        note=f"missed {rows.missed_alert_rate:.1%} of {rows.n_hit + rows.n_missed} faulty rows",
    )


@figure("skab_far_pct", unit="%")
def skab_far(bench: Bench) -> Measured:
    rows = _skab(bench).rows
    return Measured(100 * rows.false_alert_rate, note=f"of {rows.n_false + rows.n_calm} normal rows")


@figure("skab_false_episodes_per_h", unit="1/h")
def skab_false_episodes(bench: Bench) -> Measured:
    scored = _skab(bench)
    return Measured(
        per_hour(scored.n_false_episodes, scored.normal_s),
        note=f"{scored.n_false_episodes} in {scored.normal_s / 3600:.2f} h of normal test time",
    )


@figure("skab_delay_median_s", unit="s")
def skab_delay(bench: Bench) -> Measured:
    outcomes = _replayed(bench, "skab").outcomes
    faults = [fault for outcome in outcomes.values() for fault in outcome["faults"]]
    # A missed fault is waited for without end, so that missing the slow ones cannot look quick.
    delays = [fault["delay_s"] if fault["detected"] else math.inf for fault in faults]
    n_missed = sum(math.isinf(delay) for delay in delays)
    if 2 * n_missed >= len(delays):
        raise FailedError(f"{n_missed} of {len(delays)} labelled faults missed: no median delay")
    return Measured(
        value=float(np.median(delays)),
        note=f"{n_missed} of {len(delays)} faults missed, counted as never; already alerting counts as 0 s",
    )


def _slowest(bench: Bench, dataset: str, caveat: str) -> Measured:
    """Slowest delay over the labelled faults of a dataset; a missed one is wrong."""
    outcomes = _replayed(bench, dataset).outcomes
    faults = [fault for outcome in outcomes.values() for fault in outcome["faults"]]
    delays = [fault["delay_s"] for fault in faults if fault["detected"]]
    if not delays:
        raise FailedError(f"none of {len(faults)} labelled faults detected")
    n_false = sum(len(outcome["false_alerts"]) for outcome in outcomes.values())
    found = f"{len(delays)} faults of {len(faults)}, median {np.median(delays):.2f} s"
    return Measured(
        value=max(delays),
        note=f"{found}; {n_false} false alerts; {caveat}",
        wrong="" if len(delays) == len(faults) else f"{len(faults) - len(delays)} faults missed",
    )


@figure("cwru_detect_s", unit="s")
def cwru_detect(bench: Bench) -> Measured:
    return _slowest(bench, "cwru", "fault spliced behind healthy")


@figure("mfpt_detect_s", unit="s")
def mfpt_detect(bench: Bench) -> Measured:
    return _slowest(bench, "mfpt", "the healthy stretch is a surrogate, not measured")


@figure("femto_lead_s", unit="s")
def femto_lead(bench: Bench) -> Measured:
    replayed = _replayed(bench, "femto")
    opened = _opened(replayed)
    leads, n_first_half = [], 0
    for recording in replayed.recordings:
        own = [
            alert["t_ns"]
            for alert in opened.values()
            if alert["spindle"] == recording.spindle.name and alert["fault"] != "sensor"
        ]
        if not own:
            raise FailedError(f"{recording.path.name} failed without an alert")
        leads.append((recording.end_ns - max(own)) / NS_PER_S)
        n_first_half += sum(t_ns < (recording.start_ns + recording.end_ns) / 2 for t_ns in own)
    each = ", ".join(f"{lead_s:.0f} s" for lead_s in leads)
    return Measured(min(leads), note=f"{each}; {n_first_half} alerts in the first half of life")
