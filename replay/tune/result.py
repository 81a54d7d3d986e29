"""What a tuning found, and whether it is better than what was there before."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from engine.config import Config, CostConfig
from replay.evaluate import EventScores
from replay.tune.cost import cost
from replay.tune.folds import Folds
from replay.tune.study import Trial

_N_RESAMPLED = 9999
_FEW_RUNS = 8
_S_PER_DAY = 86_400.0


class Difference(NamedTuple):
    """Cost out of sample minus the base's, over all recordings; below 0 is better.

    Parameters
    ----------
    cost : float
        In the shop's unit.
    low, high : float
        95 % interval over other runs like these (bootstrap, percentiles). Few runs make it too narrow; and folds
        choose from mostly the same recordings, which it does not know.
    n_runs : int
        Groups of recordings that were drawn.
    """

    cost: float
    low: float
    high: float
    n_runs: int

    @property
    def beats(self) -> bool:
        """Whether less was paid, and not by chance alone."""
        return self.high < 0.0


def bootstrap(differences: Sequence[float], groups: Sequence[int], seed: int) -> Difference:
    """Draw runs anew to see how much the sum of differences depends on them.

    Parameters
    ----------
    differences : sequence of float
        By recording.
    groups : sequence of int
        Of each recording, which run it is from: runs are drawn, not recordings.
    seed : int
        Of the draws.

    Returns
    -------
    Difference
        The same for the same numbers.

    References
    ----------
    Efron and Tibshirani: An introduction to the bootstrap, 1993, chapter 13.
    """
    by_run: dict[int, float] = {}
    for difference, group in zip(differences, groups, strict=True):
        by_run[group] = by_run.get(group, 0.0) + difference
    runs = np.array(list(by_run.values()))
    drawn = np.random.default_rng(seed).choice(runs, (_N_RESAMPLED, runs.size)).sum(axis=1)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Difference(math.fsum(differences), float(low), float(high), runs.size)


@dataclass(frozen=True, slots=True)
class TuneResult:
    """A tuning's outcome.

    Parameters
    ----------
    recordings : tuple[Path, ...]
        As numbered everywhere else.
    duration_s : float
        Stream time of all of them.
    folds : Folds
        How they were cut.
    base, tuned : Config
        Before and after.
    base_scores, out_of_sample, in_sample : dict[int, EventScores]
        By recording: of the base; of each fold's own choice, which never saw it; of the configuration handed over,
        which was chosen on these very recordings and looks better than it is.
    chosen : Trial
        The one handed over.
    trials : tuple[Trial, ...]
        All, also those drawn for a fold's choice.
    front : tuple[Trial, ...]
        Those of which no other has fewer misses, less delay and fewer false alerts; tried on all recordings.
    changed : dict[str, tuple[Any, Any]]
        Key of the space → value before (None: several or none) and after, where they differ.
    difference : Difference
        Out of sample, to the base.
    n_trials, seed : int
        As asked for.
    """

    recordings: tuple[Path, ...]
    duration_s: float
    folds: Folds
    base: Config
    tuned: Config
    base_scores: Mapping[int, EventScores]
    out_of_sample: Mapping[int, EventScores]
    in_sample: Mapping[int, EventScores]
    chosen: Trial
    trials: tuple[Trial, ...]
    front: tuple[Trial, ...]
    changed: Mapping[str, tuple[Any, Any]]
    difference: Difference
    n_trials: int
    seed: int

    @property
    def weights(self) -> CostConfig:
        """What a fault or an alert costs."""
        return self.base.tune.cost

    def total(self, scores: Mapping[int, EventScores]) -> float:
        """Cost over recordings."""
        return math.fsum(cost(one, self.weights) for one in scores.values())

    @property
    def says(self) -> str:
        """The verdict in a sentence or two."""
        unit, d = self.weights.unit, self.difference
        paid, before = self.total(self.out_of_sample), self.total(self.base_scores)
        span = f"difference {d.cost:+.0f}, 95 % interval {d.low:+.0f} to {d.high:+.0f} over {d.n_runs} runs"
        if d.beats:
            verdict = "The tuned configuration beats the base"
        elif d.low > 0.0:
            verdict = "Tuning makes it worse than the base"
        else:
            verdict = "The tuned configuration does not beat the base beyond chance"
        few = " So few runs say little." if d.n_runs < _FEW_RUNS else ""
        kept = "" if self.changed else " No trial was better beyond chance, so tuned.toml is the base."
        return f"{verdict}: {paid:.0f} {unit} out of sample, the base {before:.0f} ({span}).{few}{kept}"

    def as_dict(self) -> dict[str, Any]:
        """Return what ``tune.json`` holds: plain values, None where nothing can be said."""
        fold_of = {i: fold for fold, part in enumerate(self.folds.parts) for i in part}
        return {
            "says": self.says,
            "beats": self.difference.beats,
            "unit": self.weights.unit,
            "difference": self.difference._asdict(),
            "base": self._figures(self.base_scores),
            "out_of_sample": self._figures(self.out_of_sample),
            "in_sample": self._figures(self.in_sample),
            "changed": {key: {"base": old, "tuned": new} for key, (old, new) in self.changed.items()},
            "base_config_hash": self.base.hash,
            "tuned_config_hash": self.tuned.hash,
            "trial": self.chosen.slot,
            "n_trials": self.n_trials,
            "n_folds": len(self.folds.parts),
            "seed": self.seed,
            "recordings": [
                {
                    "recording": path.name,
                    "path": str(path),
                    "run": self.folds.groups[i],
                    "fold": fold_of[i] + 1,
                    "base": self._told(self.base_scores[i]),
                    "out_of_sample": self._told(self.out_of_sample[i]),
                }
                for i, path in enumerate(self.recordings)
            ],
        }

    def _told(self, scores: EventScores) -> dict[str, Any]:
        return {
            "cost": cost(scores, self.weights),
            "n_faults": scores.n_faults,
            "n_missed": scores.n_faults - scores.n_found,
            "n_early": scores.n_early,
            "delays_s": list(scores.delays_s),
            "n_false": scores.n_false,
            "false_alert_h": scores.false_s / 3600.0,
        }

    def _figures(self, scores: Mapping[int, EventScores]) -> dict[str, Any]:
        total = self.total(scores)
        delays = sorted(delay_s for one in scores.values() for delay_s in one.delays_s)
        return {
            "cost": total,
            "cost_per_machine_day": total / (self.duration_s / _S_PER_DAY),
            "n_faults": sum(one.n_faults for one in scores.values()),
            "n_missed": sum(one.n_faults - one.n_found for one in scores.values()),
            "delay_median_s": float(np.median(delays)) if delays else None,
            "n_false": sum(one.n_false for one in scores.values()),
            "false_alert_h": math.fsum(one.false_s for one in scores.values()) / 3600.0,
        }


def pareto_front(trials: Sequence[Trial], n_recordings: int) -> tuple[Trial, ...]:
    """Trials that nothing beats in misses, delay and false alerts at once.

    Parameters
    ----------
    trials : sequence of Trial
        Those given up early are left out: it is not known what they would have missed.
    n_recordings : int
        All there are.

    Returns
    -------
    tuple of Trial
        In order of misses, then false alerts, then delay; of equals, the first.
    """
    complete = [trial for trial in trials if not trial.wrong and len(trial.scores) == n_recordings]
    points = {trial: aims(trial) for trial in complete}
    front: list[Trial] = []
    for trial in sorted(complete, key=lambda trial: (points[trial], trial.slot)):
        # Sorted so, whatever beats it comes before it.
        if not any(all(a <= b for a, b in zip(points[one], points[trial], strict=True)) for one in front):
            front.append(trial)
    return tuple(front)


def aims(trial: Trial) -> tuple[int, int, float]:
    """Faults missed, false alerts, and hours of delay of the faults found, over what a trial was tried on."""
    scores = trial.scores.values()
    return (
        sum(one.n_faults - one.n_found for one in scores),
        sum(one.n_false for one in scores),
        math.fsum(delay_s for one in scores for delay_s in one.delays_s) / 3600.0,
    )
