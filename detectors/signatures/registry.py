"""Every signature there is. To add one: a file beside this one with its tests, and a line here."""

from __future__ import annotations

from collections.abc import Sequence

from detectors.signatures.base import Signature
from detectors.signatures.bearing import BearingSignature
from detectors.signatures.chatter import Chatter
from detectors.signatures.imbalance import Imbalance
from detectors.signatures.level_drop import LevelDrop
from detectors.signatures.load_blow import LoadBlow
from detectors.signatures.load_step import LoadStep
from detectors.signatures.section_envelope import SectionEnvelope
from detectors.signatures.severity import Severity
from detectors.signatures.shock import Shock
from detectors.signatures.tooth_asymmetry import ToothAsymmetry
from detectors.signatures.undercut import Undercut
from engine.config import Config
from engine.declared import SensorGroup
from engine.records import Feature

SIGNATURES: tuple[type[Signature], ...] = (
    Shock,
    ToothAsymmetry,
    LevelDrop,
    LoadStep,
    LoadBlow,
    Undercut,
    SectionEnvelope,
    Chatter,
    BearingSignature,
    Imbalance,
    Severity,
)
"""In the order in which they are asked."""


def make_signatures(
    short: Sequence[Feature], long: Sequence[Feature], group: SensorGroup, config: Config
) -> tuple[list[Signature], list[Signature]]:
    """Make the signatures that watch one sensor group.

    Parameters
    ----------
    short, long : sequence of Feature
        Of its short and its long windows; ``long`` is empty if it has none.
    group : SensorGroup
        Declared.
    config : Config
        ``[diagnosis]``.

    Returns
    -------
    tuple of list of Signature
        Those that look at short windows, and those that look at long ones.
    """
    if not config.diagnosis.enabled:
        return [], []
    wanted = [kind for kind in SIGNATURES if kind.fault not in config.diagnosis.off]
    of_short = [kind(short, group, config) for kind in wanted if not kind.long]
    of_long = [kind(long, group, config) for kind in wanted if kind.long and long]
    return of_short, of_long
