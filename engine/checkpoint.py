"""A checkpoint: what every step knows of one spindle, and up to which entry of its stream."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from engine.errors import CheckpointError

VERSION = 1

OWNER = "checkpoint"
"""Of the barriers that bring the states."""


@dataclass(frozen=True, slots=True)
class Position:
    """How far a stream has been read.

    Parameters
    ----------
    entry : str
        Id of the last entry that counts; ``0-0`` = none.
    n : int
        Its running number; 0 = its sender counts none.
    n_ticks : int
        Ticks that the engine itself made, since the stream began.
    """

    entry: str = "0-0"
    n: int = 0
    n_ticks: int = 0


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One spindle at one moment of its stream.

    Parameters
    ----------
    position : Position
        Everything up to here is in the states; nothing after it.
    t_ns : int
        Stream time.
    config_hash, learning_hash : str
        Of the configuration and the declaration under which it came to be.
    states : Mapping[str, bytes]
        By step id.
    """

    position: Position
    t_ns: int
    config_hash: str
    learning_hash: str
    states: Mapping[str, bytes]

    def encode(self) -> bytes:
        """Write it down."""
        return msgspec.msgpack.encode((VERSION, self))


def decode(data: bytes, spindle: str) -> Checkpoint:
    """Read a checkpoint.

    Parameters
    ----------
    data : bytes
        From `Checkpoint.encode`.
    spindle : str
        Whose, for errors.

    Returns
    -------
    Checkpoint
        Its states are read by the steps themselves.

    Raises
    ------
    CheckpointError
        It is none, damaged, or of another version.
    """
    try:
        version, found = msgspec.msgpack.decode(data, type=tuple[int, msgspec.Raw])
        if version != VERSION:
            raise CheckpointError(
                f"checkpoint of {spindle!r}: got version {version}, this program reads {VERSION}; "
                "start with --fresh to learn anew"
            )
        return msgspec.msgpack.decode(found, type=Checkpoint)
    except msgspec.MsgspecError as error:
        raise CheckpointError(
            f"checkpoint of {spindle!r}: cannot be read: {error}; start with --fresh to learn anew"
        ) from error
