"""River's own anomaly detectors, by name and unchanged."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from inspect import signature
from typing import Any, ClassVar

import msgspec
import numpy as np

from detectors.base import Detector, Floats, Parameters, State, check_rows, check_version, to_shares

LEAST = 1e-9
"""Smallest limit, on any scale."""
N_COMPARED = 32
"""Rows of the teach-in among which the least strange is looked for: some of river's models take milliseconds a row."""
N_TRIED = 8
"""Rows that a model is shown before its parameters are believed."""
_UNUSABLE = (TypeError, ValueError, AttributeError, ArithmeticError, LookupError)


class RiverParameters(Parameters, frozen=True):
    """What a river model is told.

    Parameters
    ----------
    arguments : dict
        By name, for the model's constructor.
    """

    arguments: Mapping[str, Any] = msgspec.field(default_factory=dict)


class RiverModel(Detector):
    """A river model that is taught row by row and then frozen.

    The raw score is river's, counted from the lowest among `N_COMPARED` rows of the teach-in: river's scales begin
    anywhere. They also end anywhere: what river bounds (half-space trees: 1) cannot exceed a limit of 1.5 times the
    strangest healthy row, so give such an entry ``margin = 1.0``, or take the detector of ours that is named like it.
    Many of river's models give every row the same score for hundreds of rows (``window_size``); after a teach-in
    shorter than that the detector cannot say anything, and does not get ready.

    Features are called 0, 1, 2 and so on. A NaN is left out, since one NaN blinds most of river's statistics for ever.
    Shares are by distance from the centre: river does not say which feature a score comes from. A model that
    takes a ``seed`` gets the detector's, unless told another.

    Slow: 15 µs (half-space trees) to 20 ms (local outlier factor) a row.

    River's models are pickled or not saved at all, and their pickles do not survive a minor version. A frozen model,
    though, is a function of its seed and its teach-in; so the state is the teach-in, and restoring teaches again.
    State: ``n_rows * n_features`` float64, 23 kB for 60 rows of 48 features.

    References
    ----------
    Montiel et al.: River: machine learning for streaming data in Python, Journal of Machine Learning Research 22
    (2021).
    """

    version = 2
    parameters_type = RiverParameters
    model_type: ClassVar[type]

    def __init__(self, parameters: RiverParameters, n_features: int, seed: int) -> None:
        super().__init__(parameters, n_features, seed)
        self._arguments = dict(parameters.arguments)
        if "seed" in signature(self.model_type).parameters:
            self._arguments.setdefault("seed", seed)
        self._rows = np.empty((0, n_features))
        self._model = self.model_type(**self._arguments)
        self._lowest, self._highest = 0.0, 0.0

    @property
    def ready(self) -> bool:
        """Whether the model has been taught and tells rows of the teach-in apart."""
        return self._highest > self._lowest

    def fit(self, rows: Floats, floor: Floats) -> None:  # noqa: ARG002, D102
        self._teach(check_rows(rows, self.n_features).copy())

    def score(self, values: Floats) -> float:  # noqa: D102
        if not self.ready or not np.isfinite(values).any():
            return math.nan
        return max(0.0, self._score(values) - self._lowest)

    def attribute(self, values: Floats) -> Floats:  # noqa: D102
        if not self.ready or not np.isfinite(values).any():
            return np.full(self.n_features, np.nan)
        return to_shares(np.where(np.isfinite(values), values, np.nan) ** 2)

    def chance_limit(self) -> float:
        """Return the least that can be divided by: river's scales say nothing about chance."""
        return LEAST

    def save(self) -> State:  # noqa: D102
        return {"version": self.version, "rows": self._rows.copy()}

    def restore(self, state: Mapping[str, Any]) -> None:  # noqa: D102
        check_version(state, self.version, self.name)
        rows = np.array(state["rows"], dtype=np.float64)
        if rows.ndim != 2 or rows.shape[1] != self.n_features:
            raise ValueError(f"{self.name}: got a state of shape {rows.shape}, wanted (n, {self.n_features})")
        self._teach(rows)

    def _teach(self, rows: Floats) -> None:
        self._rows = rows
        self._model = self.model_type(**self._arguments)
        for row in rows.tolist():  # Python floats: river is a quarter slower on NumPy's
            self._model.learn_one(dict(enumerate(row)))
        compared = rows[:: max(1, rows.shape[0] // N_COMPARED)]
        scores = [self._score(row) for row in compared]
        self._lowest, self._highest = min(scores, default=0.0), max(scores, default=0.0)

    def _score(self, values: Floats) -> float:
        known = {index: value for index, value in enumerate(values.tolist()) if math.isfinite(value)}
        return float(self._model.score_one(known))


@cache
def river_detector(name: str) -> type[RiverModel]:
    """Find a river model and make a detector of it.

    Parameters
    ----------
    name : str
        Dotted path, such as ``river.anomaly.LODA``.

    Returns
    -------
    type[RiverModel]
        Its class.

    Raises
    ------
    ValueError
        If there is no such class, or it is not an `AnomalyDetector` of river's: filters wrap another model, and
        supervised ones want a target.
    """
    module, _, attribute = name.rpartition(".")
    try:
        model = getattr(import_module(module), attribute)
    except (ImportError, AttributeError):
        raise ValueError(f"Expected a class of river, got {name!r}, which river does not have") from None
    wanted = import_module("river.base").AnomalyDetector
    if not isinstance(model, type) or not issubclass(model, wanted) or model is wanted:
        raise ValueError(f"Expected an anomaly detector of river without target or wrapping, got {name!r}")
    return type("RiverModel", (RiverModel,), {"name": name, "model_type": model})


def check_arguments(model: type, arguments: Mapping[str, Any]) -> None:
    """Refuse what a river model cannot be made with, by making one and showing it rows: river checks no types.

    Raises
    ------
    ValueError
        If that fails, with river's own words.
    """
    unknown = sorted(set(arguments) - set(signature(model).parameters))
    if unknown:
        raise ValueError(f"{model.__name__} has no parameter `{unknown[0]}`")
    try:
        tried = model(**arguments)
        for value in range(N_TRIED):
            row = {0: float(value), 1: -float(value)}
            tried.learn_one(row)
            tried.score_one(row)
    except _UNUSABLE as error:
        raise ValueError(f"{model.__name__} cannot be made of {dict(arguments)}: {error}") from error
