"""The search: who draws which trial, what is given up early, and what each choice is made from.

There is one choice for every fold, made on the recordings outside it, and one on all recordings, whose configuration is
handed over. What a fold says of *its* choice is out of sample only if nothing that led to it saw the fold. So

- most trials are drawn evenly over the space (Halton) without looking at any cost. They serve every choice;
- every `_GUIDED_EVERY`-th is drawn by a sampler that looks at costs, and each choice has a sampler of its own, which
  sees the costs of its own recordings and nothing else.

Every choice thus weighs equally many trials that came about in the same way, and a fold's figure is that of the very
procedure that made the configuration handed over, on fewer recordings.

A handful of recordings is easily won by luck, and the best of a hundred trials is the luckiest. So trials are ranked by
their cost plus one standard error of its difference from the base's over the runs (in the spirit of the one-standard-
error rule, Breiman et al., Classification and regression trees, 1984): the base, whose difference is nothing, is left
only for an advantage that most runs share.

A trial is given up as soon as it costs more, on part of a choice's recordings, than the best so far ranks on all of
them: costs are never negative, so it could not have been chosen. Nothing is lost by that but points of the Pareto
front.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import stdev

from scipy.stats import qmc

from engine.config import Config, CostConfig
from engine.errors import ConfigError, UsageError
from replay.evaluate import EventScores
from replay.tune.cost import cost
from replay.tune.draws import Paid, Sampler, to_params
from replay.tune.evaluate import Evaluator, Task
from replay.tune.folds import Folds
from replay.tune.space import Space
from replay.tune.study import ALL, StudyFile, Trial, without

_N_ROUND = 4
"""Slots that are tried together: what is known before a round decides all of it, whatever the number of processes."""
_GUIDED_EVERY = 4
_N_UNGUIDED = 16
"""A sampler has nothing to go by before."""
_N_STAGES = 4
"""Between these it is seen which trials go on."""


@dataclass(slots=True)
class Choice:
    """What one study chooses from.

    Parameters
    ----------
    name : str
        Of the study.
    recordings : frozenset[int]
        What it may look at.
    sampler : Sampler
        Its own.
    """

    name: str
    recordings: frozenset[int]
    sampler: Sampler
    trials: list[Trial] = field(default_factory=list)
    best: Trial | None = None
    best_rank: float = math.inf


class Search:
    """A tuning in progress.

    Parameters
    ----------
    space : Space
        What is searched, around which base.
    folds : Folds
        Of the recordings.
    durations_s : sequence of float
        Of the recordings: what is over soonest is tried first.
    seed : int
        Decides every draw.
    memory : StudyFile
        What was tried before, and where to write what is tried now.
    evaluator : Evaluator
        Open.
    """

    def __init__(
        self,
        space: Space,
        folds: Folds,
        durations_s: Sequence[float],
        seed: int,
        memory: StudyFile,
        evaluator: Evaluator,
    ) -> None:
        self._space, self._folds, self._seed = space, folds, seed
        self._memory, self._evaluator = memory, evaluator
        self._done = memory.trials()
        self.base = self._known(ALL, 0) or Trial(ALL, 0, {})
        self._order = sorted(range(len(durations_s)), key=lambda i: (durations_s[i], i))
        parts = [(ALL, tuple(range(len(durations_s))))]
        parts += [(without(f), folds.others(f)) for f in range(len(folds.parts))]
        self.choices = {
            name: Choice(name, frozenset(own), Sampler(space.axes, seed + 100_003 * number))
            for number, (name, own) in enumerate(parts)
        }
        self.n_resumed = len(self._done)

    @property
    def _weights(self) -> CostConfig:
        return self._space.base.tune.cost

    def run(self, n_trials: int, on_slots: Callable[[int], None] = lambda _: None) -> None:
        """Try until every choice has so many trials, the base being the first.

        Parameters
        ----------
        n_trials : int
            1 upwards. A study that has more keeps them, and uses those only that a shorter search would have had.
        on_slots : callable
            Told how many slots are done.

        Raises
        ------
        UsageError
            The base does not fit a recording, or half of what is drawn is no configuration.
        """
        self._round([0])
        if self.base.wrong:
            raise UsageError(f"the base configuration does not fit: {self.base.wrong}")
        on_slots(1)
        for first in range(1, n_trials, _N_ROUND):
            slots = range(first, min(first + _N_ROUND, n_trials))
            self._round(slots)
            self._see_that_some_fit()
            on_slots(slots[-1] + 1)

    def paid(self, trial: Trial, recordings: Iterable[int]) -> Paid:
        """What a trial cost on those of these recordings that it was tried on."""
        wanted = sorted(recordings)
        known = {i: cost(trial.scores[i], self._weights) for i in wanted if i in trial.scores}
        total, complete = math.fsum(known.values()), bool(known) and len(known) == len(wanted)
        return Paid(total, total + self._chance(known) if complete else math.nan, len(known), complete)

    def _chance(self, costs: Mapping[int, float]) -> float:
        """Standard error of what costs differ from the base's, over runs; of one run, all of the difference."""
        differences: dict[int, float] = {}
        for i, own in costs.items():
            group = self._folds.groups[i]
            differences[group] = differences.get(group, 0.0) + own - cost(self.base.scores[i], self._weights)
        each = list(differences.values())
        return math.sqrt(len(each)) * stdev(each) if len(each) > 1 else abs(each[0])

    def config(self, trial: Trial) -> Config:
        """Configuration of a trial that is one."""
        return self._space.config(trial.values)

    def on_fold(self, fold: int) -> dict[int, EventScores]:
        """What the choice made without a fold is worth on it, by recording."""
        best = self.choices[without(fold)].best
        assert best is not None  # the base is in every choice
        own = self._folds.parts[fold]
        self._try([(best, i) for i in own if i not in best.scores])
        return {i: best.scores[i] for i in own}

    def _round(self, slots: Sequence[int]) -> None:
        """Draw, try and write down the trials of some slots; those that are known already are only told."""
        trials = [trial for slot in slots for trial in self._drawn(slot)]
        new = [trial for trial in trials if (trial.study, trial.slot) not in self._done]
        self._try_in_stages(new)
        for trial in trials:
            if trial in new:
                own = self.choices[trial.study].recordings
                self._memory.add(
                    trial,
                    to_params(self._at(trial), self._space.axes),
                    self._space.axes,
                    self.paid(trial, own),
                )
            for choice in self._served(trial):
                self._tell(choice, trial)

    def _tell(self, choice: Choice, trial: Trial) -> None:
        paid = self.paid(trial, choice.recordings)
        params = to_params(self._at(trial), self._space.axes)
        if params:
            choice.sampler.tell(params, paid)
        choice.trials.append(trial)
        if paid.complete and not trial.wrong and paid.rank < choice.best_rank:
            choice.best, choice.best_rank = trial, paid.rank

    def _at(self, trial: Trial) -> dict[str, object] | None:
        return self._here if trial.slot == 0 else trial.values

    @cached_property
    def _here(self) -> dict[str, object] | None:
        return self._space.here()

    def _drawn(self, slot: int) -> list[Trial]:
        """The trials of a slot: one for every choice, or one for each."""
        if slot == 0:
            return [self.base]
        if slot >= _N_UNGUIDED and slot % _GUIDED_EVERY == 0:
            return [
                self._known(name, slot) or Trial(name, slot, choice.sampler.draw(slot))
                for name, choice in self.choices.items()
            ]
        return [self._known(ALL, slot) or Trial(ALL, slot, self._even(slot))]

    def _known(self, study: str, slot: int) -> Trial | None:
        return self._done.get((study, slot))

    def _even(self, slot: int) -> dict[str, object]:
        """A point of the Halton sequence."""
        halton = qmc.Halton(len(self._space.axes), scramble=True, seed=self._seed)
        halton.fast_forward(slot)
        (shares,) = halton.random(1)
        return {axis.key: axis.at(float(share)) for axis, share in zip(self._space.axes, shares, strict=True)}

    def _served(self, trial: Trial) -> list[Choice]:
        """Choices that may take a trial."""
        guided = trial.slot >= _N_UNGUIDED and trial.slot % _GUIDED_EVERY == 0
        return [self.choices[trial.study]] if guided else list(self.choices.values())

    def _try_in_stages(self, trials: Sequence[Trial]) -> None:
        """Try trials on more and more recordings, as long as some choice could still take them."""
        n_each = -(-len(self._order) // _N_STAGES)
        for first in range(0, len(self._order), n_each):
            stage = self._order[first : first + n_each]
            wanted = []
            for trial in trials:
                alive = [choice for choice in self._served(trial) if self._may_win(trial, choice)]
                needed = [i for i in stage if any(i in choice.recordings for choice in alive)]
                wanted += [(trial, i) for i in needed]
            self._try(wanted)

    def _may_win(self, trial: Trial, choice: Choice) -> bool:
        return not trial.wrong and self.paid(trial, choice.recordings).cost <= choice.best_rank

    def _try(self, wanted: list[tuple[Trial, int]]) -> None:
        """Try trials on recordings, the longest first, so that no process is left with it at the end."""
        rank = {i: rank for rank, i in enumerate(self._order)}
        tasks, pairs = [], []
        for trial, i in sorted(wanted, key=lambda pair: -rank[pair[1]]):
            try:
                tasks.append(Task(self._space.config(trial.values), i))
                pairs.append((trial, i))
            except ConfigError as error:
                trial.wrong = str(error)
        for (trial, i), scores in zip(pairs, self._evaluator.scores(tasks), strict=True):
            if isinstance(scores, str):
                trial.wrong = scores
            else:
                trial.scores[i] = scores

    def _see_that_some_fit(self) -> None:
        drawn = [trial for trial in self.choices[ALL].trials if trial.slot]
        wrong = [trial for trial in drawn if trial.wrong]
        if len(drawn) >= _N_UNGUIDED and 2 * len(wrong) > len(drawn):
            raise UsageError(
                f"[tune.space]: {len(wrong)} of {len(drawn)} draws are no configuration; the last: {wrong[-1].wrong}"
            )
