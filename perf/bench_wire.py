"""Hostile input: what becomes of a million damaged messages on their way into the flow, and of as many guided ones."""

from __future__ import annotations

import importlib.util
import random
import re
from collections import deque

import numpy as np
import orjson

from engine.checkpoint import Position
from engine.clock import NS_PER_S
from engine.declared import Channel, SensorGroup, Spindle
from engine.records import Block, Context, Tick
from engine.sources.inlet import Inlet
from engine.wire import encode
from perf.figures import Bench, FailedError, Measured, NotMeasurableError, figure
from perf.processes import run_python
from perf.streams import resident_kib

_N_INPUTS = 1_000_000
_N_GUIDED = 1_000_000
_MAX_GROWN_MIB = 32
T0_NS = 1_700_000_000_000_000_000
SPINDLE = Spindle("M1", (SensorGroup("vib", "waveform", 25_600.0, (Channel("vib_x"), Channel("vib_y"))),))
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

_WORDS = (
    *("SPWB", '{"v":1,', '"kind":"tick"', '"kind":"context"', '"spindle":"M1"', '"t_ns":', "null", "true"),
    *('"tool":', '"program":', '"section":', '"tool_edge":', '"rpm":', '"feed_mm_min":', '"cutting":'),
    *('"n_teeth":', "1e999", "-1", "9223372036854775808", "\\ud800", "\\u0000", "[[[[", "M1vib"),
)


def _corpus() -> list[bytes]:
    """Valid messages of every kind, short ones, so that damage hits what is read."""
    samples = np.arange(6, dtype=np.float32).reshape(2, 3)
    context = Context("M1", T0_NS, "T1", "O1001", "rough", 3600.0, 800.0, True, 4, "a")
    blocks = [Block(name, "vib", T0_NS, 25_600.0, samples) for name in ("M1", "선반 1", "x" * 80)]
    items: list[Block | Context | Tick] = [*blocks, context, Context("M1", T0_NS), Tick("M1", T0_NS)]
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
    n_taken = n_refused = n_crashes = before_kib = 0
    for number in range(_N_INPUTS):
        if number == _N_INPUTS // 10:  # whatever is made once has been made
            before_kib = resident_kib()
        message = _damage(chance.choice(seeds if not grown or number % 2 else grown), chance)
        inlet = Inlet(SPINDLE, Position(), (), 5 * NS_PER_S)
        try:
            items, refused = inlet.take([(b"1-1", {b"d": message})], T0_NS, T0_NS)
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


@figure("wire_fuzz_guided_crashes", unit="")
def wire_fuzz_guided(bench: Bench) -> Measured:
    if importlib.util.find_spec("atheris") is None:
        raise NotMeasurableError("atheris is not installed; `make bench` installs it")
    words, seeds, report = bench.work / "words", bench.work / "seeds", bench.work / "fuzzed.json"
    seeds.mkdir()
    for number, message in enumerate(_corpus()):
        (seeds / f"{number}").write_bytes(message)
    command = ["-m", "perf.fuzz_wire", str(report), str(_N_GUIDED), str(seeds)]
    command += [f"-runs={_N_GUIDED}", "-seed=1", "-max_len=4096", "-rss_limit_mb=1024", f"-dict={words}"]
    escaped = ("".join(f"\\x{byte:02x}" for byte in word.encode()) for word in _WORDS)
    words.write_text("".join(f'"{word}"\n' for word in escaped))
    found = run_python(*command)
    if not report.exists():
        raise FailedError(f"libFuzzer ended with {found.status}: {found.stderr[-300:]}")
    told = orjson.loads(report.read_bytes())
    (coverage,) = re.findall(r"DONE +cov: (\d+)", found.stderr) or ["?"]
    return Measured(
        told["crashes"],
        note=f"{told['inputs']:,} inputs, {told['valid']:,} of them valid messages; {coverage} places in the code "
        f"reached, {len(list(seeds.iterdir()))} inputs that reached another one",
        wrong=told["first"],
    )
