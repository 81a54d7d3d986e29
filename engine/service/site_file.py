"""A site's file as the service holds it: read, validated, kept as a copy for the children, replaced on request.

The children read the copy. So a file that somebody is editing, or that is wrong, reaches none of them, not even one
that is started again meanwhile.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from engine.config import Config, parse_config
from engine.errors import ConfigError, SpindlewatchError, UsageError
from engine.redis_link import without_password

Change = tuple[str, Any, Any]
"""Path of a key; its value before and after, None where it was not there."""

# What a running flow, or the gateway, can take over; see `engine.barriers.Reconfigure`. All else needs a restart.
_LIVE = ("judge", "limits", "learn.false_alerts_per_day", "hub.write_buffer_bytes", "hub.page_size")
_ELSEWHERE = ("tune", "feeds")  # no process of the service reads these


class SiteFile:
    """A site's configuration and its copy; a context that makes the copy and takes it away.

    Parameters
    ----------
    path : Path
        Site configuration, TOML.

    Raises
    ------
    ConfigError
        As `engine.config.load_config`.
    UsageError
        It declares no spindle.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._proven = self._held = _read(path)

    @property
    def config(self) -> Config:
        """What holds now."""
        return self._held[1]

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="spindlewatch-")  # for its owner only
        self.copy = Path(self._folder.name) / "site.toml"
        """What the children read."""
        try:
            self._write()
        except SpindlewatchError:
            self._folder.cleanup()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._folder.cleanup()

    def reload(self) -> list[Change]:
        """Read the file again; if it can take the old one's place without a restart, it does.

        Returns
        -------
        list of tuple
            What changed.

        Raises
        ------
        SpindlewatchError
            It is not valid, changes what needs a restart, or there is no room for its copy; all stays as it was.
        """
        text, config = _read(self.path)
        changed = changes(self.config, config)
        stiff = [told(change) for change in changed if not _is_live(change[0])]
        if stiff:
            raise ConfigError(f"{self.path}: this needs a restart: {some(stiff)}")
        before, self._held = self._held, (text, config)
        try:
            self._write()
        except SpindlewatchError:
            self._held = before
            raise
        return changed

    def prove(self) -> None:
        """Keep what holds now as something to go back to: every process could use it."""
        self._proven = self._held

    def revert(self) -> None:
        """Go back to what every process could use: what `reload` took was refused for what this one cannot know of.

        Raises
        ------
        SpindlewatchError
            There is no room for the copy.
        """
        self._held = self._proven
        self._write()

    def _write(self) -> None:
        new = self.copy.with_suffix(".new")
        try:
            new.write_text(self._held[0], encoding="utf-8")
            os.replace(
                new, self.copy
            )  # whoever reads at this moment has the one or the other, never half of it
        except OSError as error:
            raise SpindlewatchError(f"{self.path}: no copy can be kept for the processes: {error}") from error


def changes(old: Config, new: Config) -> list[Change]:
    r"""What differs between two configurations.

    Parameters
    ----------
    old, new : Config
        Valid.

    Returns
    -------
    list of tuple
        In the order of the keys. Spindles are told by name; whether a password changed is told, but none itself.

    Examples
    --------
    >>> from engine.config import load_config
    >>> changes(load_config(), parse_config("[judge]\non = 1.5"))
    [('judge.on', 1.0, 1.5)]
    """
    before, after = dict(_flat(old)), dict(_flat(new))
    paths = [*before, *(path for path in after if path not in before)]
    return [
        (path, _shown(path, before.get(path)), _shown(path, after.get(path)))
        for path in paths
        if before.get(path) != after.get(path)
    ]


def told(change: Change) -> str:
    """Write a change for people.

    Examples
    --------
    >>> told(("judge.on", 1.0, 1.5))
    'judge.on: 1.0 -> 1.5'
    """
    path, before, after = change
    return f"{path}: {_value(before)} -> {_value(after)}"


def some(texts: list[str], most: int = 5) -> str:
    """Join the first few of many.

    Examples
    --------
    >>> some(["a", "b", "c"], 2)
    'a, b and 1 more'
    """
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return ", ".join(texts[:most]) + more


def _read(path: Path) -> tuple[str, Config]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error
    config = parse_config(text, str(path))
    if not config.spindles:
        raise UsageError(f"{path}: wanted the spindles to watch as [[spindles]], got none")
    return text, config


def _flat(config: Config) -> Iterator[tuple[str, Any]]:
    tables = msgspec.to_builtins(config)
    tables["spindles"] = {spindle["name"]: spindle for spindle in tables["spindles"]}
    return _leaves("", tables)


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, below in value.items():
            yield from _leaves(f"{path}.{key}" if path else str(key), below)
    elif isinstance(value, list | tuple) and any(isinstance(below, dict) for below in value):
        for index, below in enumerate(value):
            yield from _leaves(f"{path}[{index}]", below)
    elif value not in ({}, [], ()):
        yield path, list(value) if isinstance(value, tuple) else value  # as TOML writes it


def _is_live(path: str) -> bool:
    return any(path == key or path.startswith((f"{key}.", f"{key}[")) for key in (*_LIVE, *_ELSEWHERE))


def _shown(path: str, value: Any) -> Any:
    if path.startswith(("feeds.", "notify")):
        return "..."  # what stands in there is their business, and may be secret
    return without_password(value) if path == "redis.url" and value is not None else value


def _value(value: Any) -> str:
    return "(none)" if value is None else str(value)
