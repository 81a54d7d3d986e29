"""What a replay would have been worth to the shop: tool changes in time, stops avoided, latency, false alerts.

Each figure is defined here, and its evidence is listed with it: recording, row of ``faults.csv``, alert id,
configuration.

**Tool-change timing accuracy.** Share of labelled tool lives whose change was recommended within a tolerance of
the wear limit, by default 10 % of the life. A life is a row ``wear_limit`` whose note has ``tool=...`` and
``edge=...``; its length is counted in cuts where the note has ``n_cuts=...`` and the recommendation tells its
own, else in time since the edge's first cut. A life without a recommendation by then is wrong, also if the edge
left before; one that the end of the recording leaves open is not counted. A recommendation for an edge without
label is listed, not counted.

**Stops avoided.** Labelled damaging faults (collision, tool breakage, missing tool, chatter, bearing,
imbalance) that were alerted within 10 s of their onset, so that scrap and follow-up damage stay small; bearing
and imbalance, which damage over days, within their label. Stops *caused* are the false alerts, as if the shop
stopped for each. Both are given, and their difference. An alert is no machine stop within milliseconds: it
cannot undo a collision.

**Alert latency.** Onset of a labelled fault to the opening of its alert, in stream time, over all faults found
that were not alerted before; wall time from the last deciding sample to the alert where the replay was paced.

**False alerts per machine-day.** Alerts about the machine that no label explains, over recordings whose labels are
complete, with the interval that holds the rate with 95 % confidence. Few days say little: look at its upper end.

When it misleads: accuracy on simulated lives says whether the estimate is consistent, not that a real insert
was at its limit; labels of wear in real recordings are judgements. Latency is of the faults found only: read it
with recall.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.verdicts import Alert, ToolLife
from replay.intervals import poisson, wilson
from replay.kpi_evidence import (
    WITHIN_S,
    LabelledFault,
    LabelledLife,
    labelled_faults,
    labelled_lives,
    last_told,
)
from replay.outcome import judge_recording
from replay.recording import Recording

_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Kpi:
    """What a replay was worth; see the module.

    Parameters
    ----------
    lives : tuple[LabelledLife, ...]
        Every labelled tool life.
    unlabelled : tuple[str, ...]
        Recommendations for edges without label, as ``recording:tool:edge``.
    faults : tuple[LabelledFault, ...]
        Every labelled fault.
    false_alerts : tuple[tuple[str, str], ...]
        Recording and id of every alert that no label explains.
    labelled_s : float
        Stream time of recordings whose labels are complete.
    wall_ms : tuple[float, ...]
        Last deciding sample to alert, of a paced replay.
    tolerance : float
        Share of a tool life.
    config_hash : str
        Of the configuration that decided.
    """

    lives: tuple[LabelledLife, ...]
    unlabelled: tuple[str, ...]
    faults: tuple[LabelledFault, ...]
    false_alerts: tuple[tuple[str, str], ...]
    labelled_s: float
    wall_ms: tuple[float, ...]
    tolerance: float
    config_hash: str

    def as_dict(self) -> dict[str, Any]:
        """Return what ``kpi.json`` holds; None where nothing was measured."""
        decided = [life for life in self.lives if life.decided]
        n_right = sum(life.right for life in decided)
        damaging = [fault for fault in self.faults if fault.damaging]
        n_avoided = sum(fault.avoided for fault in damaging)
        days, n_false = self.labelled_s / _DAY_S, len(self.false_alerts)
        rate = poisson(n_false, days)
        return {
            "config_hash": self.config_hash,
            "tool_change_timing": {
                "accuracy_pct": 100.0 * n_right / len(decided) if decided else None,
                "accuracy_pct_95": [100.0 * bound for bound in wilson(n_right, len(decided))],
                "tolerance_of_life": self.tolerance,
                "n_lives": len(decided),
                "n_right": n_right,
                "evidence": [_plain(life) for life in self.lives],
                "recommended_without_label": list(self.unlabelled),
            },
            "stops": {
                "n_damaging": len(damaging),
                "n_avoided": n_avoided,
                "n_caused": n_false,
                "net_avoided": n_avoided - n_false,
                "within_s": WITHIN_S,
                "evidence": [_plain(fault) for fault in self.faults],
            },
            "alert_latency": {
                "stream_s": _spread([f.delay_s for f in self.faults if not math.isnan(f.delay_s)]),
                "wall_ms": _spread(self.wall_ms),
            },
            "false_alerts": {
                "n": n_false,
                "machine_days": days,
                "per_machine_day": n_false / days if days else None,
                "per_machine_day_95": [rate[0], rate[1] if days else None],
                "evidence": [{"recording": recording, "alert": id} for recording, id in self.false_alerts],
            },
        }

    def lines(self) -> list[str]:
        """Say it to people, a line for each figure."""
        told = self.as_dict()
        timing, stops = told["tool_change_timing"], told["stops"]
        stream, false = told["alert_latency"]["stream_s"], told["false_alerts"]
        accuracy = "no labelled tool life"
        if timing["n_lives"]:
            accuracy = f"{timing['accuracy_pct']:.1f} % ({timing['n_right']} of {timing['n_lives']} lives"
            accuracy += f" within {100 * self.tolerance:g} %)"
        latency = "no fault found"
        if stream["n"]:
            latency = f"median {stream['p50']:.2f} s, p90 {stream['p90']:.2f} s, max {stream['max']:.2f} s"
        calm = "no recording with complete labels"
        if false["machine_days"]:
            low, high = false["per_machine_day_95"]
            calm = f"{false['per_machine_day']:.2f} (95 %: {low:.2f} to {high:.2f}); {false['n']} in "
            calm += f"{false['machine_days']:.2f} days"
        return [
            f"tool changes in time: {accuracy}",
            f"stops avoided: {stops['n_avoided']} of {stops['n_damaging']}; caused: {stops['n_caused']}",
            f"alert latency: {latency}",
            f"false alerts per machine-day: {calm}",
        ]


def measure_kpi(
    recordings: Sequence[Recording],
    alerts: Sequence[Alert],
    lives: Sequence[ToolLife],
    config_hash: str,
    tolerance: float = 0.1,
) -> Kpi:
    """Work out the figures of a replay.

    Parameters
    ----------
    recordings : sequence of Recording
        What was replayed.
    alerts : sequence of Alert
        All messages.
    lives : sequence of ToolLife
        All that was told of cutting edges, in stream time for each spindle.
    config_hash : str
        Of the configuration that decided.
    tolerance : float
        Share of a tool life within which a recommended change is in time.

    Returns
    -------
    Kpi
        With the evidence of each.
    """
    judged: list[LabelledLife] = []
    unlabelled: list[str] = []
    faults: list[LabelledFault] = []
    false: list[tuple[str, str]] = []
    labelled_s = 0.0
    for recording in recordings:
        name = recording.path.name
        own = [alert for alert in alerts if alert.spindle == recording.spindle.name]
        told = last_told(life for life in lives if life.spindle == recording.spindle.name)
        known = list(labelled_lives(recording, told, tolerance))
        judged += known
        named = {(life.tool, life.edge) for life in known}
        unlabelled += [
            f"{name}:{tool}:{edge}"
            for (tool, edge), life in told.items()
            if life.recommended_ns is not None and (tool, edge) not in named
        ]
        faults += labelled_faults(recording, own)
        if recording.labelled:
            labelled_s += recording.duration_s
            false += [(name, alert.id) for alert in judge_recording(recording, own).unexplained]
    wall_ms = tuple(
        (alert.judged_ns - alert.received_ns) / 1e6
        for alert in alerts
        if alert.judged_ns is not None and alert.received_ns is not None
    )
    return Kpi(
        tuple(judged),
        tuple(unlabelled),
        tuple(faults),
        tuple(false),
        labelled_s,
        wall_ms,
        tolerance,
        config_hash,
    )


def _spread(values: Sequence[float]) -> dict[str, Any]:
    if not values:
        return {"n": 0, "p50": None, "p90": None, "max": None}
    p50, p90, most = (round(float(v), 3) for v in np.percentile(values, [50, 90, 100], method="higher"))
    return {"n": len(values), "p50": p50, "p90": p90, "max": most}


def _plain(row: LabelledLife | LabelledFault) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in row.__slots__}
    return {
        name: None if isinstance(value, float) and math.isnan(value) else value
        for name, value in values.items()
    }
