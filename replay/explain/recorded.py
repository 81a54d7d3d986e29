"""What would have kept an alert from being raised, concluded from what was told: nothing is replayed, nothing verified.

A change of one setting scales scores or raises what they must reach, so the highest score that was told says how far
it must go. Messages tell a rise only when a score has doubled, so what is concluded from them alone may fall short by
up to that factor. ``scores.parquet`` holds every score of the three tiers: from it, what no signature named is known
exactly, as long as the change does not change what is learnt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson
import pyarrow.parquet as pq

from engine.config import Config
from engine.errors import RecordingError, UsageError
from engine.verdicts import FaultClass
from operators.explain_words import NOT_REPLAYED, TOLD_IN_DOUBLES
from replay.compare.alerts import ToldAlert, told_alerts
from replay.compare.journal import read_messages
from replay.compare.result import FALSE, TRUE, UNKNOWN
from replay.explain.knobs import Knob, knobs_of
from replay.explain.result import Explanation, Other, Remedy, by_cost
from replay.explain.search import tidied

_BEYOND = 1.005


class Scores(NamedTuple):
    """``scores.parquet`` of a replay."""

    t_ns: np.ndarray[Any, np.dtype[np.int64]]
    spindle: np.ndarray[Any, np.dtype[Any]]
    group: np.ndarray[Any, np.dtype[Any]]
    score: np.ndarray[Any, np.dtype[np.float64]]


class Told(NamedTuple):
    """Alerts with all that is known of them.

    Parameters
    ----------
    alerts : list of ToldAlert
        All.
    truths : dict of str to str
        What the labels say of each, by id.
    scores : Scores or None
        None: only messages are known.
    """

    alerts: list[ToldAlert]
    truths: dict[str, str]
    scores: Scores | None


def read_journal(path: Path) -> Told:
    """Read what a running engine told; it has no labels.

    Parameters
    ----------
    path : Path
        Of the journal.

    Raises
    ------
    UsageError, SpindlewatchError
        There is no such file, or it is no journal.
    """
    alerts = told_alerts(read_messages(path))
    return Told(alerts, {alert.id: UNKNOWN for alert in alerts}, None)


def read_replay(out: Path) -> Told:
    """Read what a replay wrote.

    Parameters
    ----------
    out : Path
        Folder with ``alerts.jsonl``, ``summary.json`` and ``scores.parquet``.

    Raises
    ------
    RecordingError
        One of them is missing or damaged.
    """
    try:
        lines = (out / "alerts.jsonl").read_bytes().splitlines()
        alerts = told_alerts([orjson.loads(line) for line in lines])
        summary = orjson.loads((out / "summary.json").read_bytes())
        table = pq.read_table(out / "scores.parquet", columns=list(Scores._fields))
        labelled = {entry["spindle"]: entry for entry in summary["recordings"]}
        truths = {alert.id: _truth(alert, labelled[alert.spindle]) for alert in alerts}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RecordingError(f"{out}: wanted the results of a replay: {error}") from error
    columns = [table.column(name).to_numpy() for name in Scores._fields]
    return Told(alerts, truths, Scores(*columns))


def _truth(alert: ToldAlert, recording: Mapping[str, Any]) -> str:
    if not recording["labelled"] or alert.id in recording["unlabelled_sensor_alerts"]:
        return UNKNOWN
    return FALSE if alert.id in recording["false_alerts"] else TRUE


def explain_recorded(alert_id: str, told: Told, config: Config) -> Explanation:
    """Explain an alert from what was told.

    Parameters
    ----------
    alert_id : str
        Which.
    told : Told
        From `read_journal` or `read_replay`.
    config : Config
        What decided.

    Returns
    -------
    Explanation
        No remedy in it is verified; settings of which nothing can be concluded are left out.
    """
    alert = find_alert(alert_id, told.alerts)
    remedies = [_remedy(knob, alert, told, config) for knob in knobs_of(alert, config)]
    notes = [NOT_REPLAYED]
    if told.scores is None or alert.messages[0]["fault"] != FaultClass.PROCESS:
        notes.append(TOLD_IN_DOUBLES)
    truth = told.truths[alert.id]
    return Explanation(
        alert, truth, config, (), by_cost([remedy for remedy in remedies if remedy]), tuple(notes)
    )


def find_alert(alert_id: str, alerts: Sequence[ToldAlert]) -> ToldAlert:
    """Find an alert by its id.

    Raises
    ------
    UsageError
        It is not there; names some that are alike.
    """
    for alert in alerts:
        if alert.id == alert_id:
            return alert
    from difflib import get_close_matches

    alike = ", ".join(get_close_matches(alert_id, [alert.id for alert in alerts], cutoff=0.5)) or "none alike"
    raise UsageError(f"{alert_id}: wanted the id of one of {len(alerts)} alerts; there is: {alike}")


def _remedy(knob: Knob, alert: ToldAlert, told: Told, config: Config) -> Remedy | None:
    """How far a setting must go; None: what was told does not say."""
    to = _needed(knob, alert, told.scores, config)
    if to is None:
        return None
    others = [
        Other("", other, told.truths[other.id])
        for other in told.alerts
        if other.id != alert.id and _may_be_lost(knob, to, other, told.scores, config)
    ]
    return Remedy(knob.key, knob.setting.now, to, verified=False, smallest=False, lost=tuple(others))


def _needed(knob: Knob, alert: ToldAlert, scores: Scores | None, config: Config) -> Any:
    now, judge = knob.setting.now, config.judge
    if knob.key == "judge.on":
        return tidied(_must_exceed(alert, scores, config) * _BEYOND, now)
    if knob.key == "judge.on_delay_vectors":
        n_run = _longest_run(alert, scores, config)
        return None if n_run is None else max(n_run + 1, now + 1)
    if knob.key.startswith("diagnosis.sensitivity."):
        return tidied(now * judge.on / alert.score / _BEYOND, now)
    if knob.key == "margin":
        return tidied(_must_exceed(alert, scores, config) / judge.on * _BEYOND, now)
    if knob.key.startswith("limits["):
        return tidied(knob.setting.guess, now)
    return knob.setting.far if knob.key in ("diagnosis.off", "dynamic.enabled") else None


def _may_be_lost(knob: Knob, to: Any, other: ToldAlert, scores: Scores | None, config: Config) -> bool:
    """Whether a change may lose another alert too: said if in doubt."""
    own = next((one for one in knobs_of(other, config) if one.key == knob.key), None)
    if own is None:
        return False
    on, key, lost = config.judge.on, knob.key, False
    if key == "judge.on":
        lost = _must_exceed(other, scores, config) < to
    elif key == "margin":
        lost = _must_exceed(other, scores, config) < to * on
    elif key == "judge.on_delay_vectors":
        n_run = _longest_run(other, scores, config)
        lost = n_run is not None and n_run < to
    elif key.startswith("diagnosis.sensitivity."):
        lost = other.score * to < on * knob.setting.now
    elif key.startswith("limits["):
        lost = abs(own.setting.guess - knob.setting.now) <= abs(to - knob.setting.now)
    else:  # what is switched off as a whole
        lost = own.setting.far == to
    return lost


def _must_exceed(alert: ToldAlert, scores: Scores | None, config: Config) -> float:
    """What ``judge.on`` must be above for an alert not to open: its peak, or what it held long enough."""
    judge = config.judge
    if scores is None or alert.messages[0]["fault"] != FaultClass.PROCESS:
        return alert.score
    levels = [judge.on]
    for values in _by_group(alert, scores):
        n_delay = judge.on_delay_vectors
        if values.size >= n_delay:
            levels.append(float(np.lib.stride_tricks.sliding_window_view(values, n_delay).min(axis=1).max()))
        if values.size and values.max() >= judge.immediate:
            levels.append(float(values.max()))
    return max(levels)


def _longest_run(alert: ToldAlert, scores: Scores | None, config: Config) -> int | None:
    """Exceedances in a row; None: not known, or a single one was enough."""
    if scores is None or alert.messages[0]["fault"] != FaultClass.PROCESS:
        return None
    longest = 0
    for values in _by_group(alert, scores):
        if values.size and values.max() >= config.judge.immediate:
            return None
        n_run = 0
        for exceeds in values >= config.judge.on:
            n_run = n_run + 1 if exceeds else 0
            longest = max(longest, n_run)
    return longest


def _by_group(alert: ToldAlert, scores: Scores) -> list[np.ndarray[Any, np.dtype[np.float64]]]:
    """Scores of each sensor group while the alert was coming and open; what could not be said is left out."""
    end_ns = np.iinfo(np.int64).max if alert.closed_ns is None else alert.closed_ns
    during = (scores.spindle == alert.spindle) & (scores.t_ns >= alert.onset_ns) & (scores.t_ns <= end_ns)
    during &= ~np.isnan(scores.score)
    return [scores.score[during & (scores.group == name)] for name in np.unique(scores.group[during])]
