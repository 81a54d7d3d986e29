"""River's half-space trees, compiled: the same parameters, methods and scores."""

from __future__ import annotations

import struct
from collections.abc import Hashable, Iterable, Mapping
from operator import itemgetter
from typing import Any

import numpy as np
from river import base

from detectors.base import Floats, State
from detectors.half_space_forest import Counts, check_state, grow_forest, name_limits
from detectors.kernels.half_space_trees import score_learn, score_learn_many, walk_known

Row = Mapping[Any, Any]


class StreamingHalfSpaceTrees(base.AnomalyDetector):  # type: ignore[misc] # river ships no types
    """A drop-in for ``river.anomaly.HalfSpaceTrees`` of river 0.26 whose scores are equal to the last bit.

    Rows are dicts as in river (`score_one`, `learn_one`) or arrays (`score_learn`, `score_learn_many`), which take
    the features in the sorted order of their names; if the first row learned is an array, the names are 0, 1, 2, …

    Like river's it freezes the features at the first row learned, scores 0 until ``window_size`` rows are learned,
    forgets all but the last window, sends a NaN right at every threshold and a missing feature to the child that took
    more rows of this window. So use it under guard: a long fault becomes usual after two windows, and a NaN is scored
    as if it were a very high value. Weak where anomalies come in clusters as dense as what is usual.

    It differs where river cannot be repeated or answers with something else than an error: ``seed=None`` counts as 0,
    values are compared as float64, and parameters without meaning are refused.

    State: masses, ``n_trees * 2**height`` counts twice; the trees are grown again from the seed. Models of one seed
    share them.

    Parameters
    ----------
    n_trees : int
        More trees, steadier scores, in proportion more time.
    height : int
        Halvings from root to leaf.
    window_size : int
        Rows whose masses are the reference for the next ones.
    limits : mapping, optional
        Lower and upper end by feature name; (0, 1) for those not named. Behind a standardising scaler give (-4, 4).
    seed : int, optional
        Of the trees.

    References
    ----------
    Tan, Ting, Liu: Fast anomaly detection for streaming data, IJCAI 2011.

    Examples
    --------
    >>> trees = StreamingHalfSpaceTrees(n_trees=5, height=3, window_size=3, seed=42)
    >>> for x in (0.5, 0.45, 0.43, 0.44, 0.445, 0.45):
    ...     trees.learn_one({"x": x})
    >>> round(trees.score_one({"x": 0.45}), 3), round(trees.score_one({"x": 0.0}), 3)
    (0.071, 0.853)
    """

    version = 1

    def __init__(
        self,
        n_trees: int = 10,
        height: int = 8,
        window_size: int = 250,
        limits: Mapping[Any, tuple[float, float]] | None = None,
        seed: int | None = None,
    ) -> None:
        self.n_trees = n_trees
        self.height = height
        self.window_size = window_size
        self.limits = dict(limits or {})
        self.seed = seed
        self._model: _Model | None = None

    def learn_one(self, x: Row) -> None:
        """Learn a row; the first one fixes the features.

        Parameters
        ----------
        x : mapping
            Values by feature name; features that the first row did not have are passed over.

        Raises
        ------
        ValueError
            At the first row: parameters or limits without meaning, or no feature.
        TypeError
            If a value is not a number, or the names of the first row cannot be sorted.
        """
        model = self._model or self._begin(sorted(x))
        model.visit(x, True)

    def score_one(self, x: Row) -> float:
        """Score a row.

        Parameters
        ----------
        x : mapping
            As for `learn_one`.

        Returns
        -------
        float
            Between 0 (usual) and 1; 0 until a window is complete.
        """
        return self._model.visit(x, False) if self._model else 0.0

    def score_learn(self, values: Floats) -> float:
        """Score a row, then learn it, in one call.

        Parameters
        ----------
        values : float64[n_features]
            In the sorted order of the features' names; NaN goes right, it is not a missing feature. Anything but a
            contiguous array of float64 is copied into one first, which takes longer than the rest.

        Returns
        -------
        float
            Between 0 (usual) and 1; 0 until a window is complete.

        Raises
        ------
        ValueError
            If the row is of another length, and as for `learn_one`.
        """
        model = self._model
        if model is None or len(values) != model.n_features:
            model = self._model_for(len(values))
        try:
            return score_learn(values, model.forest, model.ledger)  # type: ignore[no-any-return] # a float, and a call less
        except TypeError:
            row = np.ascontiguousarray(values, dtype=np.float64).reshape(model.n_features)
            return float(score_learn(row, model.forest, model.ledger))

    def score_learn_many(self, rows: Floats) -> Floats:
        """`score_learn` row after row, several times as fast: trees take the rows of a window in turn.

        Parameters
        ----------
        rows : float64[n_rows, n_features]
            In stream order.

        Returns
        -------
        float64[n_rows]
            Scores.

        Raises
        ------
        ValueError
            If ``rows`` is of another shape, and as for `learn_one`.
        """
        rows = np.ascontiguousarray(rows, dtype=np.float64)
        if rows.ndim != 2:
            raise ValueError(f"rows: got an array of {rows.ndim} dimensions, wanted 2")
        model = self._model_for(rows.shape[1])
        scores = np.empty(rows.shape[0])
        score_learn_many(rows, model.forest, model.ledger, scores)
        return scores

    def save(self) -> State:
        """Return what `restore` needs to go on as if nothing had happened.

        Returns
        -------
        dict
            Arrays, numbers and the features' names. Parameters are told, so that a state meets its own trees only.
        """
        state = self._told() | {"version": self.version, "names": ()}
        if self._model:
            state |= {"names": self._model.names} | self._model.counts.save()
        return state

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what another one of the same parameters saved.

        Raises
        ------
        ValueError
            If the state is of another version or of other parameters.
        """
        check_state(state, self.version, self._told(), type(self).__name__)
        self._model = None
        if state["names"]:
            self._begin(state["names"]).counts.restore(state)

    def __getstate__(self) -> State:
        return self.save()

    def __setstate__(self, state: State) -> None:
        self.__init__(*(state[key] for key in _TOLD))  # type: ignore[misc] # its own parameters
        self.restore(state)

    def _told(self) -> State:
        return {key: getattr(self, key) for key in _TOLD}

    def _begin(self, names: Iterable[Hashable]) -> _Model:
        names = tuple(names)
        forest = grow_forest(self.seed, self.n_trees, self.height, name_limits(names, self.limits))
        self._model = _Model(names, Counts(forest, self.window_size))
        return self._model

    def _model_for(self, n_features: int) -> _Model:
        model = self._model or self._begin(range(n_features))
        if model.n_features != n_features:
            raise ValueError(f"row: got {n_features} features, wanted {model.n_features}")
        return model


_ALL = np.empty(0, dtype=np.bool_)
_TOLD = ("n_trees", "height", "window_size", "limits", "seed")


class _Model:
    """Features and trees, from the first row on."""

    def __init__(self, names: tuple[Hashable, ...], counts: Counts) -> None:
        self.names = names
        self.n_features = len(names)
        self.counts = counts
        self.forest, self.ledger = counts.forest, counts.ledger
        self._values = np.empty(len(names))
        self._buffer = memoryview(self._values)  # type: ignore[arg-type] # NumPy tells of its buffers from 3.12 on
        self._known = np.ones(len(names), dtype=np.bool_)
        self._get = itemgetter(*names) if len(names) > 1 else lambda x: (x[names[0]],)
        # Half as long as assigning a tuple to an array.
        self._pack = struct.Struct(f"{len(names)}d").pack_into

    def visit(self, x: Row, learns: bool) -> float:
        """Score a row of dict form and learn it if asked."""
        try:
            self._pack(self._buffer, 0, *self._get(x))
        except (KeyError, struct.error):
            return self._visit_with_care(x, learns)
        return float(walk_known(self._values, _ALL, learns, self.forest, self.ledger))

    def _visit_with_care(self, x: Row, learns: bool) -> float:
        """For rows that lack features, and for values that only ``float`` knows how to read."""
        for index, name in enumerate(self.names):
            self._known[index] = name in x
            self._values[index] = float(x[name]) if name in x else 0.0
        return float(walk_known(self._values, self._known, learns, self.forest, self.ledger))

    def __deepcopy__(self, memo: dict[int, Any]) -> _Model:
        counts = Counts(self.counts.forest, self.counts.window)
        counts.restore(self.counts.save())
        return _Model(self.names, counts)
