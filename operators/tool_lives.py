"""The lives of a spindle's cutting edges: what each has cut, how far it is worn, and when to change it."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from detectors.cut_parts import evidence_of
from detectors.wear import EdgeWear
from engine.config import Config
from engine.declared import Spindle
from engine.records import FeatureVector
from engine.verdicts import FaultClass, Finding, Reason, Score, Tier, ToolLife
from operators.cut_columns import CutColumns
from operators.cuts import Cut, CutMeter
from operators.features import FeatureSet

# What makes a cut unlike any other. Not `process`: that is what a worn edge is called by whoever does not know it.
_DISTURBING = frozenset(
    {FaultClass.COLLISION, FaultClass.TOOL_BREAKAGE, FaultClass.MISSING_TOOL, FaultClass.CHATTER}
)
_SIGNATURE = "tool_life"
_CERTAINTY = 0.7
# A change is recommended when two cuts in a row say that the next one will reach the limit, or one says so clearly.
_CLEARLY = 1.2
_N_AGREE = 2
_SURE = 0.1  # standard error of the share of life cut, up to which a change is recommended
# Where nobody tells of edges: two cuts in a row that show less than half the wear there was mean a fresh one.
_FALL, _LEAST_FALL, _LEAST_WEAR = 0.5, 0.3, 0.4
_MEMORY = 0.1  # of the newest cut in the length of a typical one


@dataclass(slots=True)
class _Life:
    """One edge."""

    edge: str
    inferred: bool
    began_ns: int
    wear: EdgeWear
    n_cuts: int = 0
    t_ns: int = 0
    cut_s: float = 0.0  # length of a typical cut
    n_due: int = 0  # cuts in a row that said the next one will reach the limit
    recommended_ns: int | None = None
    recommended_cuts: int | None = None
    pending: tuple[Cut, ...] = ()  # cuts that look like a fresh edge's


class ToolLives:
    """The tools of one spindle.

    An edge's life begins with its first cut and ends when the context names another one (``tool_edge``), or, where no
    context ever names one, when two cuts in a row show less than half the wear that there was: then the life is told
    as ``inferred``. A change is recommended once for an edge, and stands until it leaves.

    State: at most ``[tool_life] max_tools`` lives of bounded size.

    Parameters
    ----------
    spindle : Spindle
        Declared.
    features : Mapping[tuple[str, str], FeatureSet]
        By spindle and group.
    config : Config
        ``[tool_life]``, ``[learn] settle_s``, and the lengths of windows.
    """

    __slots__ = (
        "_config",
        "_findings",
        "_hash",
        "_lives",
        "_meter",
        "_on",
        "_sensitivity",
        "_spindle",
        "_told",
    )

    def __init__(
        self, spindle: Spindle, features: Mapping[tuple[str, str], FeatureSet], config: Config
    ) -> None:
        self._spindle, self._config, self._hash = spindle.name, config.tool_life, config.hash
        self._on = config.judge.on
        self._told = FaultClass.TOOL_WEAR not in config.diagnosis.off
        self._sensitivity = config.diagnosis.sensitivity.get(FaultClass.TOOL_WEAR, 1.0)
        self._meter = CutMeter(CutColumns(spindle, features, config), config.learn.settle_s)
        self._lives: OrderedDict[str, _Life] = OrderedDict()
        self._findings: list[Finding] = []

    def take(self, vector: FeatureVector) -> list[ToolLife]:
        """Take the next vector of any group.

        Parameters
        ----------
        vector : FeatureVector
            In stream time.

        Returns
        -------
        list of ToolLife
            Empty but at the end of a cut, and when an edge is seen to have left.
        """
        cut = self._meter.take(vector)
        told = [] if cut is None else self._add(cut)
        tool, edge = vector.regime.tool, vector.context.tool_edge
        if tool is not None and edge is not None:
            life = self._lives.get(tool)
            if life is not None and life.edge != edge and not self._meter.cutting:
                told += self._rename(tool, life, edge, vector.t_ns)
        return told

    def note(self, score: Score) -> None:
        """Take what the detectors made of a vector: a cut with another fault in it says nothing about wear.

        What differs from the learned baseline without a name does not count: a worn edge does.

        Parameters
        ----------
        score : Score
            Of the vector that was just taken.
        """
        if self._meter.cutting and (
            any(f.score >= self._on and f.fault in _DISTURBING for f in score.findings)
        ):
            self._meter.disturb()

    def findings(self) -> tuple[Finding, ...]:
        """What there is to say about wear since this was last asked."""
        found = tuple(self._findings)
        self._findings.clear()
        return found

    def trouble(self) -> None:
        """Say that a sensor is in trouble: the open cut says nothing about wear."""
        self._meter.disturb()

    def save(self) -> Any:
        """State for recovery."""
        lives = [
            (
                tool,
                life.wear.save(),
                (life.edge, life.inferred, life.began_ns),
                (life.n_cuts, life.t_ns, life.cut_s, life.n_due, life.recommended_ns, life.recommended_cuts),
                life.pending,
            )
            for tool, life in self._lives.items()
        ]
        return self._meter.save(), lives, tuple(self._findings)

    def restore(self, state: Any) -> None:
        """Continue from `save`."""
        meter, lives, findings = state
        self._meter.restore(meter)
        self._findings = list(findings)
        for tool, wear, (edge, inferred, began_ns), numbers, pending in lives:
            life = self._lives[tool] = _Life(
                edge, inferred, began_ns, EdgeWear(self._config), pending=pending
            )
            life.n_cuts, life.t_ns, life.cut_s, life.n_due, *recommended = numbers
            life.recommended_ns, life.recommended_cuts = recommended
            life.wear.restore(wear)

    def _add(self, cut: Cut) -> list[ToolLife]:
        """Count a cut for its edge."""
        told: list[ToolLife] = []
        life = self._lives.get(cut.tool)
        if life is not None and cut.edge is not None and cut.edge != life.edge:
            told += self._rename(cut.tool, life, cut.edge, cut.began_ns)
            life = self._lives.get(cut.tool)
        if life is None:
            life = self._begin(cut)
        self._lives.move_to_end(cut.tool)
        if life.inferred and self._looks_fresh(life, cut):
            if len(life.pending) + 1 < _N_AGREE:
                life.pending = (*life.pending, cut)
                return told
            told += self._follow_on(life, cut)
            return told
        for earlier in life.pending:  # it was the cut that was odd
            self._count(life, earlier)
        life.pending = ()
        self._count(life, cut)
        told.append(self._tell(cut.tool, life))
        return told

    def _begin(self, cut: Cut, edge: str = "1") -> _Life:
        inferred = cut.edge is None
        life = _Life(cut.edge or edge, inferred, cut.began_ns, EdgeWear(self._config))
        self._lives[cut.tool] = life
        if len(self._lives) > self._config.max_tools:
            self._lives.popitem(last=False)
        return life

    def _looks_fresh(self, life: _Life, cut: Cut) -> bool:
        """Whether a cut shows clearly less wear than the edge had."""
        before = life.wear.trend
        shown = life.wear.peek(cut.parts) if cut.sound else None
        if shown is None or not before.wear >= _LEAST_WEAR:
            return False
        wear = shown.wear(life.wear.life_s)
        fall = before.wear - wear
        return wear < _FALL * before.wear and fall > max(_LEAST_FALL, 4.0 * shown.error)

    def _follow_on(self, life: _Life, cut: Cut) -> list[ToolLife]:
        """The edge was exchanged without a word: tell the end of the old life, and begin with what came since."""
        first = life.pending[0]
        told = [self._end(first.tool, life, first.began_ns)]
        fresh = self._begin(first, _next_name(life.edge))
        for one in (*life.pending, cut):
            self._count(fresh, one)
        told.append(self._tell(cut.tool, fresh))
        return told

    def _rename(self, tool: str, life: _Life, edge: str, t_ns: int) -> list[ToolLife]:
        """Another edge is named: the old one has left, unless it had no name yet."""
        if life.inferred:
            life.edge, life.inferred = edge, False
            return []
        del self._lives[tool]
        return [self._end(tool, life, t_ns)]

    def _end(self, tool: str, life: _Life, t_ns: int) -> ToolLife:
        if life.recommended_ns is not None and self._told:
            self._findings.append(self._finding(tool, life, 0.0, ()))
        return replace(self._tell(tool, life), t_ns=t_ns, over=True)

    def _count(self, life: _Life, cut: Cut) -> None:
        """Let the edge's wear take the cut, and see whether it should be changed."""
        life.n_cuts += 1
        life.t_ns = cut.ended_ns
        if not cut.sound:
            life.wear.pass_over(cut.cutting_s)
        elif life.wear.add(cut.parts, cut.cutting_s) is not None:
            life.cut_s += (cut.cutting_s - life.cut_s) * (_MEMORY if life.cut_s else 1.0)
            self._judge(cut.tool, life)

    def _judge(self, tool: str, life: _Life) -> None:
        trend = life.wear.trend
        ahead = trend.after(life.cut_s)
        life.n_due = life.n_due + 1 if ahead >= 1.0 and trend.error <= _SURE else 0
        if life.recommended_ns is None and (life.n_due >= _N_AGREE or (life.n_due and ahead >= _CLEARLY)):
            life.recommended_ns, life.recommended_cuts = life.t_ns, life.n_cuts
        if life.recommended_ns is not None and self._told:
            why = evidence_of(life.wear.last, self._config.noise_rise, self._config.load_rise)
            self._findings.append(self._finding(tool, life, self._sensitivity * max(ahead, 1.0), why))

    def _finding(self, tool: str, life: _Life, score: float, reasons: tuple[Reason, ...]) -> Finding:
        detail = "change_recommended" if score > 0.0 else "changed"
        return Finding(
            FaultClass.TOOL_WEAR,
            _SIGNATURE,
            Tier.LEARNED,
            score,
            _CERTAINTY,
            reasons,
            detail,
            tool,
            life.recommended_ns,
        )

    def _tell(self, tool: str, life: _Life) -> ToolLife:
        trend = life.wear.trend
        n_left, low, high = (
            seconds / life.cut_s if life.cut_s else math.nan for seconds in life.wear.left_s()
        )
        return ToolLife(
            spindle=self._spindle,
            tool=tool,
            edge=life.edge,
            t_ns=life.t_ns,
            began_ns=life.began_ns,
            n_cuts=life.n_cuts,
            cutting_s=life.wear.cutting_s,
            wear=max(trend.wear, 0.0) if trend.wear == trend.wear else math.nan,
            remaining_cuts=n_left,
            remaining_low=low,
            remaining_high=high,
            recommended_ns=life.recommended_ns,
            recommended_cuts=life.recommended_cuts,
            over=False,
            inferred=life.inferred,
            evidence=evidence_of(life.wear.last, self._config.noise_rise, self._config.load_rise),
            config_hash=self._hash,
        )


def _next_name(edge: str) -> str:
    return str(int(edge) + 1) if edge.isdigit() else f"{edge}+"
