"""Which alert messages a target wants to hear."""

from __future__ import annotations

from engine.targets import Target
from engine.verdicts import Alert


def is_wanted(target: Target, alert: Alert, is_told: bool) -> bool:
    """Whether a target wants to hear of an alert message.

    Parameters
    ----------
    target : Target
        As configured.
    alert : Alert
        The message.
    is_told : bool
        The target heard of this alert before, and it was open: then it hears the rest, whatever it is called by now.

    Returns
    -------
    bool
        A score or certainty that cannot be said (NaN) is not below any limit.
    """
    if alert.state not in target.states or (target.spindles and alert.spindle not in target.spindles):
        return False
    if is_told:
        return True
    if target.faults and alert.fault not in target.faults:
        return False
    return not (alert.score < target.min_score or alert.certainty < target.min_certainty)
