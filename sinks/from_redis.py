"""Alerts and tool lives from Redis into the journal, each once, and then to subscribers."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

from redis.exceptions import RedisError, ResponseError

from engine import redis_keys
from engine.errors import WireError
from engine.redis_link import connect
from engine.site import RedisConfig
from engine.verdicts import Alert, ToolLife
from sinks.alert_json import alert_from_json
from sinks.following import Step, StreamEnd, advance
from sinks.journal import Entry, Followed
from sinks.tool_history import life_from_json

_MOST = 500
_BLOCK_MS = 250  # how long a request to end may go unheard
_TIMEOUT_S = 1.0  # more than the above, or silence would look like a Redis that hangs
_HEAD_BYTES, _ERROR_LENGTH = 256, 200

_log = logging.getLogger(__name__)

_Entries = Sequence[tuple[bytes, Mapping[bytes, bytes]]]


class Keeper(Protocol):
    """What is asked of a journal: as documented at `sinks.journal.Journal`."""

    def follow(  # noqa: D102
        self, positions: Mapping[str, Followed], alerts: Sequence[Alert], lives: Sequence[ToolLife]
    ) -> list[Entry | None]: ...
    def followed(self, stream: str) -> Followed: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a stream carries."""

    what: str
    field: bytes
    read: Callable[[bytes], Alert | ToolLife]


_ALERTS = _Kind("alert", b"alert", alert_from_json)
_LIVES = _Kind("life", b"life", life_from_json)


@dataclass(slots=True)
class _Got:
    """What one round brought."""

    positions: dict[str, Followed] = field(default_factory=dict)
    alerts: list[Alert] = field(default_factory=list)
    lives: list[ToolLife] = field(default_factory=list)
    letters: list[dict[str, Any]] = field(default_factory=list)


class Intake:
    """One round after the other: read, journal together with how far was read, tell. Of one thread.

    A crash at any moment loses nothing and repeats nothing: what was journaled is known with its position, and
    subscribers resume from the journal. An entry that is no alert or tool life becomes a dead letter.

    Parameters
    ----------
    redis : RedisConfig
        Where.
    journal : Keeper
        Where to.
    tell : callable
        Told what is in the journal now.
    on_journaled : callable
        Told each alert that is in the journal now and was not before.
    """

    def __init__(
        self,
        redis: RedisConfig,
        journal: Keeper,
        tell: Callable[[Sequence[Entry]], None],
        on_journaled: Callable[[Alert], None] = lambda _: None,
    ) -> None:
        self._redis = connect(redis, timeout_s=_TIMEOUT_S)
        self._config, self._journal, self._tell, self._on_journaled = redis, journal, tell, on_journaled
        self._kinds: dict[str, _Kind] = {
            redis_keys.alerts(redis.prefix): _ALERTS,
            redis_keys.lives(redis.prefix): _LIVES,
        }
        self._positions = {stream: journal.followed(stream) for stream in self._kinds}
        self.counts: Counter[str] = Counter()
        """Alerts ``journaled`` and ``repeated``; ``lives``; ``lost`` entries of either; streams ``restarted``; dead
        letters ``not_kept``."""
        self.dead: Counter[str] = Counter()
        """Entries that could not be used: ``alert``, ``life``."""

    def round(self) -> bool:
        """Read what has come; wait a quarter of a second if nothing has.

        Returns
        -------
        bool
            Whether anything came, so that there may be more.

        Raises
        ------
        RedisError, SpindlewatchError
            Nothing has been read: the next round begins where this one did.
        """
        found = self._read()
        got = _Got()
        for stream, (step, entries) in found.items():
            if step.is_other:
                _log.warning("%s: another stream than before; read from its beginning", stream)
                self.counts["restarted"] += 1
            if step.n_lost:
                _log.error("%s: %d entries were gone before they were read", stream, step.n_lost)
                self.counts["lost"] += step.n_lost
            if step.position != self._positions[stream]:
                got.positions[stream] = step.position
            self._open(stream, entries, got)
        if got.positions:
            self._keep(got)
            return True
        self._redis.xread(self._where(), count=1, block=_BLOCK_MS)
        return False

    def close(self) -> None:
        """End the connection."""
        self._redis.close()

    def _where(self) -> Any:
        return {stream: position.entry for stream, position in self._positions.items()}

    def _read(self) -> dict[str, tuple[Step, _Entries]]:
        """Of each stream what comes next, and what became of it."""
        pipe = self._redis.pipeline(transaction=False)
        for stream in self._kinds:
            pipe.xinfo_stream(stream)
        pipe.xread(self._where(), count=_MOST)
        *ends, answer = pipe.execute(raise_on_error=False)
        if isinstance(answer, Exception):
            raise answer
        read = {key.decode(): entries for key, entries in cast(list[tuple[bytes, _Entries]], answer or ())}
        found: dict[str, tuple[Step, _Entries]] = {}
        for (stream, position), end in zip(self._positions.items(), ends, strict=True):
            entries = read.get(stream, ())
            ids = [entry.decode() for entry, _ in entries]
            step = advance(position, _end(end), ids, _MOST)
            found[stream] = step, entries[: step.n_taken]
        return found

    def _open(self, stream: str, entries: _Entries, got: _Got) -> None:
        """Read a stream's entries; those that cannot be read become dead letters."""
        kind = self._kinds[stream]
        for entry, fields in entries:
            data = fields.get(kind.field, b"")
            try:
                record = kind.read(data)
            except WireError as error:
                got.letters.append(
                    {
                        "spindle": "",
                        "reason": kind.what,
                        "error": str(error)[:_ERROR_LENGTH],
                        "entry": entry,
                        "head": data[:_HEAD_BYTES],
                    }
                )
            else:
                if isinstance(record, Alert):
                    got.alerts.append(record)
                else:
                    got.lives.append(record)

    def _keep(self, got: _Got) -> None:
        entries = self._journal.follow(got.positions, got.alerts, got.lives)
        self._positions |= got.positions
        told = [entry for entry in entries if entry is not None]
        if told:
            self._tell(told)
        self.counts["journaled"] += len(told)
        self.counts["repeated"] += len(entries) - len(told)
        self.counts["lives"] += len(got.lives)
        for alert, entry in zip(got.alerts, entries, strict=True):
            if entry is not None:
                self._on_journaled(alert)
        if got.letters:
            self._refuse(got.letters)

    def _refuse(self, letters: Sequence[dict[str, Any]]) -> None:
        """Keep dead letters for inspection; they are counted even if that fails."""
        for letter in letters:
            if not self.dead[letter["reason"]]:
                _log.warning(
                    "%s of entry %s cannot be used: %s",
                    letter["reason"],
                    letter["entry"].decode(),
                    letter["error"],
                )
            self.dead[letter["reason"]] += 1
        pipe = self._redis.pipeline(transaction=False)
        for letter in letters:
            key = redis_keys.dead_letters(self._config.prefix)
            pipe.xadd(key, letter, maxlen=self._config.dead_letters, approximate=True)  # type: ignore[arg-type]
        try:
            pipe.execute()
        except RedisError as error:
            self.counts["not_kept"] += len(letters)
            _log.warning("redis: dead letters not kept: %s", error)


def _end(answer: Any) -> StreamEnd:
    """Read what XINFO STREAM says; a key that is not there is an empty stream."""
    if isinstance(answer, ResponseError) and "no such key" in str(answer):
        return StreamEnd()
    if isinstance(answer, Exception):
        raise answer
    last = answer["last-generated-id"]
    n_added = answer.get("entries-added")
    return StreamEnd(last.decode() if isinstance(last, bytes) else str(last), n_added, answer["length"])
