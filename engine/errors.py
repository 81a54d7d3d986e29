"""Every error that spindlewatch raises on purpose.

::

    SpindlewatchError
    ├── ConfigError      a config file: unknown key, wrong type, impossible value      exit code 2
    ├── UsageError       a command called with what it cannot take                      exit code 2
    ├── RecordingError   a recording or a file to import that cannot be read as said    exit code 1
    ├── CheckpointError  what a running engine kept cannot be gone on from               exit code 1
    └── WireError        bytes from a gateway that are no block, context or tick        counted, never raised
                                                                                        out of a running flow

Each says what was got, what was wanted and where. The command line prints them as one line without a traceback.
"""

from __future__ import annotations


class SpindlewatchError(Exception):
    """An error with a message meant for the person at the keyboard."""

    exit_code = 1


class ConfigError(SpindlewatchError):
    """A configuration that cannot be used; the message carries the path of the key."""

    exit_code = 2


class UsageError(SpindlewatchError):
    """A command that was asked for something it cannot do."""

    exit_code = 2


class RecordingError(SpindlewatchError):
    """A recording, or a file to import, that does not hold what it should."""


class CheckpointError(SpindlewatchError):
    """A state that this program, or this configuration, cannot continue from."""


class WireError(SpindlewatchError):
    """Bytes that are no valid wire message."""
