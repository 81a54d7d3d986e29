"""Why an alert was raised, and what would have kept it from that: tried out by replays of recordings."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from engine.config import Config
from engine.errors import UsageError
from engine.verdicts import Alert, Score
from replay.compare.alerts import ToldAlert, match_alerts, told_alerts
from replay.compare.replays import Replays
from replay.compare.session import compare_alerts, truths
from replay.explain.knobs import Knob, knobs_of, rejudged
from replay.explain.result import Explanation, Other, Remedy, by_cost
from replay.explain.search import Setting, smallest_change
from replay.recording import Recording

_GUESSES, _GUESS_CLOSE = 40, 0.003
"""Judging again is cheap: a guess may be good."""


def explain_replayed(alert_id: str, recordings: Sequence[Recording], config: Config) -> Explanation:
    """Explain an alert by replays of recordings, one of which raises it.

    For each setting that may have to do with it, the smallest change that removes it is looked for, by replays of the
    alert's own recording; what else it does is seen by replays of all. Removed means: no alert of the changed
    configuration is the same one (`replay.compare.alerts.match_alerts`), under whatever name.

    Parameters
    ----------
    alert_id : str
        As it was told.
    recordings : sequence of Recording
        One holds the alert; the others show what a change costs.
    config : Config
        What decided.

    Returns
    -------
    Explanation
        Every remedy in it has been replayed. What a change costs is known for these recordings alone.

    Raises
    ------
    UsageError
        No recording raises such an alert under this configuration.
    SpindlewatchError
        A recording that cannot be read, or a configuration that does not fit it.
    """
    with ExitStack() as stack:
        trial = _Trial(stack.enter_context(Replays()), recordings, config)
        home, alert = trial.find(alert_id)
        truth = trial.truth(home, alert)
        remedies = [trial.remedy(knob, home, alert) for knob in knobs_of(alert, config)]
    names = tuple(recording.path.name for recording in recordings)
    return Explanation(alert, truth, config, names, by_cost(remedies))


class _Trial:
    """Replays of the same recordings under one configuration and under changed ones."""

    def __init__(self, replays: Replays, recordings: Sequence[Recording], config: Config) -> None:
        self._replays, self._recordings, self._config = replays, recordings, config
        self._known: dict[tuple[int, str], list[Alert]] = {}
        self._before = [self._alerts(number, config) for number in range(len(recordings))]
        self._scores: list[Score] = []

    def find(self, alert_id: str) -> tuple[int, ToldAlert]:
        """Which recording raises the alert, and the alert."""
        for number, messages in enumerate(self._before):
            for alert in told_alerts(messages):
                if alert.id == alert_id:
                    self._scores = self._replays.scores(self._recordings[number], self._config)
                    return number, alert
        names = ", ".join(str(recording.path) for recording in self._recordings)
        raise UsageError(
            f"{alert_id}: wanted a recording that raises it under configuration {self._config.hash}; "
            f"got {names}, of which none does"
        )

    def truth(self, home: int, alert: ToldAlert) -> str:
        """What the labels say of the alert."""
        return truths(self._recordings[home], self._before[home])[alert.id]

    def remedy(self, knob: Knob, home: int, alert: ToldAlert) -> Remedy:
        """Look for the smallest change of one setting that removes the alert, and for what else it does."""
        before = told_alerts(self._before[home])

        def same(value: Any) -> ToldAlert | None:
            return _same(alert, before, self._alerts(home, knob.change(self._config, value)))

        found = smallest_change(self._with_guess(knob, alert), lambda value: same(value) is None)
        if found.value is None:
            instead = same(knob.setting.far)
            fault = "" if instead is None or instead.fault == alert.fault else instead.fault
            return Remedy(knob.key, knob.setting.now, None, verified=True, smallest=False, instead=fault)
        effects = self._effects(knob.change(self._config, found.value), alert)
        return Remedy(knob.key, knob.setting.now, found.value, verified=True, smallest=found.tight, **effects)

    def _with_guess(self, knob: Knob, alert: ToldAlert) -> Setting:
        """Ask the judge alone first: it needs no replay."""
        if knob.scaling is None:
            return knob.setting
        before = told_alerts(rejudged(self._scores, knob, self._config, knob.setting.now))

        def is_gone(value: Any) -> bool:
            return _same(alert, before, rejudged(self._scores, knob, self._config, value)) is None

        found = smallest_change(knob.setting, is_gone, most=_GUESSES, close=_GUESS_CLOSE)
        return knob.setting if found.value is None else knob.setting._replace(guess=found.value)

    def _effects(self, changed: Config, alert: ToldAlert) -> dict[str, Any]:
        """What else a change does, over all recordings: fields of a `Remedy`."""
        lost: list[Other] = []
        gained: list[Other] = []
        missed: list[str] = []
        n_later = 0
        for number, recording in enumerate(self._recordings):
            changes, faults = compare_alerts(recording, self._before[number], self._alerts(number, changed))
            lost += [Other.of(c) for c in changes if c.kinds == ("lost",) and c.alert.id != alert.id]
            gained += [Other.of(c) for c in changes if c.kinds == ("gained",)]
            n_later += sum("later" in c.kinds for c in changes)
            missed += [
                f"{f.a.label.fault} at {f.a.label.start_s:g} s of {f.recording}"
                for f in faults
                if f.a.found.found and not f.b.found.found
            ]
        effects = {"lost": tuple(lost), "gained": tuple(gained), "faults_lost": tuple(missed)}
        return {**effects, "n_later": n_later}

    def _alerts(self, number: int, config: Config) -> list[Alert]:
        key = number, config.hash
        if key not in self._known:
            self._known[key] = self._replays.alerts(self._recordings[number], config)
        return self._known[key]


def _same(alert: ToldAlert, before: Sequence[ToldAlert], after: Sequence[Alert]) -> ToldAlert | None:
    """What an alert has become; None if nothing is the same one any more."""
    pairs = match_alerts(before, told_alerts(after))
    return next((pair.b for pair in pairs if pair.a is not None and pair.a.id == alert.id), None)
