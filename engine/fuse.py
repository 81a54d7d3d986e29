"""What cuts off a part of the flow that nobody waits for, at its first failure, so that the rest runs on."""

from __future__ import annotations

import logging

_log = logging.getLogger(__name__)


class Fuse:
    """Blows at the first failure and stays blown; whoever shares it stops working.

    Parameters
    ----------
    what : str
        What it cuts off, as the log calls it.

    Attributes
    ----------
    n_failures : int
        Failures seen; those after the first are of parts that had not looked at the fuse yet.
    reason : str
        What failed first; empty as long as nothing has.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self.n_failures = 0
        self.reason = ""

    @property
    def blown(self) -> bool:
        """Whether something failed."""
        return self.n_failures > 0

    def blow(self, error: Exception) -> None:
        """Note a failure; the first one is logged with its traceback.

        Parameters
        ----------
        error : Exception
            What was raised.
        """
        self.n_failures += 1
        if self.n_failures == 1:
            self.reason = f"{type(error).__name__}: {error}"
            _log.error(
                "%s failed and is cut off; the rest goes on: %s", self._what, self.reason, exc_info=error
            )
