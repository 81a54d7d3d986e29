"""A shop's worth of senders in one process: blocks of many spindles into Redis, at the pace of real sensors.

``python -m perf.load URL PREFIX N_SPINDLES DURATION_S`` sends and prints how late it was, as one JSON line. Every
second a blow falls on one of the spindles, in turn.
"""

from __future__ import annotations

import json
import sys
import threading
from itertools import pairwise, product
from typing import Any

import numpy as np
from redis import Redis

from engine import redis_keys
from engine.clock import NS_PER_S, WallClock, monotonic_s
from engine.records import Block, Context
from engine.wire import encode
from perf.streams import FS_HZ, HOP_NS, hop_pool, spindles

N_KEPT = 100  # entries of a stream: ten seconds
_BLOW_G = 60.0
_LEARN_S = 30.0  # until then no blow falls
_SLICES = 20  # parts of a tenth of a second in which spindles deliver, one after the other


class Load:
    """Sends the next tenth of a second of every spindle, each at its own moment within it.

    Parameters
    ----------
    redis : Redis
        Where to.
    prefix : str
        ``[redis] prefix``.
    n_spindles : int
        As `perf.streams.spindles` declares them.
    start_ns : int
        Wall time of the first sample of the first spindle; the others' begin up to a tenth of a second later.
    """

    def __init__(self, redis: Redis, prefix: str, n_spindles: int, start_ns: int) -> None:
        self._redis, self._start_ns = redis, start_ns
        self._names = [spindle.name for spindle in spindles(n_spindles)]
        self._streams = [redis_keys.stream_in(prefix, name) for name in self._names]
        self._phases_ns = [HOP_NS * i // n_spindles for i in range(n_spindles)]
        self._pool = hop_pool()
        self._blow = _blow(self._pool[0])
        self.n_blows = self.n_sent = 0

    def introduce(self) -> None:
        """Tell of every spindle what it machines."""
        pipe = self._redis.pipeline(transaction=False)
        for index, (name, stream) in enumerate(zip(self._names, self._streams, strict=True)):
            t_ns = self._start_ns - HOP_NS
            context = Context(name, t_ns, "T1", "O1001", "rough", 3600.0 + index % 100, 800.0, True, 4)
            self._add(pipe, stream, encode(context))
        pipe.execute()

    def send(self, hop: int, of: slice) -> None:
        """Send one block of some of the spindles, which must have ended by now."""
        pipe = self._redis.pipeline(transaction=False)
        for index in range(len(self._names))[of]:
            samples = self._pool[(7 * hop + index) % len(self._pool)]
            if self._is_hit(hop, index):
                samples, self.n_blows = self._blow, self.n_blows + 1
            t_ns = self._start_ns + self._phases_ns[index] + hop * HOP_NS
            block = Block(self._names[index], "vib", t_ns, FS_HZ, samples)
            self._add(pipe, self._streams[index], encode(block))
        pipe.execute()

    def due_ns(self, hop: int, of: slice) -> int:
        """When the last sample of these blocks has been measured."""
        last = range(len(self._names))[of][-1]
        return self._start_ns + self._phases_ns[last] + (hop + 1) * HOP_NS

    def _is_hit(self, hop: int, index: int) -> bool:
        second, tenth = divmod(hop, 10)
        return tenth == 0 and second >= _LEARN_S and index == second % len(self._names)

    def _add(self, pipe: Any, stream: str, message: bytes) -> None:
        pipe.xadd(stream, {"d": message}, maxlen=N_KEPT, approximate=True)
        self.n_sent += 1


def _blow(hop: np.ndarray) -> np.ndarray:
    """A hop with a blow in it: a few milliseconds at many times what machining shakes."""
    hit = hop.copy()
    t_s = np.arange(hop.shape[1] - 512) / FS_HZ
    hit[:, 512:] += (_BLOW_G * np.exp(-t_s / 0.004) * np.sin(2 * np.pi * 1500.0 * t_s)).astype(np.float32)
    return hit


def main(url: str, prefix: str, n_spindles: int, duration_s: float) -> None:
    """Send for so long."""
    clock, pause = WallClock(), threading.Event()
    with Redis.from_url(url, protocol=2) as redis:
        load = Load(redis, prefix, n_spindles, clock.now_ns() + NS_PER_S // 2)
        load.introduce()
        n_slices = min(_SLICES, n_spindles)
        edges = [n_spindles * i // n_slices for i in range(n_slices + 1)]
        parts = [slice(first, after) for first, after in pairwise(edges)]
        late_ms = []
        began_s = monotonic_s()
        for hop, part in product(range(round(duration_s * 10)), parts):
            wait_s = (load.due_ns(hop, part) - clock.now_ns()) / NS_PER_S
            if wait_s > 0:
                pause.wait(wait_s)
            else:
                late_ms.append(-1e3 * wait_s)
            load.send(hop, part)
        told = {
            "sent": load.n_sent,
            "blows": load.n_blows,
            "took_s": monotonic_s() - began_s,
            "late_ms_p99": float(np.percentile(late_ms, 99)) if late_ms else 0.0,
            "late_ms_max": max(late_ms, default=0.0),
        }
    print(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
