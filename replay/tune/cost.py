"""What a configuration costs the shop: the one number that a tuning makes small."""

from __future__ import annotations

import math

from engine.config import CostConfig
from replay.evaluate import EventScores


def cost(scores: EventScores, weights: CostConfig) -> float:
    """Cost of missed faults, delays and false alerts, in the shop's own unit.

    ``missed_fault`` for each fault that no alert told of, or that was alerted already as it began; ``delay_hour`` for
    each hour from onset to alert, but no more than ``missed_fault``; ``false_alert`` for each alert that nothing
    explains and ``false_alert_hour`` for each hour of normal time in which one was open. The last one is what keeps an
    alert that never ends from being cheap. Costs of several recordings add up.

    Misleads where labels do: recordings without complete labels have no false alerts, so a tuning over such alone
    would learn to alert always.

    Parameters
    ----------
    scores : EventScores
        Of one recording or several.
    weights : CostConfig
        ``[tune.cost]``.

    Returns
    -------
    float
        0 or more.
    """
    delays = [min(weights.missed_fault, weights.delay_hour * delay_s / 3600.0) for delay_s in scores.delays_s]
    return math.fsum(
        (
            weights.missed_fault * (scores.n_faults - scores.n_found),
            *delays,
            weights.false_alert * scores.n_false,
            weights.false_alert_hour * scores.false_s / 3600.0,
        )
    )
