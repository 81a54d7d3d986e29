"""What a replay left of one recording, held against its labels: what every score is counted from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engine.clock import NS_PER_S
from engine.verdicts import Alert, FaultClass
from replay.evaluate.series import ScoreSeries
from replay.labels import Trouble, place_labels
from replay.outcome import Raised, raised_alerts
from replay.recording import Recording
from replay.scoring import Span


@dataclass(frozen=True, slots=True)
class RecordingEvidence:
    """Alerts and labels of one recording, matched by the rule of `replay.labels`.

    Parameters
    ----------
    recording : str
        Its folder's name.
    spindle : str
        Whose it is.
    labelled : bool
        The labels are complete, so that alerts beside them are false.
    start_ns, end_ns : int
        Of the recording.
    judged_from_ns : int
        End of the declared teach-in: faults that are over by then and alerts that opened before do not count.
        ``start_ns`` without one.
    troubles : tuple[Trouble, ...]
        Labels that are there to be found: not over before ``judged_from_ns``, and due.
    raised : tuple[Raised, ...]
        Alerts that opened from ``judged_from_ns`` on, in that order.
    explained : tuple[bool, ...]
        Of each alert, whether a label explains it.
    finders : tuple[tuple[int, ...], ...]
        Of each trouble, the alerts that it explains and that opened within it, by position in ``raised``. One that is
        told later, of samples within it, is explained, but came too late to find it. One that was open before, and
        is false, finds it if it takes the fault's own name within it: that message is sent, too.
    early : tuple[frozenset[str], ...]
        Of each trouble, the tiers of alerts that may be about it and were open already as it began.
    watched_s, normal_s : float
        Stream time from ``judged_from_ns`` on; the part of it in which nothing is labelled wrong with the machine.
    faulty : tuple[Span, ...]
        What is left out of ``normal_s``: disjoint, in order.
    n_before : int
        Labels over before ``judged_from_ns``, which do not count.
    series : ScoreSeries or None
        The scores, if they were read.
    """

    recording: str
    spindle: str
    labelled: bool
    start_ns: int
    end_ns: int
    judged_from_ns: int
    troubles: tuple[Trouble, ...]
    raised: tuple[Raised, ...]
    explained: tuple[bool, ...]
    finders: tuple[tuple[int, ...], ...]
    early: tuple[frozenset[str], ...]
    watched_s: float
    normal_s: float
    faulty: tuple[Span, ...]
    n_before: int
    series: ScoreSeries | None = None

    @property
    def excluded_s(self) -> float:
        """Seconds of teach-in at the start that are not judged."""
        return (self.judged_from_ns - self.start_ns) / NS_PER_S


def gather_evidence(
    recording: Recording, alerts: Sequence[Alert], series: ScoreSeries | None = None
) -> RecordingEvidence:
    """Hold a replay's alerts against the labels of one recording; cheap enough for thousands of calls.

    Parameters
    ----------
    recording : Recording
        With its labels. Only what is in memory is read.
    alerts : sequence of Alert
        Messages of any spindles, each spindle's in the order sent.
    series : ScoreSeries, optional
        Scores of this spindle. They say when the teach-in was over; without them it is reckoned from its length,
        or, of waveforms that teach a number of vectors, only from its beginning.

    Returns
    -------
    RecordingEvidence
        For `replay.evaluate.event_scores` and `replay.evaluate.evaluate`.
    """
    own = [alert for alert in alerts if alert.spindle == recording.spindle.name]
    start_ns, end_ns = recording.start_ns, recording.end_ns
    from_ns = min(end_ns, taught_ns(recording, series))
    placed = place_labels(recording.faults, start_ns, end_ns)
    late = [trouble for trouble in placed if trouble.span.end_ns >= from_ns]
    troubles = tuple(trouble for trouble in late if trouble.due)
    everything = raised_alerts(own, end_ns)
    raised = tuple(alert for alert in everything if alert.episode.opened_ns > from_ns)
    explained = tuple(
        any(trouble.explains(alert.fault, alert.episode) for trouble in placed) for alert in raised
    )
    finders = tuple(
        tuple(i for i, alert in enumerate(raised) if found_ns(trouble, alert) is not None)
        for trouble in troubles
    )
    faulty = joined(
        trouble.faulty for trouble in placed if trouble.wanted is not FaultClass.SENSOR and trouble.due
    )
    watched = Span(from_ns, end_ns)
    return RecordingEvidence(
        recording=recording.path.name,
        spindle=recording.spindle.name,
        labelled=recording.labelled,
        start_ns=start_ns,
        end_ns=end_ns,
        judged_from_ns=from_ns,
        troubles=troubles,
        raised=raised,
        explained=explained,
        finders=finders,
        early=tuple(_alerted_before(trouble, everything) for trouble in troubles),
        watched_s=(end_ns - from_ns) / NS_PER_S,
        normal_s=seconds_outside([watched], faulty),
        faulty=faulty,
        n_before=len(placed) - len(late),
        series=series,
    )


def taught_ns(recording: Recording, series: ScoreSeries | None) -> int:
    """When the declared teach-in was over.

    Parameters
    ----------
    recording : Recording
        The start of the recording if it declares none: then every regime teaches for itself, all the time.
    series : ScoreSeries or None
        If given, the first score that was ready decides, of teach-ins of a number of vectors.

    Returns
    -------
    int
        UTC nanoseconds, of the last group to be taught.
    """
    taught = recording.spindle.teach_in
    if taught is None:
        return recording.start_ns
    begun_ns = recording.start_ns + round(taught.skip_s * NS_PER_S)
    if taught.duration_s is not None:
        return begun_ns + round(taught.duration_s * NS_PER_S)
    if series is not None:
        return series.ready_ns if series.ready_ns is not None else recording.end_ns
    rates = [group.sample_rate_hz for group in recording.spindle.groups if group.kind == "scalar"]
    n = taught.n_vectors or 0
    return begun_ns + (round(n / min(rates) * NS_PER_S) if rates else 0)


def joined(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Join spans that overlap or touch.

    Examples
    --------
    >>> joined([Span(5, 9), Span(0, 2), Span(1, 3), Span(7, 6)])
    (Span(start_ns=0, end_ns=3), Span(start_ns=5, end_ns=9))
    """
    found: list[Span] = []
    for span in sorted(span for span in spans if span.end_ns >= span.start_ns):
        if found and span.start_ns <= found[-1].end_ns:
            found[-1] = Span(found[-1].start_ns, max(found[-1].end_ns, span.end_ns))
        else:
            found.append(span)
    return tuple(found)


