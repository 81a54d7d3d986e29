"""How cutting edges wear and are exchanged: three phases, and no two edges alike.

Flank wear against cutting time has the shape of every textbook's tool-life curve (ISO 8688-2:1989; Altintas,
*Manufacturing Automation*, 2nd ed., 2012, ch. 2): a fresh edge loses its sharpness within minutes, then wears evenly,
then ever faster. Here ``w(x)`` with ``x`` = cutting time as a share of the life, and 1 = the wear limit::

    w = a (1 - exp(-x / b)) + (1 - a - k) x + k x^p        0 <= x <= 1, scaled so that w(1) = 1
    w = 1 + (1 - a - k + k p) (x - 1)                      beyond

``a`` is what running in takes, ``b`` how long it takes, ``k`` and ``p`` how much is left to the end and how suddenly
it comes. The numbers are drawn per edge, as is how strongly forces and noise answer to wear: whoever fits one number
to the simulator has learnt nothing about tools.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from replay.simulate.cutting import TYPICAL_RESPONSE, WearResponse


@dataclass(frozen=True, slots=True)
class ToolLife:
    """The life of one cutting edge, or set of inserts.

    Parameters
    ----------
    spindle, tool : str
        Where it is used.
    life_s : float
        Cutting time after which wear reaches the limit.
    until : float
        Share of the life after which the shop exchanges it, at the next change to this tool. Less than 1 = a careful
        shop; more = one that waits to see.
    running_in, running_in_share : float
        ``a`` and ``b``: wear after running in, and how long that takes as a share of the life.
    final, suddenness : float
        ``k`` and ``p``: the part of the wear that comes at the end, and how suddenly (greater than 1).
    response : WearResponse
        Of forces and noise.
    """

    spindle: str
    tool: str
    life_s: float
    until: float
    running_in: float = 0.12
    running_in_share: float = 0.05
    final: float = 0.3
    suddenness: float = 7.0
    response: WearResponse = TYPICAL_RESPONSE

    def wear(self, cutting_s: float) -> float:
        """Wear after so much cutting: 0 = fresh, 1 = the limit, more beyond it.

        Examples
        --------
        >>> life = ToolLife("M1", "T1", life_s=600.0, until=1.2)
        >>> [round(life.wear(600.0 * share), 2) for share in (0.0, 0.1, 0.5, 0.9, 1.0)]
        [0.0, 0.16, 0.41, 0.79, 1.0]
        """
        x = cutting_s / self.life_s
        steady = 1.0 - self.running_in - self.final
        if x > 1.0:
            return 1.0 + (steady + self.final * self.suddenness) * (x - 1.0)
        run_in = math.expm1(-x / self.running_in_share) / math.expm1(-1.0 / self.running_in_share)
        return self.running_in * run_in + steady * x + self.final * math.pow(x, self.suddenness)


@dataclass(frozen=True, slots=True)
class Edge:
    """A cutting edge during one phase.

    Parameters
    ----------
    name : str
        As the controller reports it.
    wear_from, wear_to : float
        At both ends of the phase.
    response : WearResponse
        Of forces and noise.
    cutting_s : float
        What it has cut by the end of the phase.
    n_cuts : int
        Cuts that it has begun by then.
    limited : bool
        Whether it is used up to its limit, as far as is planned.
    """

    name: str
    wear_from: float = 0.0
    wear_to: float = 0.0
    response: WearResponse = TYPICAL_RESPONSE
    cutting_s: float = 0.0
    n_cuts: int = 0
    limited: bool = False


class Edges:
    """The edges of one spindle's tools. State: three numbers per tool.

    Parameters
    ----------
    lives : sequence of ToolLife
        Of this spindle. A tool's edges live one after the other, and when all have lived, again from the first;
        a tool that is not named stays sharp for ever.
    """

    def __init__(self, lives: Sequence[ToolLife]) -> None:
        self._lives: dict[str, list[ToolLife]] = {}
        for life in lives:
            self._lives.setdefault(life.tool, []).append(life)
        self._number: dict[str, int] = {}
        self._cutting_s: dict[str, float] = {}
        self._n_cuts: dict[str, int] = {}

    def fetch(self, tool: str) -> None:
        """Bring a tool to the spindle; if its edge has done its time, it comes with a fresh one."""
        life = self._life(tool)
        if life is not None and self._cutting_s.get(tool, 0.0) >= life.until * life.life_s:
            self._number[tool] = self._number.get(tool, 1) + 1
            self._cutting_s[tool], self._n_cuts[tool] = 0.0, 0

    def use(self, tool: str, cutting_s: float, *, first_touch: bool = False) -> Edge:
        """Let a tool's edge cut.

        Parameters
        ----------
        tool : str
            In the spindle.
        cutting_s : float
            For how long; 0 in the air.
        first_touch : bool
            Whether a cut begins here.

        Returns
        -------
        Edge
            As it is meanwhile.
        """
        before_s = self._cutting_s.get(tool, 0.0)
        self._cutting_s[tool] = before_s + cutting_s
        self._n_cuts[tool] = self._n_cuts.get(tool, 0) + first_touch
        name, life = f"{tool}#{self._number.get(tool, 1)}", self._life(tool)
        if life is None:
            return Edge(name, cutting_s=before_s + cutting_s, n_cuts=self._n_cuts[tool])
        return Edge(
            name,
            life.wear(before_s),
            life.wear(before_s + cutting_s),
            life.response,
            before_s + cutting_s,
            self._n_cuts[tool],
            life.until >= 1.0,
        )

    def _life(self, tool: str) -> ToolLife | None:
        lives = self._lives.get(tool)
        return lives[(self._number.get(tool, 1) - 1) % len(lives)] if lives else None
