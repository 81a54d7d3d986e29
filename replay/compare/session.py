"""Two configurations over the same recordings: alerts gained, lost and moved, held against the labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.config import Config
from engine.verdicts import Alert, FaultClass
from replay.compare.alerts import WITHIN_S, match_alerts, told_alerts
from replay.compare.replays import Replays
from replay.compare.result import FALSE, TRUE, UNKNOWN, Change, Comparison, FaultChange
from replay.outcome import match_faults
from replay.recording import Recording


def compare_configs(
    recordings: Sequence[Recording],
    config_a: Config,
    config_b: Config,
    *,
    names: tuple[str, str] = ("A", "B"),
    within_s: float = WITHIN_S,
    on_replay: Callable[[], None] | None = None,
) -> Comparison:
    """Replay recordings under two configurations and compare their alerts.

    Parameters
    ----------
    recordings : sequence of Recording
        Replayed one after the other, each from empty baselines, so that spindles may occur more than once.
    config_a, config_b : Config
        What is, and what might be.
    names : tuple of str
        What to call them.
    within_s : float
        As for `replay.compare.alerts.match_alerts`.
    on_replay : callable, optional
        Called after each of the ``2 * len(recordings)`` replays.

    Returns
    -------
    Comparison
        Over all recordings. The figures are of these recordings: settings chosen with them in view look better on them
        than on others.

    Raises
    ------
    SpindlewatchError
        A recording that cannot be read, or a configuration that does not fit it.
    """
    changes: list[Change] = []
    faults: list[FaultChange] = []
    for recording in recordings:
        sides = []
        with Replays() as replays:  # one for each recording: features take room
            for config, name in zip((config_a, config_b), names, strict=True):
                sides.append(replays.alerts(recording, config, name))
                if on_replay is not None:
                    on_replay()
        own_changes, own_faults = compare_alerts(recording, sides[0], sides[1], within_s)
        changes += own_changes
        faults += own_faults
    duration_s = sum(recording.duration_s for recording in recordings)
    hashes = config_a.hash, config_b.hash
    return Comparison(*names, *hashes, within_s, duration_s, tuple(changes), tuple(faults))


def compare_alerts(
    recording: Recording, alerts_a: Sequence[Alert], alerts_b: Sequence[Alert], within_s: float = WITHIN_S
) -> tuple[list[Change], list[FaultChange]]:
    """Compare the alerts of two replays of one recording.

    Parameters
    ----------
    recording : Recording
        With its labels.
    alerts_a, alerts_b : sequence of Alert
        Messages in the order sent.
    within_s : float
        As for `replay.compare.alerts.match_alerts`.

    Returns
    -------
    tuple of list[Change] and list[FaultChange]
        Every alert exactly once, in the order of opening; every labelled fault.
    """
    truth_a, truth_b = (truths(recording, alerts) for alerts in (alerts_a, alerts_b))
    pairs = match_alerts(told_alerts(alerts_a), told_alerts(alerts_b), within_s)
    changes = [
        Change(
            recording.path.name,
            recording.start_ns,
            pair,
            "" if pair.a is None else truth_a[pair.a.id],
            "" if pair.b is None else truth_b[pair.b.id],
        )
        for pair in pairs
    ]
    outcomes = [
        match_faults(recording.faults, alerts, recording.start_ns, recording.end_ns)[0]
        for alerts in (alerts_a, alerts_b)
    ]
    name, spindle = recording.path.name, recording.spindle.name
    return changes, [FaultChange(name, spindle, a, b) for a, b in zip(*outcomes, strict=True)]


def truths(recording: Recording, alerts: Sequence[Alert]) -> dict[str, str]:
    """Say of each alert whether the labels explain it.

    Parameters
    ----------
    recording : Recording
        With its labels. Those of sensors are seldom complete, so a sensor alert is never called false.
    alerts : sequence of Alert
        Its messages, in the order sent.

    Returns
    -------
    dict of str to str
        By id: ``true``, ``false`` or ``not labelled``.
    """
    _, unexplained = match_faults(recording.faults, alerts, recording.start_ns, recording.end_ns)
    told = {}
    for alert in alerts:
        if alert.id not in unexplained:
            told[alert.id] = TRUE
        else:
            judged = recording.labelled and alert.fault != FaultClass.SENSOR
            told[alert.id] = FALSE if judged else UNKNOWN
    return told
