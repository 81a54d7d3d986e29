"""``python -m sinks.contract [FOLDER]`` writes the contract's files, by default where they belong."""

from __future__ import annotations

import sys
from pathlib import Path

from sinks.contract.files import write

if __name__ == "__main__":
    for written in write(*map(Path, sys.argv[1:2])):
        print(written)
