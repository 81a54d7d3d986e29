"""Continuity and quality of a scalar group: every sample is a hop of its own, with its own time.

Scalar sensors are polled, so their steps vary; only a pause longer than ``max_gap_s`` is a gap.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.clock import NS_PER_S
from engine.config import CheckConfig
from engine.declared import SensorGroup
from engine.records import Block, SensorOutcome, Trouble, samples_to_ns
from operators import trouble_words
from operators.group_check import Hop, Recurrence, Reporter, check_shape

# So many samples in a row before the last one: the clock was set back, and they are not late.
_LATE_PATIENCE = 5
# Repeated and late values are judged over so many.
_OLD_PERIOD = 20
# One lost value is normal on a fieldbus; so many in a row are told.
_NAN_RUN = 5


@dataclass(slots=True)
class ScalarState:
    """What is remembered of one group."""

    last: NDArray[np.float32]
    run: NDArray[np.int64]
    nan_run: NDArray[np.int64]
    varied: NDArray[np.bool_]
    old: Recurrence
    last_ns: int | None = None
    n_late: int = 0
    silent: bool = False
    learn_after_ns: int = 0


class ScalarCheck:
    """Checks one scalar group. State: one sample and a few counters per channel.

    Parameters
    ----------
    spindle : str
        For the outcomes.
    group : SensorGroup
        Of kind ``scalar``.
    config : CheckConfig
        Limits.
    """

    waited_for_ns = None  # slow groups never hold the fast ones up

    def __init__(self, spindle: str, group: SensorGroup, config: CheckConfig) -> None:
        n = len(group.channels)
        self._group, self._config = group, config
        self._report = Reporter(spindle, group, config)
        gap_s = group.max_gap_s or 3.0 / group.sample_rate_hz
        self._max_gap_ns = int(gap_s * NS_PER_S)
        self._silent_ns = int(max(gap_s, config.silent_s) * NS_PER_S)
        self._s = ScalarState(
            np.full(n, np.nan, np.float32),
            np.zeros(n, np.int64),
            np.zeros(n, np.int64),
            np.zeros(n, np.bool_),
            Recurrence(max(NS_PER_S, samples_to_ns(_OLD_PERIOD, group.sample_rate_hz))),
        )

    def accept(self, block: Block) -> list[Hop | SensorOutcome]:
        """Check one block, sample by sample.

        Parameters
        ----------
        block : Block
            Of this group; sample ``i`` was taken at ``t_ns + i / sample_rate_hz``.

        Returns
        -------
        list of Hop and SensorOutcome
            In time order; a hop of a scalar group ends at its sample's time.
        """
        wrong = check_shape(self._report, block)
        if wrong:
            return [wrong]
        out: list[Hop | SensorOutcome] = []
        for i in range(block.samples.shape[1]):
            t_ns = block.t_ns + samples_to_ns(i, block.sample_rate_hz)
            self._accept_sample(block, i, t_ns, out)
        return out

    def silence(self, began_ns: int, quiet_ns: int) -> SensorOutcome | None:
        """Report silence once, when no sample has come for longer than the longest normal pause.

        Parameters
        ----------
        began_ns : int
            When the source began to tick; a group that never delivered has been silent since then.
        quiet_ns : int
            Time since the last block, by the source's ticks: the group's own clock may be wrong.

        Returns
        -------
        SensorOutcome or None
            None while all is well or the silence is known already.
        """
        if self._s.silent or quiet_ns <= self._silent_ns:
            return None
        return self._silent_since(began_ns if self._s.last_ns is None else self._s.last_ns)

    def save(self) -> Any:
        """State for recovery."""
        self._s.learn_after_ns = self._report.learn_after_ns
        return self._s

    def restore(self, state: Any) -> None:
        """Continue from `save`."""
        self._s = state
        self._report.learn_after_ns = self._s.learn_after_ns

    def _accept_sample(self, block: Block, i: int, t_ns: int, out: list[Hop | SensorOutcome]) -> None:
        s = self._s
        step_ns = None if s.last_ns is None else t_ns - s.last_ns
        contiguous = step_ns is not None
        if step_ns is not None and step_ns <= 0:
            s.n_late += 1
            came_back = s.n_late >= _LATE_PATIENCE
            out.append(self._old(block, t_ns, step_ns, came_back))
            if not came_back:
                return
            contiguous = False
        elif step_ns is not None and step_ns > self._max_gap_ns:
            contiguous = False
            out.extend(self._gap(block, t_ns, step_ns))
        s.last_ns, s.n_late, s.silent = t_ns, 0, False
        values = np.array(block.samples[:, i : i + 1], np.float32)
        out.extend(self._judge_quality(values, t_ns, block.received_ns))
        values.flags.writeable = False
        usable = not bool(np.isnan(values).all())
        learnable = t_ns >= self._report.learn_after_ns and usable
        rate = self._group.sample_rate_hz
        out.append(
            Hop(
                self._group.name,
                t_ns,
                t_ns,
                values,
                None,
                rate,
                contiguous,
                usable,
                learnable,
                block.received_ns,
            )
        )

    def _old(self, block: Block, t_ns: int, step_ns: int, came_back: bool) -> SensorOutcome:
        seconds = -step_ns / NS_PER_S
        kind, detail = (
            Trouble.OVERLAP if step_ns == 0 else Trouble.LATE,
            trouble_words.known_already(1, 1, seconds),
        )
        if came_back:
            kind, detail = Trouble.CLOCK_JUMP, trouble_words.set_back(seconds)
        s = self._s
        recurs = s.old.add(s.last_ns or t_ns, 1, self._group.sample_rate_hz)
        return self._report.trouble(
            kind,
            t_ns,
            t_ns,
            n_samples=1,
            detail=detail,
            alerting=came_back or recurs,
            received_ns=block.received_ns,
        )

    def _silent_since(self, since_ns: int) -> SensorOutcome:
        """Report silence as of when it became one: neither ticks nor blocks decide the outcome, only samples."""
        self._s.silent = True
        return self._report.trouble(
            Trouble.SILENT,
            since_ns + self._silent_ns,
            since_ns,
            n_samples=-1,
            detail=trouble_words.no_value(self._silent_ns / NS_PER_S, 1 / self._group.sample_rate_hz),
            alerting=True,
        )

    def _gap(self, block: Block, t_ns: int, step_ns: int) -> list[SensorOutcome]:
        s, seconds = self._s, step_ns / NS_PER_S
        assert s.last_ns is not None
        jumped = seconds > max(self._config.max_clock_jump_s, 10 * self._max_gap_ns / NS_PER_S)
        found = []
        if step_ns > self._silent_ns and not s.silent and not jumped:
            found.append(self._silent_since(s.last_ns))
        found.append(
            self._report.trouble(
                Trouble.CLOCK_JUMP if jumped else Trouble.GAP,
                t_ns,
                s.last_ns,
                n_samples=-1 if jumped else round(seconds * self._group.sample_rate_hz) - 1,
                detail=trouble_words.no_value(round(seconds, 1), 1 / self._group.sample_rate_hz),
                alerting=not s.silent,
                received_ns=block.received_ns,
            )
        )
        return found

    def _judge_quality(
        self, values: NDArray[np.float32], t_ns: int, received_ns: int | None
    ) -> list[SensorOutcome]:
        """Report NaN runs and flat lines; a channel that has gone flat becomes NaN."""
        s, column = self._s, values[:, 0]
        bad = ~np.isfinite(column)
        same = column == s.last
        s.varied |= ~same & ~bad & np.isfinite(s.last)
        s.run = np.where(same, s.run + 1, 1)
        s.nan_run = np.where(bad, s.nan_run + 1, 0)
        s.last = column.copy()
        n_flat = self._config.flat_line_samples
        flat = (s.run >= n_flat) & s.varied if n_flat else np.zeros_like(bad)
        found = []
        for index in np.flatnonzero(bad | flat):
            name = self._group.channels[index].name
            run = int(s.nan_run[index] if bad[index] else s.run[index])
            say = trouble_words.not_finite_run if bad[index] else trouble_words.flat_run
            found.append(
                self._report.trouble(
                    Trouble.NAN if bad[index] else Trouble.FLAT,
                    t_ns,
                    t_ns,
                    n_samples=1,
                    detail=say(name, run),
                    alerting=bool(flat[index]) or run >= _NAN_RUN,
                    channel=name,
                    received_ns=received_ns,
                )
            )
        column[bad | flat] = np.nan
        return found
