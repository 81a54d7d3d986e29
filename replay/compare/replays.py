"""Replays of the same recordings under many configurations: what is measured alike is measured once."""

from __future__ import annotations

import tempfile
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Self

from engine.config import Config
from engine.errors import ConfigError
from engine.verdicts import Alert, Score
from operators.detect import Detect, check_fit
from operators.features import FeatureSet
from replay.recording import Recording
from replay.tune.features import alerts_of, has_features, read_features, write_features
from sinks.baselines import BaselineFile


class Replays(AbstractContextManager["Replays"]):
    """Alerts of recordings under any configuration, as `replay.session.replay_alerts` gives them.

    A context manager: features lie in a temporary folder as long as it is open (some hundred bytes a vector).
    """

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="spindlewatch-features-")
        self._numbers: dict[Path, int] = {}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._folder.cleanup()

    def alerts(self, recording: Recording, config: Config, name: str = "configuration") -> list[Alert]:
        """Replay one recording from empty baselines.

        Parameters
        ----------
        recording : Recording
            What to replay.
        config : Config
            What decides.
        name : str
            What to call it in errors.

        Returns
        -------
        list of Alert
            All messages in the order sent.

        Raises
        ------
        ConfigError
            The configuration does not fit the recording.
        RecordingError
            A recording that is damaged.
        """
        shop = {recording.spindle.name: recording.spindle}
        try:
            check_fit(shop, FeatureSet.for_shop([recording.spindle], config), config)
            return alerts_of(recording, self._features(recording, config), config)
        except ConfigError as error:
            raise ConfigError(f"{name}, with {recording.path}: {error}") from error

    def scores(self, recording: Recording, config: Config) -> list[Score]:
        """What the detectors said of every vector of a recording, with what signatures found.

        Parameters
        ----------
        recording, config
            As for `alerts`.

        Returns
        -------
        list of Score
            In stream time; some 500 bytes each are held.
        """
        shop = {recording.spindle.name: recording.spindle}
        features = FeatureSet.for_shop([recording.spindle], config)
        detect = Detect(shop, features, config, BaselineFile(None))
        found: list[Score] = []
        for batch in read_features(self._features(recording, config)):
            found += [item for item in detect.process(batch) if isinstance(item, Score)]
        return found

    def _features(self, recording: Recording, config: Config) -> Path:
        # Numbered, for two recordings may bear one name in two folders.
        number = self._numbers.setdefault(recording.path.resolve(), len(self._numbers))
        path = Path(self._folder.name) / f"{number}-{config.measuring_hash}"
        if not has_features(path):
            write_features(recording, config, path)
        return path
