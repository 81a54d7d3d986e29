"""Labelled faults and alerts, counted: what was found, how late, by which name, and what was told for nothing.

Cheap: no score series, no package beside the standard library and NumPy, so a tuner can call it thousands of times.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from engine.clock import NS_PER_S
from engine.verdicts import FaultClass
from replay.evaluate.counts import EventScores, pooled
from replay.evaluate.evidence import RecordingEvidence, found_ns, joined, seconds_outside
from replay.labels import Trouble
from replay.outcome import Raised
from replay.scoring import Span

__all__ = ["UNSPECIFIC", "EventScores", "class_key", "event_scores", "fault_scores", "pooled"]

UNSPECIFIC = "unspecific"
"""Key of the labels that name no class."""


def event_scores(
    evidence: Sequence[RecordingEvidence], *, fault_class: str | None = None, tier: str | None = None
) -> EventScores:
    """Count labelled faults found and false alerts over recordings.

    Parameters
    ----------
    evidence : sequence of RecordingEvidence
        From `gather_evidence`.
    fault_class : str, optional
        Only labels of this class (`UNSPECIFIC`: of none), found by any alert about them; only alerts called so.
    tier : str, optional
        Only alerts that this tier raised; all labels.

    Returns
    -------
    EventScores
        Sums over the recordings.
    """
    return pooled([_of_recording(own, fault_class, tier) for own in evidence])


def class_key(trouble: Trouble) -> str:
    """Under which class a label is counted.

    Parameters
    ----------
    trouble : Trouble
        The label.

    Returns
    -------
    str
        A value of `FaultClass`, or `UNSPECIFIC`.
    """
    return UNSPECIFIC if trouble.wanted is None else str(trouble.wanted)


def fault_scores(
    own: RecordingEvidence, *, fault_class: str | None = None, tier: str | None = None
) -> list[EventScores]:
    """Count each labelled fault of one recording by itself.

    Parameters
    ----------
    own : RecordingEvidence
        Of the recording.
    fault_class, tier : str, optional
        As in `event_scores`.

    Returns
    -------
    list of EventScores
        In the order of the labels; without recordings, alerts and times.
    """
    found = []
    for trouble, finders, early in zip(own.troubles, own.finders, own.early, strict=True):
        if fault_class in (None, class_key(trouble)):
            hits = [own.raised[i] for i in finders if tier in (None, own.raised[i].tier)]
            found.append(_of_fault(trouble, hits, bool(early) if tier is None else tier in early))
    return found


def _of_recording(own: RecordingEvidence, fault_class: str | None, tier: str | None) -> EventScores:
    counted = [
        i
        for i, alert in enumerate(own.raised)
        if tier in (None, alert.tier) and fault_class in (None, alert.fault)
    ]
    n_machine = sum(own.raised[i].fault != FaultClass.SENSOR for i in counted)
    if not own.labelled:
        told = EventScores(n_recordings=1, n_unlabelled=n_machine, unlabelled_s=own.watched_s)
    else:
        false = [own.raised[i] for i in counted if not own.explained[i]]
        n_sensor = sum(alert.fault == FaultClass.SENSOR for alert in false)
        told = EventScores(
            n_recordings=1,
            n_alerts=n_machine,
            n_false=len(false) - n_sensor,
            n_sensor=n_sensor,
            watched_s=own.watched_s,
            normal_s=own.normal_s,
            false_s=_false_s(own, false),
        )
    return pooled([told, *fault_scores(own, fault_class=fault_class, tier=tier)])


def _of_fault(trouble: Trouble, hits: Sequence[Raised], early: bool) -> EventScores:
    told = EventScores(n_faults=1, n_early=int(early))
    if not hits:
        return told
    first_ns = min(at_ns for hit in hits if (at_ns := found_ns(trouble, hit)) is not None)
    delay_s = (first_ns - trouble.span.start_ns) / NS_PER_S
    is_named = trouble.wanted is not None
    return replace(
        told,
        n_found=1,
        delays_s=() if trouble.wanted is FaultClass.TOOL_WEAR else (delay_s,),
        n_named=int(is_named),
        n_right=int(is_named and _is_right(trouble, hits)),
    )


def _is_right(trouble: Trouble, hits: Sequence[Raised]) -> bool:
    """Some alert has the fault's own name and none has another that is as specific: as `replay.inject.trials`."""
    names = {alert.fault for alert in hits}
    return trouble.wanted in names and names <= {str(trouble.wanted), str(FaultClass.PROCESS)}


def _false_s(own: RecordingEvidence, false: Sequence[Raised]) -> float:
    """Normal time in which a false alert about the machine was open, those at once counted once."""
    spans = [
        Span(max(alert.episode.opened_ns, own.judged_from_ns), min(alert.episode.closed_ns, own.end_ns))
        for alert in false
        if alert.fault != FaultClass.SENSOR
    ]
    return seconds_outside(joined(spans), own.faulty) if spans else 0.0