def seconds_outside(spans: Iterable[Span], without: Sequence[Span]) -> float:
    """Seconds that lie in some of the spans and in none of the others.

    Parameters
    ----------
    spans : iterable of Span
        May overlap; counted once.
    without : sequence of Span
        Disjoint and in order, as `joined` returns them.

    Examples
    --------
    >>> seconds_outside([Span(0, 4 * NS_PER_S)], [Span(NS_PER_S, 2 * NS_PER_S)])
    3.0
    """
    return (_length_ns(joined([*spans, *without])) - _length_ns(without)) / NS_PER_S


def _length_ns(spans: Iterable[Span]) -> int:
    return sum(span.end_ns - span.start_ns for span in spans)


def found_ns(trouble: Trouble, alert: Raised) -> int | None:
    """When an alert told of a fault.

    Parameters
    ----------
    trouble : Trouble
        The label.
    alert : Raised
        Any alert of this spindle.

    Returns
    -------
    int or None
        Its opening, or when one that was open already took the fault's own name; None: it does not find it.
    """
    opened_ns, (start_ns, end_ns) = alert.episode.opened_ns, trouble.span
    if opened_ns > start_ns:
        finds = opened_ns <= end_ns and trouble.explains(alert.fault, alert.episode)
        return opened_ns if finds else None
    return alert.named_ns if alert.fault == trouble.wanted and start_ns < alert.named_ns <= end_ns else None


def _alerted_before(trouble: Trouble, raised: Sequence[Raised]) -> frozenset[str]:
    return frozenset(
        alert.tier
        for alert in raised
        if alert.episode.opened_ns <= trouble.span.start_ns
        and alert.episode.meets(trouble.span)
        and trouble.fits(alert.fault, alert.episode.opened_ns)
    )
