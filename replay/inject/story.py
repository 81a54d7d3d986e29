"""What the machine did, as functions of time: the recording's contexts, asked sample by sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.clock import NS_PER_S
from engine.records import Context

# Two speeds are the same operating point if they differ by no more than this share.
SAME_SPEED = 0.1


@dataclass(frozen=True, slots=True)
class Cut:
    """A stretch in which the contexts say that the tool cuts.

    Parameters
    ----------
    start_s, end_s : float
        Seconds from the recording's start.
    tool : str or None
        In the spindle.
    """

    start_s: float
    end_s: float
    tool: str | None


class Story:
    """Contexts of one recording in order of time; each holds until the next.

    Parameters
    ----------
    contexts : sequence of Context
        Any order; may be empty: then nothing is known.
    start_ns : int
        Second 0.
    end_s : float
        When the recording is over.
    """

    def __init__(self, contexts: Sequence[Context], start_ns: int, end_s: float) -> None:
        self.end_s = end_s
        self._contexts = sorted(contexts, key=lambda context: context.t_ns)
        self._t_s = np.array([(context.t_ns - start_ns) / NS_PER_S for context in self._contexts])
        rpm = [0.0 if context.rpm is None else float(context.rpm) for context in self._contexts]
        self._rev_hz = np.array(rpm) / 60.0
        self._cutting = np.array([context.cutting is not False for context in self._contexts], np.bool_)
        turned = np.diff(self._t_s) * self._rev_hz[:-1] if rpm else np.zeros(0)
        self._turned = np.concatenate(([0.0], np.cumsum(turned)))[: len(rpm)]

    def at(self, t_s: float) -> Context | None:
        """Context that holds at a time; None before the first."""
        index = int(np.searchsorted(self._t_s, t_s, side="right")) - 1
        return self._contexts[index] if index >= 0 else None

    @property
    def knows_cuts(self) -> bool:
        """Whether some context says that the tool cuts."""
        return any(context.cutting for context in self._contexts)

    @property
    def knows_idle(self) -> bool:
        """Whether some context says that the tool does not cut."""
        return any(context.cutting is False for context in self._contexts)

    def cutting(self, t_s: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether the tool may be cutting, time by time: True also where nothing is known."""
        return self._looked_up(self._cutting, t_s, True)

    def rev_hz(self, t_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Revolutions per second; 0 where the speed is unknown."""
        return self._looked_up(self._rev_hz, t_s, 0.0)

    def revolution(self, t_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Angle of the spindle in revolutions; it stands still where the speed is unknown."""
        if not self._contexts:
            return np.zeros_like(t_s)
        index = np.maximum(np.searchsorted(self._t_s, t_s, side="right") - 1, 0)
        turned: NDArray[np.float64] = self._turned[index] + self._rev_hz[index] * np.maximum(
            t_s - self._t_s[index], 0.0
        )
        return turned

    def when(self, revolution: NDArray[np.float64]) -> NDArray[np.float64]:
        """Time at which the spindle has turned so far: the inverse of `revolution`; NaN if it never does."""
        if not self._contexts:
            return np.full_like(revolution, np.nan)
        index = np.maximum(np.searchsorted(self._turned, revolution, side="right") - 1, 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            after_s = (revolution - self._turned[index]) / self._rev_hz[index]
        return np.where(np.isfinite(after_s), self._t_s[index] + after_s, np.nan)

    def cuts(self) -> list[Cut]:
        """Stretches that are said to be cutting, joined over contexts that change neither that nor the tool."""
        found: list[Cut] = []
        ends = [*self._t_s[1:].tolist(), self.end_s]
        for context, start_s, end_s in zip(self._contexts, self._t_s.tolist(), ends, strict=True):
            if not context.cutting:
                continue
            if found and found[-1].end_s == start_s and found[-1].tool == context.tool:
                found[-1] = Cut(found[-1].start_s, end_s, context.tool)
            else:
                found.append(Cut(start_s, end_s, context.tool))
        return found

    def idle_spans(self, rpm: float | None) -> list[tuple[float, float]]:
        """Stretches that are said not to cut, at about this speed; any speed if it is unknown."""
        spans: list[tuple[float, float]] = []
        ends = [*self._t_s[1:].tolist(), self.end_s]
        for context, start_s, end_s in zip(self._contexts, self._t_s.tolist(), ends, strict=True):
            same = not rpm or context.rpm is None or abs(context.rpm - rpm) <= SAME_SPEED * rpm
            if context.cutting is False and same and end_s > start_s:
                if spans and spans[-1][1] == start_s:
                    spans[-1] = (spans[-1][0], end_s)
                else:
                    spans.append((start_s, end_s))
        return spans

    def tool_leaves_s(self, t_s: float) -> float:
        """When the tool that is in the spindle at a time is exchanged for another, or is not known any more."""
        here = self.at(t_s)
        tool = here.tool if here is not None else None
        for context, start_s in zip(self._contexts, self._t_s.tolist(), strict=True):
            if start_s > t_s and context.tool != tool:
                return float(start_s)
        return self.end_s

    def _looked_up(
        self, values: NDArray[np.generic], t_s: NDArray[np.float64], unknown: float | bool
    ) -> NDArray:  # type: ignore[type-arg]
        if not self._contexts:
            return np.full(t_s.shape, unknown, dtype=values.dtype if values.size else type(unknown))
        index = np.searchsorted(self._t_s, t_s, side="right") - 1
        return np.where(index >= 0, values[np.maximum(index, 0)], unknown)
