"""What the checks of waveform and scalar groups share: the hop they deliver and how they report trouble."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.clock import NS_PER_S
from engine.config import CheckConfig
from engine.declared import SensorGroup
from engine.records import Block, Said, SensorOutcome, Trouble
from operators import trouble_words

_RECURRENT_FRACTION = 0.1

NEVER_NS = -(2**62)
"""How far a group has delivered that has not begun: it holds the others back until it does or counts as silent."""


class Hop(NamedTuple):
    """One hop of checked samples, before it has met its context; fields as in `CheckedBlock`."""

    group: str
    start_ns: int
    end_ns: int
    samples: NDArray[np.float32]
    partials: NDArray[np.float64] | None
    sample_rate_hz: float
    contiguous: bool
    usable: bool
    learnable: bool
    received_ns: int | None


class GroupCheck(Protocol):
    """Checks the blocks of one sensor group."""

    def accept(self, block: Block) -> list[Hop | SensorOutcome]:
        """Take a block; return whole hops and outcomes in time order."""
        ...

    def silence(self, began_ns: int, quiet_ns: int) -> SensorOutcome | None:
        """Say if the group has been quiet for too long; once per silence."""
        ...

    def save(self) -> Any:
        """State for recovery."""
        ...

    def restore(self, state: Any) -> None:
        """Continue from `save`."""
        ...

    @property
    def waited_for_ns(self) -> int | None:
        """Time up to which this group has delivered; None if others need not wait for it."""
        ...


@dataclass(slots=True)
class Recurrence:
    """Tells a stray repeated or late block from a sender that keeps doing it.

    Counted in samples over stream time, so that it does not matter how they were cut into blocks.

    Parameters
    ----------
    period_ns : int
        Judged at most once in so long.
    """

    period_ns: int
    since_ns: int = 0
    n_samples: int = 0
    recurs: bool = False

    def add(self, t_ns: int, n_samples: int, sample_rate_hz: float) -> bool:
        """Count samples that were dropped because they are known or too late.

        Parameters
        ----------
        t_ns : int
            How far the group has come.
        n_samples : int
            Dropped now.
        sample_rate_hz : float
            Of the group.

        Returns
        -------
        bool
            Whether more than a tenth of a period's samples came to nothing.
        """
        elapsed_ns = t_ns - self.since_ns
        if not 0 <= elapsed_ns < self.period_ns:
            wanted = abs(elapsed_ns) / NS_PER_S * sample_rate_hz
            self.recurs = self.n_samples > _RECURRENT_FRACTION * wanted
            self.since_ns, self.n_samples = t_ns, 0
        self.n_samples += n_samples
        return self.recurs


@dataclass(slots=True)
class Reporter:
    """Makes the outcomes of one group and remembers until when learning pauses after trouble."""

    spindle: str
    group: SensorGroup
    config: CheckConfig
    learn_after_ns: int = 0

    def trouble(
        self,
        kind: Trouble,
        t_ns: int,
        onset_ns: int,
        *,
        n_samples: int,
        detail: Said,
        alerting: bool,
        channel: str | None = None,
        received_ns: int | None = None,
    ) -> SensorOutcome:
        """Report trouble and pause learning until ``recover_s`` after it.

        Parameters
        ----------
        kind, t_ns, onset_ns, n_samples, detail, alerting, channel, received_ns
            As in `SensorOutcome`.

        Returns
        -------
        SensorOutcome
            To be sent downstream.
        """
        self.learn_after_ns = max(self.learn_after_ns, t_ns + int(self.config.recover_s * NS_PER_S))
        return SensorOutcome(
            self.spindle,
            self.group.name,
            kind,
            t_ns,
            onset_ns,
            n_samples,
            channel,
            detail,
            alerting,
            received_ns,
        )


def check_shape(report: Reporter, block: Block) -> SensorOutcome | None:
    """Refuse a block whose array does not fit its group.

    Parameters
    ----------
    report : Reporter
        Of the block's group.
    block : Block
        As received.

    Returns
    -------
    SensorOutcome or None
        None if the block fits.
    """
    wanted = len(report.group.channels)
    shape = block.samples.shape
    if len(shape) == 2 and shape[0] == wanted and shape[1] > 0:
        return None
    return report.trouble(
        Trouble.SHAPE,
        block.t_ns,
        block.t_ns,
        n_samples=int(block.samples.size),
        detail=trouble_words.wrong_shape(shape, wanted),
        alerting=True,
        received_ns=block.received_ns,
    )
