"""Tokens: who may see what this machine knows. A file keeps their hashes; a token is shown once, when it is made.

A token is 256 random bits, so SHA-256 is all the hashing it needs: nobody can go through 2**256 of them, and a slow
hash, which is for passwords that people think of, would only give a flood of wrong tokens more work to cause.
"""

from __future__ import annotations

import fcntl
import hmac
import os
import secrets
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from engine.errors import ConfigError, UsageError

MAX_NAME = 64
_PREFIX = "sw_"  # so that scanners for leaked secrets know one
_N_BYTES = 32
_MAX_TOKEN = 128  # characters; nothing longer is even hashed
_MAX_TOKENS = 10_000
_MAX_FILE_BYTES = 8 * 1024 * 1024
_VERSION = 1


class Role(StrEnum):
    """What somebody may do; each may do what those before it may."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"

    def includes(self, other: Role) -> bool:
        """Whether this role may do what needs another.

        Examples
        --------
        >>> Role.OPERATOR.includes(Role.VIEWER), Role.VIEWER.includes(Role.OPERATOR)
        (True, False)
        """
        order = list(Role)
        return order.index(self) >= order.index(other)


class Token(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is kept of a token.

    Parameters
    ----------
    name : str
        Whose: a person, a screen, a program. Unique in a file; stands in the audit trail.
    role : Role
        What it may do.
    sha256 : str
        Of the token, 64 hex digits; the token cannot be found from it.
    created_ns : int
        UTC nanoseconds.
    expires_ns : int, optional
        UTC nanoseconds from which on it is worth nothing; None = it holds until it is removed.
    """

    name: Annotated[str, Meta(min_length=1, max_length=MAX_NAME)]
    role: Role
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    created_ns: int
    expires_ns: int | None = None

    def holds_at(self, now_ns: int) -> bool:
        """Whether it has not expired."""
        return self.expires_ns is None or now_ns < self.expires_ns


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: Annotated[int, Meta(ge=_VERSION, le=_VERSION)]
    tokens: Annotated[tuple[Token, ...], Meta(max_length=_MAX_TOKENS)]


def matching(tokens: Sequence[Token], text: str) -> Token | None:
    """Find the token that somebody shows; in a time that says nothing of those kept.

    Parameters
    ----------
    tokens : sequence of Token
        Those that there are; whether they have expired is not asked.
    text : str
        What was shown; anything.

    Returns
    -------
    Token or None
        None: it is none of them.
    """
    if len(text) > _MAX_TOKEN:
        return None
    shown, found = _hash(text), None
    for token in tokens:
        if hmac.compare_digest(token.sha256, shown):
            found = token
    return found


def read_tokens(path: Path) -> tuple[Token, ...]:
    """Read a file of tokens.

    Parameters
    ----------
    path : Path
        As `add_token` makes it.

    Returns
    -------
    tuple of Token
        In the order in which they were made.

    Raises
    ------
    ConfigError
        It cannot be read, is no such file, or others than its owner could write it; nothing that stands in it is told.
    """
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            data = file.read(_MAX_FILE_BYTES)
    except OSError as error:
        told = (
            "there is none; `spindlewatch token add` makes it" if isinstance(error, FileNotFoundError) else ""
        )
        raise ConfigError(f"{path}: tokens cannot be read: {told or error.strerror}") from None
    if mode & 0o022:
        raise ConfigError(
            f"{path}: wanted tokens that only their owner can write (mode 0600), got {mode:04o}"
        )
    try:
        return msgspec.json.decode(data, type=_File).tokens
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: no file of tokens: {error}") from None


def add_token(path: Path, name: str, role: Role, now_ns: int, expires_ns: int | None = None) -> str:
    """Make a token.

    Parameters
    ----------
    path : Path
        File of tokens; made if missing, readable by its owner only: who runs this or, if that is root, whose the
        folder is. One that is there stays whose it is, and its group may read it if it could.
    name : str
        Whose it is.
    role : Role
        What it may do.
    now_ns, expires_ns : int
        UTC nanoseconds: when it is made, and from when on it is worth nothing (None = never).

    Returns
    -------
    str
        The token: to be shown once, for it is kept nowhere.

    Raises
    ------
    UsageError
        There is one of that name, the name is none, or there are too many.
    ConfigError
        As `read_tokens`, or the file cannot be written.
    """
    if not name.isprintable() or name != name.strip() or not 0 < len(name) <= MAX_NAME:
        raise UsageError(f"got the name {name!r}, wanted 1 to {MAX_NAME} printable characters")
    with _changing(path) as tokens:
        if any(token.name == name for token in tokens):
            raise UsageError(
                f"{path}: there is a token named {name!r}; remove it first, or choose another name"
            )
        if len(tokens) >= _MAX_TOKENS:
            raise UsageError(f"{path}: there are {_MAX_TOKENS} tokens, which is the most")
        text = _PREFIX + secrets.token_urlsafe(_N_BYTES)
        _write(path, (*tokens, Token(name, role, _hash(text), now_ns, expires_ns)))
    return text


def remove_token(path: Path, name: str) -> None:
    """Let a token be worth nothing from now on; whoever is connected with it is cut off within seconds.

    Raises
    ------
    UsageError
        There is none of that name.
    ConfigError
        As `add_token`.
    """
    with _changing(path) as tokens:
        left = tuple(token for token in tokens if token.name != name)
        if len(left) == len(tokens):
            raise UsageError(f"{path}: there is no token named {name!r}")
        _write(path, left)


def _hash(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@contextmanager
def _changing(path: Path) -> Iterator[tuple[Token, ...]]:
    """What a file holds; nobody else changes it meanwhile, so of two at a time none is lost."""
    try:
        folder = os.open(path.absolute().parent, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise ConfigError(f"{path}: tokens cannot be kept there: {error.strerror}") from None
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield read_tokens(path) if path.exists() else ()
    finally:
        os.close(folder)


def _write(path: Path, tokens: tuple[Token, ...]) -> None:
    """Put a whole file in the place of the old one, so that whoever reads has the one or the other."""
    new = path.with_name(f".{path.name}.new")
    data = msgspec.json.format(msgspec.json.encode(_File(_VERSION, tokens)), indent=1)
    try:
        new.unlink(missing_ok=True)  # left behind by a process that was killed
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            _as_before(path, file.fileno())
            file.write(data + b"\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
    except OSError as error:
        raise ConfigError(f"{path}: tokens cannot be written: {error.strerror}") from None


def _as_before(path: Path, fd: int) -> None:
    """Let a new file be whose the old one was, a first one its folder's: root may make tokens for a service's user."""
    old = path if path.exists() else path.absolute().parent
    found = old.stat()
    if old is path:
        os.fchmod(fd, 0o600 | (found.st_mode & 0o040))
    if os.geteuid() == 0:
        os.fchown(fd, found.st_uid, found.st_gid)
