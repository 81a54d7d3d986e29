"""The detectors that a configuration may name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from detectors.base import Detector, Parameters
from detectors.gaussian_scorer import GaussianScorer
from detectors.half_space_trees import HalfSpaceTrees
from detectors.mewma import Mewma
from detectors.p2_quantile import P2Quantile
from engine.config import DetectorConfig
from engine.errors import ConfigError

DETECTORS: Mapping[str, type[Detector]] = {
    kind.name: kind for kind in (Mewma, HalfSpaceTrees, GaussianScorer, P2Quantile)
}


def build(
    name: str, parameters: Mapping[str, Any], n_features: int, seed: int = 0, path: str = "$.detectors[0]"
) -> Detector:
    """Make an untaught detector.

    Parameters
    ----------
    name : str
        One of `DETECTORS`.
    parameters : mapping
        As written in the configuration; unknown keys are refused.
    n_features : int
        Length of a row.
    seed : int
        For detectors that draw.
    path : str
        Where the entry stands in the configuration, for errors.

    Returns
    -------
    Detector
        Not ready.

    Raises
    ------
    ConfigError
        Unknown name, unknown parameter, wrong type or impossible value.

    Examples
    --------
    >>> build("mewma", {"weigth": 0.1}, 3)
    Traceback (most recent call last):
        ...
    engine.errors.ConfigError: Object contains unknown field `weigth` - at `$.detectors[0].parameters`
    """
    detector_type, decoded = _decode(name, parameters, path)
    return detector_type(decoded, n_features, seed)


def check_detectors(detectors: Sequence[DetectorConfig]) -> None:
    """Refuse impossible ``[[detectors]]`` while the flow is being built, not at the first vector.

    Raises
    ------
    ConfigError
        As `build`, with the path of the entry.
    """
    for index, config in enumerate(detectors):
        _decode(config.name, config.parameters, f"$.detectors[{index}]")


def _decode(name: str, parameters: Mapping[str, Any], path: str) -> tuple[type[Detector], Parameters]:
    detector_type = DETECTORS.get(name)
    if detector_type is None:
        known = ", ".join(sorted(DETECTORS))
        raise ConfigError(f"Expected one of {known}, got {name!r} - at `{path}.name`")
    try:
        return detector_type, msgspec.convert(dict(parameters), detector_type.parameters_type)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$")
        raise ConfigError(f"{what} - at `{path}.parameters{where.rstrip('`')}`") from error
