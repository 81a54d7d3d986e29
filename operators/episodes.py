"""The episodes of one spindle: when an alert opens, what joins it, what names it, when it closes. Pure; no Bytewax.

One physical cause is to give one alert. What happens *now* (a collision, a broken tool, chatter, anything unexplained)
is one episode as long as its evidence coincides; the most specific finding names it. A *condition* that lasts (a
bearing, an imbalance, a worn tool) has an episode of its own, which only evidence closes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from engine.clock import NS_PER_S
from engine.config import JudgeConfig
from engine.verdicts import LATCHED, Alert, AlertState, FaultClass, Finding, Score, Tier
from operators.fault_words import advise, how_sure
from operators.wording import describe_fault

# An open alert is told again when it has become so much worse than what was told last.
_WORSE = 2.0
_NOW = "now"
_SHOCK = "shock"
"""A second episode beside `_NOW`: a collision or breakage in a cut that was in trouble already."""
_ABRUPT = frozenset({FaultClass.COLLISION, FaultClass.TOOL_BREAKAGE})
_UNEXPLAINED = 0.1
"""Certainty of what no signature explains."""


@dataclass(slots=True)
class Run:
    """Consecutive exceedances of one group that have not opened an alert yet."""

    n: int = 0
    onset_ns: int = 0


@dataclass(slots=True)
class Episode:
    """An open alert about a machine or its process."""

    alert: Alert
    opened_ns: int
    last_above_ns: int


@dataclass(slots=True)
class FaultEpisodes:
    """Opens one alert per physical cause from the scores and findings of all groups of a spindle.

    What no signature explains opens as ``process`` after ``on_delay_vectors`` consecutive exceedances of one group, or
    at once for a score of ``immediate`` or more. A finding opens at once: its signature has confirmed it. While an
    episode is open, exceedances of every group join it. A finding renames it if it is more certain and either came
    within ``coincide_s`` of the opening or nothing had explained the episode so far; a collision or breakage later
    than that is a second cause with an alert of its own. An episode is as sure of its name as the surest finding that
    gave it. Episodes of what happens now close when all scores and
    findings have stayed below ``off`` for ``off_delay_s``; conditions (`engine.verdicts.LATCHED`) when their signature
    says less than ``off``. A score of NaN ("cannot say") neither opens nor closes anything.

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
    explained: dict[str, str] = field(default_factory=dict)
    """Conditions that an open or past alert accounts for, with its id: told once, not twice."""
    over_ns: dict[str, int] = field(default_factory=dict)
    """When the last alert about each condition closed: the next one began later, or it would bear the same id."""

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
        messages: list[Alert] = []
        for finding in score.findings:
            if finding.fault in LATCHED:
                messages += self._condition(finding, score)
            else:
                messages += self._now(finding, score)
        if score.score == score.score:
            messages += self._unexplained(score) + self._close(score)
        return messages

    @property
    def _happening(self) -> bool:
        return _NOW in self.open or _SHOCK in self.open

    def _unexplained(self, score: Score) -> list[Alert]:
        """Take what the tiers say that know no fault."""
        if score.score >= self.config.off:
            self._keep(score.t_ns)
        if score.score < self.config.on:
            self.runs.pop(score.group, None)
            return []
        run = self.runs.setdefault(score.group, Run())
        if run.n == 0:
            run.onset_ns = score.onset_ns
        run.n += 1
        finding = Finding(
            FaultClass.PROCESS,
            score.detector,
            score.tier,
            score.score,
            _UNEXPLAINED,
            score.reasons,
            score.detector,
            onset_ns=run.onset_ns,
        )
        confirmed = run.n >= self.config.on_delay_vectors or score.score >= self.config.immediate
        if not (confirmed or self._happening):
            return []
        return self._now(finding, score)

    def _condition_behind(self, finding: Finding, score: Score) -> Episode | None:
        """Name the open condition that accounts for an unexplained change: what was learned was learned without it."""
        if finding.fault is not FaultClass.PROCESS or finding.tier is not Tier.LEARNED or self._happening:
            return None
        for episode in self.open.values():
            alert = episode.alert
            if alert.fault == FaultClass.TOOL_WEAR and alert.key == score.regime.tool:
                return episode
            if alert.fault in (FaultClass.BEARING, FaultClass.IMBALANCE):
                return episode
        return None

    def _now(self, finding: Finding, score: Score) -> list[Alert]:
        """Take evidence of what happens now."""
        if finding.score >= self.config.off:
            self._keep(score.t_ns)
        if finding.score < self.config.on:
            return []
        if (cause := self._condition_behind(finding, score)) is not None:
            return self._worsen(cause, finding, score)
        place = _SHOCK if _SHOCK in self.open else _NOW
        episode = self.open.get(place)
        if episode is None:
            return self._open(place, finding, score)
        told = episode.alert
        coincides = 0 <= score.t_ns - episode.opened_ns <= self.config.coincide_s * NS_PER_S
        if finding.fault in _ABRUPT and told.fault not in _ABRUPT and not coincides:
            return self._open(_SHOCK, finding, score)
        if finding.fault == told.fault and finding.certainty > told.certainty:
            return self._confirm(episode, finding, score)
        nameless = told.fault == FaultClass.PROCESS
        if finding.fault != told.fault and finding.certainty > told.certainty and (coincides or nameless):
            return self._rename(episode, finding, score)
        return self._worsen(episode, finding, score)

    def _condition(self, finding: Finding, score: Score) -> list[Alert]:
        """Take evidence of a condition that lasts."""
        place = f"{finding.fault}:{finding.key}"
        episode = self.open.get(place)
        if finding.score < self.config.off:
            self.explained.pop(place, None)
            if episode is None:
                return []
            self.over_ns[place] = score.t_ns
            return [closed(self.open.pop(place).alert, score)]
        if finding.score < self.config.on or place in self.explained:
            return []
        if episode is not None:
            if finding.detail != episode.alert.detail and finding.certainty > episode.alert.certainty:
                return self._rename(episode, finding, score)
            return self._worsen(episode, finding, score)
        shock = next((e for e in self.open.values() if e.alert.fault in _ABRUPT), None)
        if shock is not None and finding.fault is FaultClass.IMBALANCE:
            self.explained[place] = shock.alert.id  # a blow bends
            return []
        now = self.open.get(_NOW)
        if now is not None and now.alert.fault == FaultClass.PROCESS and now.alert.tier == Tier.LEARNED:
            self.open[place] = self.open.pop(_NOW)
            return self._rename(self.open[place], finding, score)
        onset_ns = score.onset_ns if finding.onset_ns is None else finding.onset_ns
        finding = replace(finding, onset_ns=max(onset_ns, self.over_ns.get(place, onset_ns)))
        return self._open(place, finding, score)

    def _keep(self, t_ns: int) -> None:
        """Note that what happens now goes on."""
        for place in (_NOW, _SHOCK):
            if place in self.open:
                self.open[place].last_above_ns = t_ns

    def _open(self, place: str, finding: Finding, score: Score) -> list[Alert]:
        alert = self._alert(finding, score)
        self.open[place] = Episode(alert, score.t_ns, score.t_ns)
        return [alert]

    def _alert(self, finding: Finding, score: Score) -> Alert:
        onset_ns = score.onset_ns if finding.onset_ns is None else finding.onset_ns
        said, advice = describe_fault(finding, score.spindle, score.regime), advise(finding.fault)
        return Alert(
            id=f"{score.spindle}:{finding.fault}:{onset_ns}",
            spindle=score.spindle,
            group=score.group,
            fault=finding.fault,
            state=AlertState.OPENED,
            tier=finding.tier,
            regime=score.regime.label,
            onset_ns=onset_ns,
            t_ns=score.t_ns,
            score=finding.score,
            detail=finding.detail or finding.signature,
            reasons=finding.reasons,
            text_en=said.en,
            text_ko=said.ko,
            config_hash=self.config_hash,
            received_ns=score.received_ns,
            certainty=finding.certainty,
            key=finding.key,
            advice_en=advice.en,
            advice_ko=advice.ko,
        )

    def _rename(self, episode: Episode, finding: Finding, score: Score) -> list[Alert]:
        """Tell again what an episode is about; its id and onset stay."""
        told = episode.alert
        episode.alert = replace(
            self._alert(finding, score),
            id=told.id,
            onset_ns=told.onset_ns,
            score=max(told.score, finding.score),
            state=AlertState.UPDATED,
        )
        return [episode.alert]

    def _confirm(self, episode: Episode, finding: Finding, score: Score) -> list[Alert]:
        """Take surer evidence of what an episode is called already; told again if that is another word."""
        told = episode.alert
        if how_sure(finding.certainty) != how_sure(told.certainty) or finding.score >= _WORSE * told.score:
            return self._rename(episode, finding, score)
        episode.alert = replace(told, certainty=finding.certainty)
        return []

    def _worsen(self, episode: Episode, finding: Finding, score: Score) -> list[Alert]:
        told = episode.alert
        if finding.score < _WORSE * told.score:
            return []
        if finding.fault != told.fault:
            # What follows makes it worse, but what named it remains the reason.
            episode.alert = replace(
                told,
                score=finding.score,
                t_ns=score.t_ns,
                received_ns=score.received_ns,
                state=AlertState.UPDATED,
            )
            return [episode.alert]
        return self._rename(episode, finding, score)

    def _close(self, score: Score) -> list[Alert]:
        # A clock that was set back must not keep an episode open until time has caught up.
        quiet_ns = self.config.off_delay_s * NS_PER_S
        over: Sequence[str] = [
            place
            for place in (_NOW, _SHOCK)
            if place in self.open and not 0 <= score.t_ns - self.open[place].last_above_ns < quiet_ns
        ]
        return [closed(self.open.pop(place).alert, score) for place in over]


def closed(alert: Alert, score: Score) -> Alert:
    """Tell that an episode is over.

    Parameters
    ----------
    alert : Alert
        The last message about it.
    score : Score
        With which it ended.

    Returns
    -------
    Alert
        The closing message.
    """
    return replace(
        alert, state=AlertState.CLOSED, t_ns=score.t_ns, received_ns=score.received_ns, judged_ns=None
    )
