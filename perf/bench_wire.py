"""Hostile input: what becomes of a million damaged messages on their way into the flow."""

from __future__ import annotations

import random
from collections import deque

import numpy as np

from engine.checkpoint import Position
from engine.clock import NS_PER_S
from engine.declared import Channel, SensorGroup, Spindle
from engine.records import Block, Context, Tick
from engine.sources.inlet import Inlet
from engine.wire import encode
from perf.figures import Bench, FailedError, Measured, figure
from perf.streams import resident_kib

_N_INPUTS = 1_000_000
_MAX_GROWN_MIB = 32
_T0_NS = 1_700_000_000_000_000_000
_TOKENS = (
    b"null",
    b"-1",
    b"1e999",
    b"9" * 40,
    b'"\\ud800"',
    b"\xff\xfe",
    b"[" * 40,
    b"SPWB",
    b'{"v":1,',
    b"\x00" * 8,
)


def _corpus() -> list[bytes]:
    """Valid messages of every kind, short ones, so that damage hits what is read."""
    samples = np.arange(6, dtype=np.float32).reshape(2, 3)
    context = Context("M1", _T0_NS, "T1", "O1001", "rough", 3600.0, 800.0, True, 4, "a")
    blocks = [Block(name, "vib", _T0_NS, 25_600.0, samples) for name in ("M1", "선반 1", "x" * 80)]
    items: list[Block | Context | Tick] = [*blocks, context, Context("M1", _T0_NS), Tick("M1", _T0_NS)]
    return [encode(item) for item in items]


def _damage(message: bytes, chance: random.Random) -> bytes:
    """One to four edits: bits, bytes, cuts, repeats, extremes of a field, words that parsers dislike."""
    data = bytearray(message)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(data) + 1)
        match chance.randrange(7):
            case 0 if at < len(data):
                data[at] ^= 1 << chance.randrange(8)
            case 1 if at < len(data):
                data[at] = chance.randrange(256)
            case 2:
                del data[at:]
            case 3:
                del data[at : at + chance.randint(1, 8)]
            case 4:
                data[at:at] = data[: chance.randint(1, 40)]
            case 5:
                data[at : at + 4] = chance.choice((b"\xff" * 4, b"\x00" * 4, b"\x7f\xff\xff\xff"))
            case _:
                data[at:at] = chance.choice(_TOKENS)
    return bytes(data)


@figure("wire_fuzz_crashes", unit="")
def wire_fuzz(bench: Bench) -> Measured:  # noqa: ARG001
    chance, seeds = random.Random(1), _corpus()
    grown: deque[bytes] = deque(maxlen=200)
    spindle = Spindle("M1", (SensorGroup("vib", "waveform", 25_600.0, (Channel("vib_x"), Channel("vib_y"))),))
    n_taken = n_refused = n_crashes = before_kib = 0
    for number in range(_N_INPUTS):
        if number == _N_INPUTS // 10:  # whatever is made once has been made
            before_kib = resident_kib()
        message = _damage(chance.choice(seeds if not grown or number % 2 else grown), chance)
        inlet = Inlet(spindle, Position(), (), 5 * NS_PER_S)
        try:
            items, refused = inlet.take([(b"1-1", {b"d": message})], _T0_NS, _T0_NS)
        except Exception:
            n_crashes += 1
            continue
        n_taken, n_refused = n_taken + len(items), n_refused + len(refused)
        if items and number % 20 == 0:
            grown.append(message)  # what passed is damaged further
    grown_mib = (resident_kib() - before_kib) / 1024
    if grown_mib > _MAX_GROWN_MIB:
        raise FailedError(
            f"resident memory grew by {grown_mib:.0f} MiB, at most {_MAX_GROWN_MIB} were expected"
        )
    return Measured(
        n_crashes,
        note=f"{_N_INPUTS:,} damaged messages: {n_taken:,} still valid, {n_refused:,} dead letters; resident memory "
        f"grew by {grown_mib:.1f} MiB in the last nine tenths",
    )
