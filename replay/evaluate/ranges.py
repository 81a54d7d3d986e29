"""Scores of rows and ranges: point-wise F1 beside its rates, and from `aeon` VUS and range-based precision and recall.

- **VUS-PR, VUS-ROC** (Paparrizos et al., PVLDB 15(11), 2022): area under precision over recall, and under true over
  false positive rate, of the score at all thresholds, with labels that fade out over a buffer, averaged over
  buffers of 0 to `BUFFER_ROWS` rows. 1 is perfect; chance is about the share of faulty rows (PR), and 0.5 (ROC). The
  numbers depend on the package, the buffer and the length of a row: compare only what agrees in all three.
- **Range-based precision, recall, F1** (Tatbul et al., NeurIPS 2018) of the open alerts, as ranges: alpha 0 (no reward
  for mere existence), flat bias, a range told in pieces counts by the reciprocal of their number.
- **Point-wise F1** only beside false and missed alert rate and an alert that is always on. Nothing is point-adjusted:
  that reverses rankings (Liu and Paparrizos, NeurIPS 2024).

`aeon` is optional. Without it the point-wise figures remain, and the others say what to install.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from replay.evaluate.counts import known
from replay.evaluate.rows import Rows
from replay.scoring import Confusion

BUFFER_ROWS = 50
MISSING = "not computed: install spindlewatch[score]"
_NAN = math.nan


@dataclass(frozen=True, slots=True)
class RangeScores:
    """What the rows of one recording are worth.

    Parameters
    ----------
    recording : str
        Its folder's name.
    row_s : float
        Length of a row.
    n_rows, n_faulty : int
        Rows judged, and those of them labelled faulty.
    n_taught, n_warming_up, n_unknown : int
        Rows left out, see `replay.evaluate.rows.Rows`.
    points : Confusion
        Rows by label and open alert.
    vus_pr, vus_roc : float
        Of the score, 0 to 1; NaN without `aeon`, and where all rows are faulty, none is, or all scores are the same.
    range_precision, range_recall, range_f1 : float
        Of the open alerts, 0 to 1; NaN likewise; precision also where no alert was open.
    """

    recording: str
    row_s: float
    n_rows: int
    n_faulty: int
    n_taught: int
    n_warming_up: int
    n_unknown: int
    points: Confusion
    vus_pr: float = _NAN
    vus_roc: float = _NAN
    range_precision: float = _NAN
    range_recall: float = _NAN
    range_f1: float = _NAN

    def as_dict(self) -> dict[str, Any]:
        """Return plain values; None where nothing can be said."""
        return {
            "recording": self.recording,
            "row_s": self.row_s,
            "buffer_s": self.row_s * BUFFER_ROWS,
            "n_rows": self.n_rows,
            "n_faulty": self.n_faulty,
            "left_out": {
                "n_taught": self.n_taught,
                "n_warming_up": self.n_warming_up,
                "n_unknown": self.n_unknown,
            },
            **{name: known(getattr(self, name)) for name in MEASURES},
        }


MEASURES = ("vus_pr", "vus_roc", "range_precision", "range_recall", "range_f1")
"""Names of the figures that `aeon` computes."""


def package() -> str:
    """Name and version of the package that computes them; empty if it is not installed."""
    try:
        return f"aeon {version('aeon')}"
    except PackageNotFoundError:
        return ""


def range_scores(recording: str, rows: Rows) -> RangeScores:
    """Score the rows of one recording.

    Parameters
    ----------
    recording : str
        For the record.
    rows : Rows
        From `replay.evaluate.rows.rows_of`.

    Returns
    -------
    RangeScores
        For 4000 rows a third of a second with one label, two with twenty; and two once, to import `aeon`.
    """
    faulty, alerting = rows.faulty, rows.alerting
    points = Confusion(
        n_hit=int(np.sum(alerting & faulty)),
        n_false=int(np.sum(alerting & ~faulty)),
        n_missed=int(np.sum(~alerting & faulty)),
        n_calm=int(np.sum(~alerting & ~faulty)),
    )
    measured = _measured(rows) if package() and 0 < faulty.sum() < rows.n_rows else {}
    return RangeScores(
        recording,
        rows.row_s,
        rows.n_rows,
        int(faulty.sum()),
        rows.n_taught,
        rows.n_warming_up,
        rows.n_unknown,
        points,
        **measured,
    )


def _measured(rows: Rows) -> dict[str, float]:
    from aeon.benchmarking.metrics import anomaly_detection as metrics

    told: dict[str, float] = {}
    labels, alerting = rows.faulty.astype(np.int64), rows.alerting.astype(np.int64)
    if rows.score.min() < rows.score.max():
        areas = [
            metrics.range_pr_roc_auc_support(labels, rows.score, buffer_size=buffer)
            for buffer in range(BUFFER_ROWS + 1)
        ]
        told["vus_pr"], told["vus_roc"] = (float(np.mean(side)) for side in zip(*areas, strict=True))
    told["range_recall"] = float(metrics.range_recall(labels, alerting)) if alerting.any() else 0.0
    if alerting.any():
        told["range_precision"] = float(metrics.range_precision(labels, alerting))
        told["range_f1"] = float(metrics.range_f_score(labels, alerting, r_alpha=0.0))
    return told
