"""What every signature of a fault promises: evidence for one class, in physical units, or the reason why there is none.

A detector says that something is strange; a signature says what it is. It knows one fault's physics and looks for
nothing else, so it needs little or no teach-in and its finding names the class.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from detectors.base import State
from engine.config import Config
from engine.declared import SensorGroup
from engine.records import Feature, FeatureVector, Regime
from engine.verdicts import FaultClass, Finding


class Signature(ABC):
    """One fault class in one sensor group of one spindle.

    Each vector of its kind is first assessed, then offered for learning. A finding whose score reaches 1.0 is
    confirmed: the signature itself waits for as many vectors as its physics needs. For the classes in
    `engine.verdicts.LATCHED` an alert closes only when a finding says less than the closing limit, so these
    signatures speak on every vector they can judge, from their first high score until they have said so.

    Its memory may be keyed by regime or by speed, is bounded, and does not depend on how samples were cut into blocks.

    Parameters
    ----------
    features : sequence of Feature
        Of the vectors it will get, in their order.
    group : SensorGroup
        Declared.
    config : Config
        The whole of it; ``[diagnosis] off`` and ``sensitivity`` are seen to by the caller.
    """

    name: ClassVar[str]
    fault: ClassVar[FaultClass]
    long: ClassVar[bool]
    """Whether it looks at the long windows or at the short ones."""
    version: ClassVar[int] = 1
    __slots__ = ()

    @abstractmethod
    def __init__(self, features: Sequence[Feature], group: SensorGroup, config: Config) -> None: ...

    @abstractmethod
    def why_not(self, vector: FeatureVector) -> str:
        """Say why this vector cannot be judged; cheap.

        Returns
        -------
        str
            A value of `engine.verdicts.Why`; empty if it can.
        """

    @abstractmethod
    def assess(self, vector: FeatureVector) -> Finding | None:
        """Judge the next vector of the group; learns nothing.

        Returns
        -------
        Finding or None
            None if there is nothing to say: all is well, or it cannot be judged.
        """

    @abstractmethod
    def learn(self, vector: FeatureVector, allowed: bool) -> None:
        """Take the vector that was just assessed into memory.

        Parameters
        ----------
        vector : FeatureVector
            The same.
        allowed : bool
            Whether a baseline may learn from it: healthy sensors, one regime throughout, nothing exceeding.
        """

    def progress(self, regime: Regime) -> tuple[int, int]:  # noqa: ARG002 - for those that learn by cuts
        """How many good cuts of a regime have been learnt, and how many are wanted; 0 of 0 if it learns none.

        Parameters
        ----------
        regime : Regime
            The one that holds.
        """
        return 0, 0

    @abstractmethod
    def save(self) -> State:
        """Return plain arrays, numbers and strings under a ``version`` for `restore`."""

    @abstractmethod
    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where another signature of the same features stopped.

        Raises
        ------
        ValueError
            If the state is of another version.
        """
