"""Messages that seek what none has reached yet: `python -m perf.fuzz_wire REPORT N CORPUS [libFuzzer's options]`.

libFuzzer (by atheris) changes inputs so that they take ways through `engine.wire` and `engine.sources.inlet` that none
took before, and keeps those that do. What it cannot see is the inside of msgspec, which is compiled: there it has the
words of the format to play with. A process of its own, for libFuzzer ends the one it runs in.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import atheris
import orjson

with atheris.instrument_imports(include=["engine.wire", "engine.sources.inlet", "engine.redis_keys"]):
    from engine.sources.inlet import Inlet
    from engine.wire import decode, encode

from engine.checkpoint import Position
from engine.clock import NS_PER_S
from engine.errors import WireError
from engine.records import Block
from perf.bench_wire import SPINDLE, T0_NS


class Target:
    """Takes inputs and counts what becomes of them.

    Parameters
    ----------
    report : Path
        Where the counts are written once ``n_inputs`` have come.
    n_inputs : int
        That many.
    """

    def __init__(self, report: Path, n_inputs: int) -> None:
        self._report, self._n_inputs = report, n_inputs
        self._counts = {"inputs": 0, "valid": 0, "refused": 0, "crashes": 0}
        self._first = ""

    def take(self, data: bytes) -> None:
        """Give one input to the engine; what it takes must be the same when it is sent again."""
        counts = self._counts
        counts["inputs"] += 1
        try:
            counts["valid" if _holds(data) else "refused"] += 1
        except Exception as error:
            counts["crashes"] += 1
            self._first = self._first or f"{type(error).__name__}: {error}: {data[:300]!r}"
        if counts["inputs"] == self._n_inputs:
            self._report.write_bytes(orjson.dumps({**counts, "first": self._first}))


def _holds(data: bytes) -> bool:
    """Whether a message is valid; raises what must never be raised."""
    inlet = Inlet(SPINDLE, Position(), (), 5 * NS_PER_S)
    inlet.take([(b"1-1", {b"d": data, b"n": data[-20:]})], T0_NS, T0_NS)
    try:
        item = decode(data)
    except WireError as error:
        if not str(error).isprintable():
            raise AssertionError("an error that is no plain line of text") from error
        return False
    again = decode(encode(item))
    assert _parts(again) == _parts(item), "another record when it is sent again"
    return True


def _parts(item: Any) -> Any:
    if not isinstance(item, Block):
        return item
    return (
        item.spindle,
        item.group,
        item.t_ns,
        item.sample_rate_hz,
        item.samples.shape,
        item.samples.tobytes(),
    )


if __name__ == "__main__":
    target = Target(Path(sys.argv[1]), int(sys.argv[2]))
    atheris.Setup([sys.argv[0], *sys.argv[3:]], target.take)
    atheris.Fuzz()
