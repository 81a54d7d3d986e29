"""A site's file read again while the service runs: what may change takes its place, all else is refused as a whole."""

from __future__ import annotations

import logging
import signal
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from engine.config import Config, load_config
from engine.declared import Spindle
from engine.errors import ConfigError, SpindlewatchError
from operators.detect import check_fit
from operators.features import FeatureSet

_log = logging.getLogger(__name__)


class Reload:
    """Asked by a signal, answered by the flow's thread when it comes to it.

    Parameters
    ----------
    path : Path
        Site configuration.
    config : Config
        What holds now.
    spindles : sequence of Spindle
        Of this process.
    """

    def __init__(self, path: Path, config: Config, spindles: Sequence[Spindle]) -> None:
        self._path, self._config, self._spindles = path, config, spindles
        self._asked = threading.Event()
        self.counts: Counter[str] = Counter()
        """Times that it was ``done`` and ``refused``."""

    @contextmanager
    def on_signal(self) -> Iterator[None]:
        """Let SIGHUP ask. Main thread only."""

        def ask(_number: int, _frame: FrameType | None) -> None:
            self._asked.set()

        before = signal.signal(signal.SIGHUP, ask)
        try:
            yield
        finally:
            signal.signal(signal.SIGHUP, before)

    def take(self) -> Config | None:
        """Return the new configuration if one was asked for and can take the old one's place.

        Returns
        -------
        Config or None
            Once for each signal; None if nothing was asked for, nothing differs, or it was refused, which is logged.
        """
        if not self._asked.is_set():
            return None
        self._asked.clear()
        try:
            new = load_config(self._path)
            check_may_replace(self._config, new, self._spindles)
        except SpindlewatchError as error:
            self.counts["refused"] += 1
            _log.error("configuration not reloaded, all stays as it was: %s", error)
            return None
        self.counts["done"] += 1
        before, self._config = self._config, new
        _log.info("configuration reloaded: %s, before %s", new.hash, before.hash)
        return None if new.hash == before.hash else new


def check_may_replace(old: Config, new: Config, spindles: Sequence[Spindle]) -> None:
    """Refuse a configuration under which what was learnt is worth nothing, or that does not fit.

    Parameters
    ----------
    old, new : Config
        What holds, and what is to hold.
    spindles : sequence of Spindle
        Whose state must go on.

    Raises
    ------
    ConfigError
        Says what would need a restart, or does not fit.
    """
    declared = {spindle.name: spindle for spindle in new.spindles}
    for spindle in spindles:
        if declared.get(spindle.name) != spindle:
            raise ConfigError(
                f"spindle {spindle.name!r} is declared otherwise, or no longer: that needs a restart"
            )
    if spindles and old.learning_hash(spindles[0]) != new.learning_hash(spindles[0]):
        raise ConfigError(
            "more than [judge], [[limits]] and learn.false_alerts_per_day differs: that needs a restart"
        )
    for table in ("redis", "service", "cluster"):
        if getattr(old, table) != getattr(new, table):
            raise ConfigError(f"[{table}] differs: that needs a restart")
    names = {spindle.name: spindle for spindle in spindles}
    check_fit(names, FeatureSet.for_shop(list(spindles), new), new)
