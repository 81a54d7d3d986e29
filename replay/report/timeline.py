"""What happened along a recording, no finer than a screen shows it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.clock import NS_PER_S
from engine.records import Context
from replay.report.packing import pack
from replay.report.results import ScoreRows
from replay.report.told import seconds

N_BINS = 3000
"""Of a recording's length: so much of it can be told apart when a reader looks closer."""
_BRIDGED = 2  # bins
_MOST_SCORE = 100.0  # beyond, a picture of limits says nothing more
SILENT, LEARNING, READY = 0, 1, 2


def score_curve(group: str, rows: ScoreRows, start_ns: int, duration_s: float) -> dict[str, Any]:
    """Scores of one sensor group in bins of equal length.

    Parameters
    ----------
    group : str
        Its name.
    rows : ScoreRows
        In the order of time.
    start_ns, duration_s : int, float
        Of the recording; rows beyond it count with its last bin.

    Returns
    -------
    dict
        ``score``, the largest of each bin, at most 100 (`replay.report.packing.pack`; unknown where nothing could be
        said); ``state``, runs ``[first bin, state]``: 0 nothing scored, 1 learning, 2 ready, a bin as ready as its
        readiest row. A bin or two without a row, as between uneven rows, are as the one before.
    """
    n_bins = max(1, min(N_BINS, rows.t_ns.size // 2))
    bin_ns = max(1.0, duration_s * NS_PER_S / n_bins)
    # A row is at the end of its window; one at the very end of a bin belongs to it.
    at = np.clip(((rows.t_ns - start_ns - 1) / bin_ns).astype(np.int64), 0, n_bins - 1)
    score, state = np.full(n_bins, np.nan), np.zeros(n_bins, np.int64)
    np.fmax.at(score, at, np.minimum(rows.score, _MOST_SCORE))
    np.maximum.at(state, at, np.where(rows.ready, READY, LEARNING))
    score, state = _bridged(score, state)
    changes = np.flatnonzero(np.diff(state, prepend=-1))
    return {
        "group": group,
        "n_bins": n_bins,
        "score": pack(score),
        "state": [[int(first), int(state[first])] for first in changes],
    }


def _bridged(
    score: NDArray[np.float64], state: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    last = np.maximum.accumulate(np.where(state != SILENT, np.arange(state.size), 0))
    near = np.where(np.arange(state.size) - last <= _BRIDGED, last, np.arange(state.size))
    return score[near], state[near]


def context_strip(contexts: Iterable[Context], start_ns: int, duration_s: float) -> dict[str, Any]:
    """What the machine did: only what changed, and nothing that passed faster than a bin.

    Parameters
    ----------
    contexts : iterable of Context
        In the order of time.
    start_ns, duration_s : int, float
        Of the recording.

    Returns
    -------
    dict
        ``names``: tools, programs and sections, each once; ``rows``: ``[t_s, tool, program, section, cutting]``, by
        number in ``names``; None where unknown.
    """
    names: dict[str, int] = {}
    rows: list[list[float | int | bool | None]] = []
    for context in _lasting(_changes(contexts), duration_s / N_BINS):
        *named, cutting = _told(context)
        told = [name if name is None else names.setdefault(str(name), len(names)) for name in named]
        rows.append([seconds(context.t_ns, start_ns), *told, cutting])
    return {"names": list(names), "rows": rows}


def _told(context: Context) -> tuple[str | None, str | None, str | None, bool | None]:
    return context.tool, context.program, context.section, context.cutting


def _changes(contexts: Iterable[Context]) -> list[Context]:
    kept: list[Context] = []
    for context in contexts:
        if not kept or _told(kept[-1]) != _told(context):
            kept.append(context)
    return kept


def _lasting(contexts: Sequence[Context], least_s: float) -> list[Context]:
    ends = [context.t_ns for context in contexts[1:]]
    held = [
        context
        for context, end_ns in zip(contexts, ends, strict=False)
        if end_ns - context.t_ns >= least_s * NS_PER_S
    ]
    return [*held, *contexts[-1:]]
