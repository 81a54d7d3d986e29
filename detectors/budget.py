"""How many false alerts a shop accepts, as a rate per feature vector."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Self

from engine.config import Config

S_PER_DAY = 86_400.0
N_QUIET_LEAST = 10
"""Vectors that part two clusters, at least. Slow groups score so rarely that the judge's quiet time holds no vector
at all, but overlapping windows and averages keep their neighbours alike all the same."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What one calibrated score may cost, and what the judge makes an alert of.

    Parameters
    ----------
    rate : float
        False alerts accepted per scored vector, 0 upwards. 0 = no budget: the teach-in's limit stays.
    n_confirm : int
        Consecutive exceedances that open an alert, 1 upwards.
    immediate : float
        Score that opens one alone; more than 1.
    n_quiet : int
        Vectors below the limit after which the next exceedance is another alert.
    may_sink : bool
        Whether limits may fall below what the teach-in and what is known beforehand ask for. Not where a regime is
        visited a few seconds at a time: a thousand vectors of ten cuts are ten cuts.
    """

    rate: float = 0.0
    n_confirm: int = 2
    immediate: float = 4.0
    n_quiet: int = 30
    may_sink: bool = True

    @classmethod
    def of_group(cls, config: Config, rate_hz: float, n_groups: int) -> Self:
        """Divide ``[learn] false_alerts_per_day`` among the sensor groups of a spindle.

        Each regime of a group gets the whole of its group's rate: a spindle is in one regime at a time. A day is 24 h
        of scored vectors; a spindle that cuts half of the time is alerted falsely half as often.

        Parameters
        ----------
        config : Config
            ``[learn]`` and ``[judge]``.
        rate_hz : float
            Vectors per second of the group.
        n_groups : int
            Of the spindle, 1 upwards.

        Returns
        -------
        Budget
            Of one group.
        """
        judge = config.judge
        return cls(
            rate=config.learn.false_alerts_per_day / (n_groups * S_PER_DAY * rate_hz),
            n_confirm=judge.on_delay_vectors,
            immediate=judge.immediate / judge.on,
            n_quiet=max(N_QUIET_LEAST, round(judge.off_delay_s * rate_hz)),
        )

    @lru_cache(maxsize=64)  # noqa: B019 - budgets are few and small, and spindles alike share theirs
    def share(self, n_members: int, n_agreeing: int) -> Budget:
        """Return what each of several detectors may cost if so many must agree.

        Their alerts add up at most: of ``n`` alerts of members, ``n / n_agreeing`` can be alerts of the ensemble. So
        the whole stays within the budget, and below it as far as members raise the same false alerts.

        Examples
        --------
        >>> Budget(rate=0.5).share(2, 1).rate, Budget(rate=0.5).share(2, 2).rate
        (0.25, 0.5)
        """
        return replace(self, rate=self.rate * (n_agreeing / n_members))
