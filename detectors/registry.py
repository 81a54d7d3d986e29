"""The detectors that a configuration may name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib import import_module
from typing import Any

import msgspec

from detectors.base import Detector, Parameters
from engine.config import DetectorConfig
from engine.errors import ConfigError

DETECTORS: Mapping[str, str] = {
    "mewma": "detectors.mewma:Mewma",
    "half_space_trees": "detectors.half_space_trees:HalfSpaceTrees",
    "gaussian_scorer": "detectors.gaussian_scorer:GaussianScorer",
    "p2_quantile": "detectors.p2_quantile:P2Quantile",
    "ew_zscore": "detectors.ew_zscore:EwZscore",
    "mahalanobis": "detectors.mahalanobis:Mahalanobis",
    "pca": "detectors.pca:Pca",
    "one_class": "detectors.one_class:OneClass",
    "cusum": "detectors.cusum:Cusum",
    "sta_lta": "detectors.sta_lta:StaLta",
}
"""Where each detector stands. It is imported when a configuration names it: kernels and river take their time."""
RIVER = "river."
"""What a name begins with that is a dotted path to one of river's own models, see `detectors.river_model`."""


def detector_type(name: str) -> type[Detector]:
    """Import a detector's class.

    Parameters
    ----------
    name : str
        One of `DETECTORS`, or a dotted path that begins with `RIVER`.

    Returns
    -------
    type[Detector]
        Its class.

    Raises
    ------
    KeyError
        If there is none of this name.
    ValueError
        If river has none of this name, or none that can be used by itself.
    """
    if name.startswith(RIVER):
        from detectors.river_model import river_detector

        return river_detector(name)
    module, _, attribute = DETECTORS[name].partition(":")
    found: type[Detector] = getattr(import_module(module), attribute)
    return found


def build(
    name: str, parameters: Mapping[str, Any], n_features: int, seed: int = 0, path: str = "$.detectors[0]"
) -> Detector:
    """Make an untaught detector.

    Parameters
    ----------
    name : str
        One of `DETECTORS`, or a dotted path such as ``river.anomaly.LODA``.
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
    found, decoded = _decode(name, parameters, path)
    return found(decoded, n_features, seed)


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
    if name.startswith(RIVER):
        return _decode_river(name, parameters, path)
    if name not in DETECTORS:
        known = ", ".join(sorted(DETECTORS))
        raise ConfigError(f"Expected one of {known}, or river.anomaly.…, got {name!r} - at `{path}.name`")
    try:
        return _decode_known(name, msgspec.json.encode(dict(parameters), order="sorted"))
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$")
        raise ConfigError(f"{what} - at `{path}.parameters{where.rstrip('`')}`") from error


@lru_cache(maxsize=256)
def _decode_known(name: str, parameters: bytes) -> tuple[type[Detector], Parameters]:
    """Baselines taught alike share their parameters."""
    found = detector_type(name)
    return found, msgspec.json.decode(parameters, type=found.parameters_type)


def _decode_river(name: str, parameters: Mapping[str, Any], path: str) -> tuple[type[Detector], Parameters]:
    from detectors.river_model import RiverParameters, check_arguments, river_detector

    try:
        found = river_detector(name)
    except ValueError as error:
        raise ConfigError(f"{error} - at `{path}.name`") from error
    try:
        check_arguments(found.model_type, parameters)
    except ValueError as error:
        raise ConfigError(f"{error} - at `{path}.parameters`") from error
    return found, RiverParameters(arguments=dict(parameters))
