"""Who is let in, and what becomes of those who are not. Reads the file of tokens; no network.

A token is checked at once and a right one is never kept waiting. A wrong one gets its answer after a pause that grows
with every failure of its address, and holds one of that address's few places until then, whether or not it waits.
"""

from __future__ import annotations

import logging
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from engine.clock import WallClock
from engine.errors import ConfigError
from engine.site import AccessConfig
from sinks.audit import Deed
from sinks.tokens import Role, Token, matching, read_tokens

OPEN = AccessConfig(tokens_file="", origins=(), tls_cert="", tls_key="", tls_elsewhere=False)
"""No token is asked for; for a server that only this machine can reach."""

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 5.0
_FORGIVEN_S = 600.0
_MAX_ADDRESSES = 4096  # remembered for having failed; the one that failed longest ago is forgotten first
_MAX_WAITING, _MAX_WAITING_OF_ONE = 512, 64

_log = logging.getLogger(__name__)

Caller = TypeVar("Caller", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Principal:
    """Whom a connection belongs to.

    Parameters
    ----------
    name : str
        Of the token; ``local`` where none is asked for.
    role : Role
        What it may do.
    address : str
        Where it comes from.
    token : Token, optional
        What was shown; None = none was asked for.
    """

    name: str
    role: Role
    address: str = ""
    token: Token | None = None


LOCAL = Principal("local", Role.OPERATOR)
"""Whoever sits at this machine, where no token is asked for."""


class Gate:
    """Knows the tokens, as they stand in their file at the moment. Belongs to one thread.

    A file that is gone lets nobody in any more; of one that has become unusable it is told, and what held holds on.

    Parameters
    ----------
    access : AccessConfig
        ``[access]``.
    counts : Counter of str
        ``refused_token`` is counted there.
    note : callable
        Told what the audit trail should say.
    now_ns : callable
        UTC nanoseconds by the clock that tokens are stamped with.

    Raises
    ------
    ConfigError
        The tokens cannot be read.
    """

    def __init__(
        self,
        access: AccessConfig,
        counts: Counter[str],
        note: Callable[[Deed], None],
        now_ns: Callable[[], int] = WallClock.system_ns,
    ) -> None:
        self._path = Path(access.tokens_file) if access.tokens_file else None
        self._counts, self._note, self._now_ns = counts, note, now_ns
        self._seen = self._mark()
        self._tokens = read_tokens(self._path) if self._path else ()

    @property
    def asks(self) -> bool:
        """Whether a token is wanted at all."""
        return self._path is not None

    def admit(self, text: str, address: str) -> Principal | None:
        """Check a token that somebody shows.

        Parameters
        ----------
        text : str
            Anything.
        address : str
            Whose.

        Returns
        -------
        Principal or None
            None: it is none, or holds no more; which of these is for the audit trail only.
        """
        self.refresh()
        token = matching(self._tokens, text)
        if token is None or not token.holds_at(self._now_ns()):
            why = "token refused" if token is None else "token expired"
            self._counts["refused_token"] += 1
            self.note(
                None if token is None else Principal(token.name, token.role), address, "connect", "", why
            )
            return None
        principal = Principal(token.name, token.role, address, token)
        self.note(principal, address, "connect")
        return principal

    def holds(self, principal: Principal) -> bool:
        """Whether whoever was let in may stay."""
        token = principal.token
        return token is None or (token in self._tokens and token.holds_at(self._now_ns()))

    def note(
        self, who: Principal | None, address: str, what: str, subject: str = "", outcome: str = "ok"
    ) -> None:
        """Let the audit trail say what somebody did; None = nobody knows who."""
        name, role = ("", "") if who is None else (who.name, str(who.role))
        self._note(Deed(self._now_ns(), name, role, address, what, subject, outcome))

    def refresh(self) -> None:
        """Read the tokens again if their file has changed."""
        mark = self._mark()
        if self._path is None or mark == self._seen:
            return
        self._seen = mark
        try:
            tokens = () if mark is None else read_tokens(self._path)
        except ConfigError as error:
            _log.error("tokens not read again, those before hold on: %s", error)
            return
        for what, these, others in (("removed", self._tokens, tokens), ("added", tokens, self._tokens)):
            for token in sorted(set(these) - set(others), key=lambda one: one.name):
                self.note(None, "", f"token {what}", f"{token.name} ({token.role})")
        _log.info("%s: %d tokens now", self._path, len(tokens))
        self._tokens = tokens

    def _mark(self) -> tuple[int, ...] | None:
        """What differs if the file does; None if there is none."""
        try:
            found = self._path.stat() if self._path else None
        except OSError:
            return None
        return None if found is None else (found.st_ino, found.st_mtime_ns, found.st_size, found.st_mode)


class Failures:
    """How often addresses have shown a wrong token lately; bounded, the longest ago are forgotten."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def pause_s(self, address: str, now_s: float) -> float:
        """Count a failure.

        Parameters
        ----------
        address : str
            Whose.
        now_s : float
            Monotonic seconds.

        Returns
        -------
        float
            How long its answer waits: 0.1 s at first, twice as long each time, 5 s at most; ten minutes are forgiven.
        """
        n, last_s = self._known.pop(address, (0, now_s))
        n = 1 if now_s - last_s > _FORGIVEN_S else n + 1
        self._known[address] = n, now_s
        while len(self._known) > _MAX_ADDRESSES:
            self._known.popitem(last=False)
        return min(_FIRST_PAUSE_S * 2.0 ** min(n - 1, 20), _LONGEST_PAUSE_S)


class Lobby(Generic[Caller]):
    """Connections that have not said yet, or not well enough, who they are: so many and no more.

    Parameters
    ----------
    strict : bool
        One address may have 64 of the 512 places; False: all of them, for only this machine can come.
    """

    def __init__(self, *, strict: bool) -> None:
        self._most_of_one = _MAX_WAITING_OF_ONE if strict else _MAX_WAITING
        self._waiting: dict[Caller, str] = {}  # oldest first
        self._n_of: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._waiting)

    def enter(self, caller: Caller, address: str) -> Caller | None:
        """Give a place to a new connection.

        Returns
        -------
        Caller or None
            Who has to go instead, if anybody: itself where its own address has too many, else the oldest.
        """
        if self._n_of[address] >= self._most_of_one:
            return caller
        self._waiting[caller] = address
        self._n_of[address] += 1
        if len(self._waiting) <= _MAX_WAITING:
            return None
        oldest = next(iter(self._waiting))
        self.leave(oldest)
        return oldest

    def leave(self, caller: Caller) -> None:
        """Free its place, if it has one."""
        address = self._waiting.pop(caller, None)
        if address is not None:
            self._n_of[address] -= 1
            if not self._n_of[address]:
                del self._n_of[address]
