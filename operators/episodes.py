"""The episodes of one spindle: when an alert opens, what joins it, when it closes. Pure; no Bytewax."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from engine.clock import NS_PER_S
from engine.config import JudgeConfig
from engine.records import SensorOutcome
from engine.verdicts import Alert, AlertState, Score
from operators.wording import describe_fault, describe_trouble

# An open alert is told again when it has become so much worse than what was told last.
_WORSE = 2.0


@dataclass(slots=True)
class Run:
    """Consecutive exceedances of one group that have not opened an alert yet."""

    n: int = 0
    onset_ns: int = 0


@dataclass(slots=True)
class Episode:
    """An open alert about a machine or its process."""

    alert: Alert
    last_above_ns: int


@dataclass(slots=True)
class SensorEpisode:
    """An open alert about one sensor group."""

    alert: Alert
    last_trouble_ns: int


@dataclass(slots=True)
class FaultEpisodes:
    """Opens one alert per physical cause from the scores of all groups of a spindle.

    An alert opens after ``on_delay_vectors`` consecutive exceedances of one group, or at once for a score of
    ``immediate`` or more. While one is open, exceedances of every group join it; only a collision during
    another kind of episode opens a second one. It closes when all finite scores have stayed below ``off`` for
    ``off_delay_s``. A score of NaN ("cannot say") neither opens nor closes anything.

    Parameters
    ----------
    config : JudgeConfig
        ``[judge]``.
    config_hash : str
        Printed on every alert.
    """

    config: JudgeConfig
    config_hash: str
    open: dict[str, Episode] = field(default_factory=dict)
    runs: dict[str, Run] = field(default_factory=dict)

    def update(self, score: Score) -> list[Alert]:
        """Take the next score.

        Parameters
        ----------
        score : Score
            Of any group of the spindle, in stream time.

        Returns
        -------
        list of Alert
            Messages to send, without wall times.
        """
        if score.score != score.score:
            return []
        messages = self._exceeds(score) if score.score >= self.config.on else []
        if score.score < self.config.on:
            self.runs.pop(score.group, None)
        if score.score >= self.config.off:
            for episode in self.open.values():
                episode.last_above_ns = score.t_ns
        return messages + self._close(score)

    def _exceeds(self, score: Score) -> list[Alert]:
        run = self.runs.setdefault(score.group, Run())
        if run.n == 0:
            run.onset_ns = score.onset_ns
        run.n += 1
        fault = "collision" if score.immediate else "process"
        joined = self.open.get(fault) or (
            next(iter(self.open.values()), None) if fault == "process" else None
        )
        if joined is not None:
            return self._worsen(joined, score)
        if (
            run.n < self.config.on_delay_vectors
            and score.score < self.config.immediate
            and not score.immediate
        ):
            return []
        alert = self._opened(fault, score, run.onset_ns)
        self.open[fault] = Episode(alert, score.t_ns)
        return [alert]

    def _opened(self, fault: str, score: Score, onset_ns: int) -> Alert:
        english, korean = describe_fault(fault, score.tier, score.reasons)
        return Alert(
            id=f"{score.spindle}:{fault}:{onset_ns}",
            spindle=score.spindle,
            group=score.group,
            fault=fault,
            state=AlertState.OPENED,
            tier=score.tier,
            regime=score.regime.label,
            onset_ns=onset_ns,
            t_ns=score.t_ns,
            score=score.score,
            detail=score.detector,
            reasons=score.reasons,
            text_en=english,
            text_ko=korean,
            config_hash=self.config_hash,
            received_ns=score.received_ns,
        )

    def _worsen(self, episode: Episode, score: Score) -> list[Alert]:
        told = episode.alert
        if score.score < _WORSE * told.score:
            return []
        if told.fault == "collision" and not score.immediate:
            # What follows a shock makes it worse, but the shock remains the reason.
            again = replace(told, score=score.score, t_ns=score.t_ns, received_ns=score.received_ns)
        else:
            again = replace(self._opened(told.fault, score, told.onset_ns), group=told.group, id=told.id)
        episode.alert = replace(again, state=AlertState.UPDATED)
        return [episode.alert]

    def _close(self, score: Score) -> list[Alert]:
        # A clock that was set back must not keep an episode open until time has caught up.
        quiet_ns = self.config.off_delay_s * NS_PER_S
        closed = [f for f, e in self.open.items() if not 0 <= score.t_ns - e.last_above_ns < quiet_ns]
        return [_closed(self.open.pop(fault).alert, score) for fault in closed]


@dataclass(slots=True)
class SensorEpisodes:
    """Opens one alert per sensor group in trouble and closes it when the group has been well for a while.

    Parameters
    ----------
    recover_s : float
        How long well, in stream seconds.
    config_hash : str
        Printed on every alert.
    """

    recover_s: float
    config_hash: str
    open: dict[str, SensorEpisode] = field(default_factory=dict)

    def trouble(self, outcome: SensorOutcome) -> list[Alert]:
        """Take trouble.

        Parameters
        ----------
        outcome : SensorOutcome
            Only ``alerting`` ones open an alert; any keeps one open. Another kind updates it.

        Returns
        -------
        list of Alert
            Messages to send.
        """
        episode = self.open.get(outcome.group)
        if episode is not None:
            episode.last_trouble_ns = outcome.t_ns
            if not outcome.alerting or episode.alert.detail == outcome.kind:
                return []
            again = self._message(outcome, AlertState.UPDATED)
            episode.alert = replace(again, id=episode.alert.id, onset_ns=episode.alert.onset_ns)
            return [episode.alert]
        if not outcome.alerting:
            return []
        alert = self._message(outcome, AlertState.OPENED)
        self.open[outcome.group] = SensorEpisode(alert, outcome.t_ns)
        return [alert]

    def well(self, score: Score) -> list[Alert]:
        """Take a score as the sign of life of its group.

        Parameters
        ----------
        score : Score
            Usable or not.

        Returns
        -------
        list of Alert
            The closing message, if the group has now been well for ``recover_s``.
        """
        episode = self.open.get(score.group)
        if episode is None or not score.usable:
            return []
        if 0 <= score.t_ns - episode.last_trouble_ns < self.recover_s * NS_PER_S:
            return []
        return [_closed(self.open.pop(score.group).alert, score)]

    def _message(self, outcome: SensorOutcome, state: AlertState) -> Alert:
        english, korean = describe_trouble(outcome.kind, outcome.group, outcome.detail)
        return Alert(
            id=f"{outcome.spindle}:sensor.{outcome.group}:{outcome.onset_ns}",
            spindle=outcome.spindle,
            group=outcome.group,
            fault="sensor",
            state=state,
            tier="absolute",
            regime="-",
            onset_ns=outcome.onset_ns,
            t_ns=outcome.t_ns,
            score=float("nan"),
            detail=outcome.kind,
            reasons=(),
            text_en=english,
            text_ko=korean,
            config_hash=self.config_hash,
            received_ns=outcome.received_ns,
        )


def _closed(alert: Alert, score: Score) -> Alert:
    return replace(
        alert, state=AlertState.CLOSED, t_ns=score.t_ns, received_ns=score.received_ns, judged_ns=None
    )
