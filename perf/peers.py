"""Libraries that people use for the same work, called as their documentation shows and as fast as that allows.

They are no dependency: ``make bench`` installs them from their own lock. Without one, the figure that wants it says so.
Whatever a library offers as parallel is switched off: figures are per core.
"""

from __future__ import annotations

import importlib
import warnings
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perf.figures import NotMeasurableError
from perf.timing import Work

OfWindow = Callable[[NDArray[np.float32]], Sequence[float]]
ScoreLearn = Callable[[NDArray[np.float64]], float]
"""Scores one vector, then learns it."""


def load_peer(module: str) -> Any:
    """Import a peer.

    Parameters
    ----------
    module : str
        Dotted name.

    Returns
    -------
    module
        Imported.

    Raises
    ------
    NotMeasurableError
        If it, or what it needs, is not installed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what a peer has to say about its own dependencies
            return importlib.import_module(module)
    except ImportError as error:
        raise NotMeasurableError(
            f"{module} is not installed ({error}); `make bench` installs the peers"
        ) from error


def tsflex_features(
    samples: NDArray[np.float32], n_window: int, n_hop: int, of_window: OfWindow, names: Sequence[str]
) -> tuple[Work, int]:
    """Features of a whole stream by tsflex: one function of many outputs over every window of every channel.

    Parameters
    ----------
    samples : float32[n_channels, n_samples]
        The stream.
    n_window, n_hop : int
        Samples.
    of_window : callable
        ``float32[n_window]`` to as many numbers as there are names.
    names : sequence of str
        Of the outputs.

    Returns
    -------
    work : callable
        Computes; returns one data frame for each channel. Building pandas' series is not part of it.
    n_windows : int
        How many windows that are: tsflex leaves out the last one that would fit exactly.

    Raises
    ------
    NotMeasurableError
        Without tsflex.
    """
    pandas, tsflex = load_peer("pandas"), load_peer("tsflex.features")
    series = [pandas.Series(row, name=f"vib_{i}") for i, row in enumerate(samples)]
    function = tsflex.FuncWrapper(of_window, output_names=list(names))
    collection = tsflex.FeatureCollection(
        tsflex.MultipleFeatureDescriptors(function, [row.name for row in series], n_window, n_hop)
    )
    n_windows = len(collection.calculate(series, n_jobs=1)[0])
    return lambda: collection.calculate(series, n_jobs=1), n_windows


def tsfresh_features(windows: NDArray[np.float32]) -> Work:
    """Features of a stack of windows by tsfresh, its minimal set: ten per channel, none of them spectral.

    Parameters
    ----------
    windows : float32[n_windows, n_channels, n_samples]
        Already cut.

    Returns
    -------
    callable
        Computes; returns a data frame with a row for each window. Building the data frame that tsfresh reads is
        not part of it.

    Raises
    ------
    NotMeasurableError
        Without tsfresh.
    """
    pandas, tsfresh = load_peer("pandas"), load_peer("tsfresh")
    settings = load_peer("tsfresh.feature_extraction").MinimalFCParameters()
    n_windows, n_channels, n_samples = windows.shape
    columns = {f"vib_{i}": windows[:, i].ravel() for i in range(n_channels)}
    frame = pandas.DataFrame({"id": np.repeat(np.arange(n_windows), n_samples), **columns})
    return lambda: tsfresh.extract_features(
        frame, column_id="id", default_fc_parameters=settings, n_jobs=0, disable_progressbar=True
    )


def rrcf_detector(n_trees: int = 40, n_points: int = 256, seed: int = 0) -> ScoreLearn:
    """Robust random cut forest of the rrcf package, streaming as in its README.

    Parameters
    ----------
    n_trees : int
        Trees.
    n_points : int
        Latest vectors that each tree holds.
    seed : int
        Of the cuts.

    Returns
    -------
    callable
        Takes ``float64[n_features]``. The score is the mean collusive displacement, 0 of the first vector; this
        model can only score what it has put into its trees.

    Raises
    ------
    NotMeasurableError
        Without rrcf.
    """
    rrcf = load_peer("rrcf")
    trees = [rrcf.RCTree(random_state=seed + i) for i in range(n_trees)]
    held: deque[int] = deque()
    n_seen = 0

    def score_learn(vector: NDArray[np.float64]) -> float:
        nonlocal n_seen
        oldest = held.popleft() if len(held) == n_points else None
        total = 0.0
        for tree in trees:
            if oldest is not None:
                tree.forget_point(oldest)
            tree.insert_point(vector, index=n_seen)
            total += tree.codisp(n_seen)
        held.append(n_seen)
        n_seen += 1
        return total / n_trees

    return score_learn
