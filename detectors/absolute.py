"""Limits that the user or a standard sets: the absolute tier, active from the first vector."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from detectors.base import NOTHING, Assessment, Floats
from engine.config import LimitConfig
from engine.errors import ConfigError
from engine.records import Feature
from engine.verdicts import Reason


class AbsoluteLimits:
    """The ``[[limits]]`` that hold for one sensor group of a spindle. Stateless.

    A value at its limit scores 1.0; from there the score moves by 1 for each further ``|limit|``, so for
    positive quantities an upper limit scores value / limit.

    Parameters
    ----------
    features : sequence of Feature
        In the order of the vectors.
    limits : sequence of LimitConfig
        All of the configuration's; those for other spindles or other groups' channels are passed over.
    spindle : str
        Whose group this is.

    Attributes
    ----------
    any : bool
        Whether there is a limit for any of the features.

    Raises
    ------
    ConfigError
        If a limit names a feature that a channel of this group does not have, or a limit of 0, which gives
        the score no scale.
    """

    name = "absolute"
    __slots__ = ("_features", "_limits", "any")

    def __init__(self, features: Sequence[Feature], limits: Sequence[LimitConfig], spindle: str) -> None:
        self._features = tuple(features)
        indices = {feature.name: index for index, feature in enumerate(features)}
        channels = {_channel(feature.name) for feature in features}
        self._limits: list[tuple[int, float, float]] = []
        for position, limit in enumerate(limits):
            path = f"$.limits[{position}]"
            if 0.0 in (limit.above, limit.below):
                raise ConfigError(f"Expected a limit other than 0 for {limit.feature!r} - at `{path}`")
            if limit.spindles and spindle not in limit.spindles:
                continue
            if limit.feature in indices:
                above = math.nan if limit.above is None else limit.above
                below = math.nan if limit.below is None else limit.below
                self._limits.append((indices[limit.feature], above, below))
            elif _channel(limit.feature) in channels:
                known = ", ".join(name for name in indices if _channel(name) == _channel(limit.feature))
                raise ConfigError(f"Expected one of {known}, got {limit.feature!r} - at `{path}.feature`")

        self.any = bool(self._limits)

    def score(self, values: Floats) -> Assessment:
        """Compare a vector with the limits.

        Parameters
        ----------
        values : float64[n_features]
            In the features' units; NaN where unknown.

        Returns
        -------
        Assessment
            Of the limit that is exceeded most, 0 upwards; NaN if no limited feature is known.
        """
        highest, top = math.nan, -1
        for index, above, below in self._limits:
            score = _excess(float(values[index]), above, below)
            if score == score and not score <= highest:
                highest, top = score, index
        return Assessment(highest, self.name, top) if top >= 0 else NOTHING

    def reasons(self, values: Floats, assessment: Assessment, n: int = 1) -> tuple[Reason, ...]:
        """Name the limit behind an assessment.

        Parameters
        ----------
        values : float64[n_features]
            The vector.
        assessment : Assessment
            What `score` returned for it.
        n : int
            Reasons wanted; there is never more than one.

        Returns
        -------
        tuple of Reason
            ``expected`` is NaN: a limit knows no usual value.
        """
        if assessment.top < 0 or n < 1:
            return ()
        feature, value = self._features[assessment.top], float(values[assessment.top])
        _, above, below = max(
            (limit for limit in self._limits if limit[0] == assessment.top),
            key=lambda limit: _excess(value, limit[1], limit[2]),
        )
        return (Reason(feature.name, value, math.nan, below, above, feature.unit, 1.0, assessment.score),)


def check_limits(limits: Sequence[LimitConfig], features_of: Mapping[str, Sequence[str]]) -> None:
    """Refuse limits that would never be looked at, while the flow is being built.

    Parameters
    ----------
    limits : sequence of LimitConfig
        All of the configuration's.
    features_of : mapping
        Spindle name to the names of the features of all its groups.

    Raises
    ------
    ConfigError
        If a limit names a spindle that is not there, or a feature that none of its spindles has.
    """
    for position, limit in enumerate(limits):
        for index, spindle in enumerate(limit.spindles):
            if spindle not in features_of:
                known = ", ".join(features_of)
                path = f"$.limits[{position}].spindles[{index}]"
                raise ConfigError(f"Expected one of {known}, got {spindle!r} - at `{path}`")
        meant = limit.spindles or tuple(features_of)
        if not any(limit.feature in features_of[spindle] for spindle in meant):
            path = f"$.limits[{position}].feature"
            raise ConfigError(
                f"Expected a feature of {', '.join(meant)}, got {limit.feature!r} - at `{path}`"
            )


def _channel(feature: str) -> str:
    return feature.partition(".")[0]


def _excess(value: float, above: float, below: float) -> float:
    """Score of one value; NaN if it is unknown. A side without a limit is NaN and passed over."""
    if not math.isfinite(value):
        return math.nan
    scores = [0.0]
    if above == above:
        scores.append(1.0 + (value - above) / abs(above))
    if below == below:
        scores.append(1.0 + (below - value) / abs(below))
    return max(scores)
