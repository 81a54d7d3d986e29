from __future__ import annotations

import subprocess
import sys

import pytest

from detectors.registry import build, check_detectors
from engine.config import DetectorConfig
from engine.errors import ConfigError


def test_unknown_detector_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"mewma.*got 'mewna' - at `\$\.detectors\[3\]\.name`"):
        build("mewna", {}, 4, path="$.detectors[3]")


def test_impossible_parameter_is_refused_with_its_path() -> None:
    with pytest.raises(ConfigError, match=r"<= 1\.0 - at `\$\.detectors\[0\]\.parameters\.weight`"):
        build("mewma", {"weight": 1.5}, 4)


def test_every_entry_of_a_configuration_is_checked() -> None:
    entries = [DetectorConfig(name="mewma"), DetectorConfig(name="p2_quantile", parameters={"tails": 0.1})]

    with pytest.raises(ConfigError, match=r"`tails` - at `\$\.detectors\[1\]\.parameters`"):
        check_detectors(entries)


def test_neither_river_nor_scipy_stats_is_imported_until_a_model_of_rivers_is_named() -> None:
    code = (
        "import sys, detectors.baseline, detectors.registry as registry\n"
        "for name in registry.DETECTORS: registry.build(name, {}, 3)\n"
        "print([name for name in ('river', 'scipy.stats') if name in sys.modules])\n"
        "registry.build('river.anomaly.LODA', {}, 3)\n"
        "print('river.anomaly' in sys.modules)"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=100
    )

    assert done.stdout.split("\n")[:2] == ["[]", "True"]
