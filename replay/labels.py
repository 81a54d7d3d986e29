"""Labels of a recording on the clock of its stream, and which alerts they explain.

A label explains an alert if some samples between the alert's onset and its opening are faulty, and the alert may be
about that fault:

- a label that names no class (``anomaly``, ``end_of_life``, ``process``) explains whatever the machine raised;
- an alert of the label's own class is explained, and so is ``process``, which says only that something is odd;
- an alert of *another* class is explained if it opened within `NEAR_S` of the label's start: that is the fault,
  misnamed. Later it is an alert of something that is not there;
- ``tool_wear`` is labelled from an edge's first touch on, when nothing is worn yet. It explains alerts of wear, and
  ``process`` from the moment on that is labelled ``wear_limit``; being near its start means nothing;
- sensor labels explain sensor alerts, and nothing else does.

The same rule says which alerts find a fault, so that no alert is false and a find at once, but for one that had
opened before the fault began: that is false, and the fault is told to have been alerted before.

When it misleads: a second, unlabelled fault within a label is explained by it if it is called the same or
``process``; a slow fault that is misnamed after more than `NEAR_S` counts as missed and as a false alert.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engine.clock import NS_PER_S
from engine.verdicts import FaultClass
from replay.faults import Fault
from replay.scoring import Episode, Span

# An alert belongs to a fault that ended so recently: windows and confirmation lag behind the samples.
AFTERMATH_S = 1.0
# A misnamed alert is still about the fault that began so recently: the time in which a stop saves the part.
NEAR_S = 10.0
WEAR_LIMIT = "wear_limit"
# Labels that mark a moment in a tool's life, which is no trouble by itself; `replay.kpi` reads them.
MARKERS = frozenset({WEAR_LIMIT})


@dataclass(frozen=True, slots=True)
class Trouble:
    """A labelled fault on the clock of its stream.

    Parameters
    ----------
    label : Fault
        The row.
    span : Span
        From its start until `AFTERMATH_S` after its end, or the end of the recording.
    wanted : FaultClass or None
        What an alert should call it; None: the label does not say.
    worn_ns : int or None
        Wear only: when the edge was at its limit; None: not marked.
    due : bool
        False for the wear of an edge that never came to its limit, where limits are marked: there is nothing to find.
    """

    label: Fault
    span: Span
    wanted: FaultClass | None
    worn_ns: int | None = None
    due: bool = True

    @property
    def faulty(self) -> Span:
        """When the machine, or the sensor, is not as it should be: of wear, from its limit on where that is marked.

        Empty (ending before it starts) where nothing is due.
        """
        if not self.due:
            return Span(self.span.start_ns, self.span.start_ns - 1)
        return self.span if self.worn_ns is None else Span(self.worn_ns, self.span.end_ns)

    def fits(self, fault: str, opened_ns: int) -> bool:
        """Whether an alert may be about this fault, by its class and the time it opened; see the module.

        Parameters
        ----------
        fault : str
            What the alert was called last.
        opened_ns : int
            When it opened. That the two overlap at all is for `explains` to say.
        """
        if (fault == FaultClass.SENSOR) != (self.wanted is FaultClass.SENSOR):
            return False
        if self.wanted in (None, FaultClass.PROCESS) or fault == self.wanted:
            return True
        if self.wanted is FaultClass.TOOL_WEAR:
            return fault == FaultClass.PROCESS and self.worn_ns is not None and opened_ns > self.worn_ns
        return fault == FaultClass.PROCESS or opened_ns <= self.span.start_ns + round(NEAR_S * NS_PER_S)

    def explains(self, fault: str, episode: Episode) -> bool:
        """Whether an alert is about this fault: it fits, and faulty samples decided it.

        The onset is only known to the hop, so it may lie a little before the label.
        """
        overlaps = self.span.start_ns < episode.opened_ns and episode.onset_ns <= self.span.end_ns
        return overlaps and self.fits(fault, episode.opened_ns)


def is_sensor_fault(name: str) -> bool:
    """Tell sensor trouble from trouble of the machine, by the label's name.

    Examples
    --------
    >>> is_sensor_fault("sensor_dropout"), is_sensor_fault("chatter")
    (True, False)
    """
    return name.startswith("sensor")


def class_of(label: str) -> FaultClass | None:
    """Class of alert that a labelled fault should raise.

    Parameters
    ----------
    label : str
        As in ``faults.csv``.

    Returns
    -------
    FaultClass or None
        None: the label does not say what it is, or marks a moment.

    Examples
    --------
    >>> [str(class_of(label)) for label in ("bearing_inner", "ball_fault", "sensor_drift", "chatter", "anomaly")]
    ['bearing', 'bearing', 'sensor', 'chatter', 'None']
    """
    if is_sensor_fault(label):
        return FaultClass.SENSOR
    if label.startswith("bearing") or label in ("inner_race_fault", "outer_race_fault", "ball_fault"):
        return FaultClass.BEARING
    return FaultClass(label) if label in list(FaultClass) else None


def place_labels(labels: Sequence[Fault], start_ns: int, end_ns: int) -> tuple[Trouble, ...]:
    """Put the labels of a recording on the clock of its stream.

    Parameters
    ----------
    labels : sequence of Fault
        In seconds from ``start_ns``; all of them: rows ``wear_limit`` say when a labelled edge was worn.
    start_ns, end_ns : int
        Of the recording.

    Returns
    -------
    tuple[Trouble, ...]
        In order, without the markers.
    """
    limits = [label for label in labels if label.fault == WEAR_LIMIT]
    return tuple(_placed(label, limits, start_ns, end_ns) for label in labels if label.fault not in MARKERS)


def _placed(label: Fault, limits: Sequence[Fault], start_ns: int, end_ns: int) -> Trouble:
    first_ns, last_ns, wanted = start_ns + round(label.start_s * NS_PER_S), end_ns, class_of(label.fault)
    if label.end_s is not None:
        last_ns = start_ns + round((label.end_s + AFTERMATH_S) * NS_PER_S)
    span = Span(first_ns, last_ns)
    if wanted is not FaultClass.TOOL_WEAR:
        return Trouble(label, span, wanted)
    own = [limit.start_s for limit in limits if _same_edge(label, limit)]
    worn_ns = start_ns + round(min(own) * NS_PER_S) if own else None
    return Trouble(label, span, wanted, worn_ns, due=bool(own) or not limits)


def _same_edge(label: Fault, limit: Fault) -> bool:
    """Whether a limit lies within a label of wear and is not that of another edge."""
    if limit.start_s < label.start_s or (label.end_s is not None and limit.start_s > label.end_s):
        return False
    edges = {_word(row.note, "edge") for row in (label, limit)} - {""}
    return len(edges) < 2


def _word(note: str, name: str) -> str:
    words: Iterable[str] = note.split()
    return next((word.partition("=")[2] for word in words if word.startswith(f"{name}=")), "")
