"""Hostile input: what the wire decoder makes of a million damaged messages."""

from __future__ import annotations

import random
import resource

import numpy as np

from engine.errors import WireError
from engine.records import Block, Context, Tick
from engine.wire import decode, encode
from perf.figures import Bench, Measured, figure

_N_INPUTS = 1_000_000
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
    chance, corpus = random.Random(1), _corpus()
    n_valid = n_crashes = 0
    before_kib = 0
    for number in range(_N_INPUTS):
        if number == _N_INPUTS // 10:  # whatever is made once has been made
            before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        message = _damage(chance.choice(corpus), chance)
        try:
            item = decode(message)
            n_valid += 1
            if number % 100 == 0:
                corpus[number // 100 % 60 : 0] = [encode(item)]  # what passed is damaged further
                del corpus[200:]
        except WireError:
            pass
        except Exception:
            n_crashes += 1
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib
    return Measured(
        n_crashes,
        note=f"{_N_INPUTS:,} damaged messages, {n_valid:,} of them still valid; largest resident memory grew by "
        f"{grown_kib / 1024:.1f} MiB in the last nine tenths",
    )
