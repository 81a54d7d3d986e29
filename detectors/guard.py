"""When a baseline may learn."""

from __future__ import annotations


def may_learn(
    *,
    learnable: bool,
    steady: bool,
    exceeding: bool,
    complete: bool,
    score: float,
    limit: float,
) -> bool:
    """Decide whether a vector that has been scored may also be learned.

    A detector that keeps learning through a fault calls the fault normal. So nothing is learned from samples
    that are unfit, across a change of regime, while anything exceeds its limit, or from vectors that are
    merely high.

    Parameters
    ----------
    learnable : bool
        Whether the samples are fit to be learned from (`engine.records.FeatureVector.learnable`).
    steady : bool
        Whether the whole window lies in one regime.
    exceeding : bool
        Whether an exceedance is open: some score of this spindle and group reached 1.0 and has not yet stayed
        below the closing limit long enough.
    complete : bool
        Whether the teach-in is over.
    score : float
        The vector's largest score over all tiers; NaN if no tier could say anything.
    limit : float
        The learning limit, 0 to 1. After the teach-in only vectors that score below it are learned; 0 = none.

    Returns
    -------
    bool
        During the teach-in, True also for a NaN score: there is nothing yet to judge by.

    Examples
    --------
    >>> usual = dict(learnable=True, steady=True, exceeding=False, complete=True, limit=0.5)
    >>> may_learn(score=0.3, **usual), may_learn(score=0.6, **usual), may_learn(score=float("nan"), **usual)
    (True, False, False)
    """
    if not learnable or not steady or exceeding:
        return False
    if complete:
        return score < limit
    return not score >= 1.0


def may_observe(*, learnable: bool, steady: bool, score: float, own: bool) -> bool:
    """Decide whether the limits of the learned tier may learn from the score that it gave a vector.

    They must see healthy scores right up to the limit: a tail cut off lower down looks thinner than it is, and the
    limit would sink ever further. What reaches the limit they count as one episode and no higher (`detectors.spot`), so
    the learned tier's own exceedances are let through here; what another tier objects to is not.

    Parameters
    ----------
    learnable, steady : bool
        As for `may_learn`.
    score : float
        The vector's largest score over all tiers; NaN if no tier could say anything.
    own : bool
        Whether that is the learned tier's.

    Returns
    -------
    bool
        False if there is nothing to learn from, or trouble that the learned tier does not see.

    Examples
    --------
    >>> may_observe(learnable=True, steady=True, score=1.3, own=True)
    True
    >>> may_observe(learnable=True, steady=True, score=1.3, own=False)
    False
    """
    return learnable and steady and (score < 1.0 or (own and score >= 1.0))
