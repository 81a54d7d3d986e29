"""How a child of the supervisor begins: bound to its parent, so that none goes on alone and is started twice.

``python -m engine.service.launch PARENT MODULE ARGUMENT...`` runs a module's ``main``, as ``python -m MODULE
ARGUMENT...`` would. It is the child that asks the kernel: a function between fork and exec, where Python could be made
to ask instead, may deadlock in a parent with threads.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from importlib import import_module

_PR_SET_PDEATHSIG = 1


def die_with(parent: int) -> None:
    """Let the kernel kill this process when its parent dies, however it dies.

    With SIGKILL, since a process that hangs would survive anything less; all that must last is in Redis.

    Parameters
    ----------
    parent : int
        Its process id; if it has died already, this process ends at once.
    """
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(1)


if __name__ == "__main__":
    die_with(int(sys.argv[1]))
    module, sys.argv = sys.argv[2], sys.argv[2:]
    sys.exit(import_module(module).main())
