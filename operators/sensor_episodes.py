"""The episodes of one spindle's sensors: when an alert about one opens and closes. Pure; no Bytewax."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from engine.clock import NS_PER_S
from engine.records import SensorOutcome
from engine.verdicts import Alert, AlertState, FaultClass, Score
from operators.episodes import closed
from operators.fault_words import advise
from operators.wording import describe_trouble


@dataclass(slots=True)
class SensorEpisode:
    """An open alert about one sensor group."""

    alert: Alert
    last_trouble_ns: int


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
        return [closed(self.open.pop(score.group).alert, score)]

    def _message(self, outcome: SensorOutcome, state: AlertState) -> Alert:
        english, korean = describe_trouble(outcome.kind, outcome.group, outcome.detail)
        advice = advise(FaultClass.SENSOR)
        return Alert(
            id=f"{outcome.spindle}:sensor.{outcome.group}:{outcome.onset_ns}",
            spindle=outcome.spindle,
            group=outcome.group,
            fault=FaultClass.SENSOR,
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
            advice_en=advice.en,
            advice_ko=advice.ko,
            config_hash=self.config_hash,
            received_ns=outcome.received_ns,
        )
