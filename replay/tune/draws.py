"""Optuna's part in a tuning: how a trial is told to it, and the sampler that draws the next one from those told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from engine.errors import SpindlewatchError
from replay.tune.space import Axis


def import_optuna() -> Any:
    """Import Optuna, quiet.

    Raises
    ------
    SpindlewatchError
        If it is not installed; says how to.
    """
    try:
        import optuna
        import tomlkit  # noqa: F401 - wanted at the end: better told before the search
    except ImportError as error:
        raise SpindlewatchError(
            f"tune needs what the extra brings ({error.name} is missing): pip install 'spindlewatch[tune]'"
        ) from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


@dataclass(frozen=True, slots=True)
class Paid:
    """What a trial cost on the recordings of one study.

    Parameters
    ----------
    cost : float
        So far.
    rank : float
        What trials are chosen by, less is better: cost and chance, see `replay.tune.search`. NaN unless complete.
    n_recordings : int
        On so many.
    complete : bool
        Whether these are all.
    """

    cost: float
    rank: float
    n_recordings: int
    complete: bool


def frozen_trial(
    optuna: Any, params: Mapping[str, Any], axes: Sequence[Axis], paid: Paid, attrs: Mapping[str, Any]
) -> Any:
    """Make Optuna's trial: complete, pruned where it was given up, failed where it is no configuration."""
    distributions = {axis.key: distribution(optuna, axis) for axis in axes if axis.key in params}
    states = optuna.trial.TrialState
    state = states.COMPLETE if paid.complete else states.PRUNED if paid.n_recordings else states.FAIL
    return optuna.trial.create_trial(
        state=state,
        value=paid.rank if paid.complete else None,
        params=dict(params),
        distributions=distributions,
        user_attrs=dict(attrs),
        intermediate_values={paid.n_recordings: paid.cost} if paid.n_recordings else {},
    )


def distribution(optuna: Any, axis: Axis) -> Any:
    """Optuna's word for an axis. Choices are told as JSON, for it takes no lists."""
    if axis.choices:
        return optuna.distributions.CategoricalDistribution([_told(choice) for choice in axis.choices])
    if axis.whole:
        return optuna.distributions.IntDistribution(int(axis.low), int(axis.high), log=axis.log)
    return optuna.distributions.FloatDistribution(axis.low, axis.high, log=axis.log)


def to_params(values: Mapping[str, Any] | None, axes: Sequence[Axis]) -> dict[str, Any]:
    """Values as Optuna has them; none for a point that is not in the space."""
    if not values:
        return {}
    return {a.key: _told(values[a.key]) if a.choices else values[a.key] for a in axes}


class Sampler:
    """Draws trials of one study from the costs of those before: the tree-structured Parzen estimator, multivariate.

    Its random numbers follow from seed, study and slot alone, so a study that was interrupted goes on as if it had
    not been.

    Parameters
    ----------
    axes : sequence of Axis
        The space.
    seed : int
        Of this study.

    References
    ----------
    Bergstra, Bardenet, Bengio, Kégl: Algorithms for hyper-parameter optimization, NIPS 2011; Watanabe:
    Tree-structured Parzen estimator, arXiv 2304.11127, 2023.
    """

    def __init__(self, axes: Sequence[Axis], seed: int) -> None:
        self._optuna = import_optuna()
        self._axes, self._seed = axes, seed
        self._told: list[Any] = []

    def tell(self, params: Mapping[str, Any], paid: Paid) -> None:
        """Let the next draws know of a trial."""
        self._told.append(frozen_trial(self._optuna, params, self._axes, paid, {}))

    def draw(self, slot: int) -> dict[str, Any]:
        """Draw a point of the space for a slot."""
        sampler = self._optuna.samplers.TPESampler(
            seed=self._seed + slot, n_startup_trials=0, multivariate=True
        )
        # A fresh study each time: what was drawn before but never told would change the draw after a restart.
        study = self._optuna.create_study(sampler=sampler)
        study.add_trials(self._told)
        wanted = {axis.key: distribution(self._optuna, axis) for axis in self._axes}
        params = study.ask(wanted).params
        values: dict[str, Any] = {}
        for axis in self._axes:
            if axis.choices:
                values[axis.key] = next(c for c in axis.choices if _told(c) == params[axis.key])
            else:
                values[axis.key] = axis.tidy(params[axis.key])
        return values


def _told(choice: Any) -> str:
    return msgspec.json.encode(choice).decode()
