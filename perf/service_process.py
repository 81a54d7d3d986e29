"""A simulated shop in Redis, and the service that watches it as a process."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import msgspec
import orjson
from redis import Redis

from engine import redis_keys
from engine.declared import Spindle
from engine.records import Block, Context, Tick
from engine.wire import encode
from perf.real_redis import LONG_S, RedisServer, wait_until
from replay.feed import site_text
from replay.simulate import Shop, demo_plan

START_NS = 1_700_000_000_000_000_000
Item = Block | Context | Tick


def shop_items(duration_s: float, n_spindles: int, seed: int = 1) -> tuple[tuple[Spindle, ...], list[Item]]:
    """What a simulated shop sends: its spindles; blocks and contexts with ticks in between."""
    shop = Shop(demo_plan(duration_s, seed, n_spindles), START_NS)
    items: list[Item] = []
    for step in range(1, round(duration_s * 4) + 1):
        items += shop.advance(step / 4)
        items += [Tick(spindle.name, START_NS + step * 250_000_000) for spindle in shop.spindles]
    return shop.spindles, items


def send(redis: Redis, prefix: str, items: Sequence[Item], first: int = 0) -> None:
    """Add items to their spindles' streams, as a sender does: ids of its own, running numbers after ``first``."""
    numbers: dict[str, int] = {}
    pipe = redis.pipeline(transaction=False)
    for item in items:
        number = numbers[item.spindle] = numbers.get(item.spindle, first) + 1
        fields: dict[Any, Any] = {"d": encode(item), "n": number}
        pipe.xadd(redis_keys.stream_in(prefix, item.spindle), fields, id=f"{START_NS // 10**6}-{number}")
        if number % 200 == 0:
            pipe.execute()
    pipe.execute()


@dataclass
class Service:
    """The engine processes of a service, each by itself, without a supervisor."""

    server: RedisServer
    folder: Path
    spindles: tuple[Spindle, ...]
    prefix: str
    site: str = ""
    batch: int = 500
    n_shards: int = 1
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.folder.mkdir(exist_ok=True)
        settings = (
            f'checkpoint_s = 0.5\nbatch = {self.batch}\n[journal]\npath = "{self.folder}/shop.sqlite3"\n'
            f"[ring]\nenabled = false\n[service]\nshards = {self.n_shards}\n{self.site}\n"
        )
        written = site_text(self.spindles, self.server.url, self.prefix)
        head, _, declared = written.partition("\n\n")
        (self.folder / "site.toml").write_text(f"{head}\n{settings}\n{declared}")

    def start(self, *options: str, shard: int = 0, within: Sequence[str] = ()) -> subprocess.Popen[bytes]:
        """Start one of them; ``within`` is put in front of its command."""
        command = [*within, sys.executable, "-m", "engine.service.shard", "--json", *options]
        command += ["--config", str(self.folder / "site.toml"), "--shard", str(shard)]
        with (self.folder / "log.jsonl").open("ab") as log:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)
        self.processes.append(process)
        return process

    def end(self, number: int = signal.SIGTERM) -> bytes:
        """End the one that was started last; what it printed."""
        self.processes[-1].send_signal(number)
        told, _ = self.processes[-1].communicate(timeout=LONG_S)
        return told

    def reshard(self, n_shards: int) -> None:
        """Let so many processes share the spindles from the next start on."""
        site = self.folder / "site.toml"
        text = site.read_text()
        assert text.count(f"shards = {self.n_shards}\n") == 1
        site.write_text(text.replace(f"shards = {self.n_shards}\n", f"shards = {n_shards}\n"))
        self.n_shards = n_shards

    def start_all(self) -> None:
        """Start every shard."""
        for shard in range(self.n_shards):
            self.start(shard=shard)

    def end_all(self, number: int = signal.SIGTERM) -> list[bytes]:
        """End those that run; what each printed."""
        running = [process for process in self.processes if process.returncode is None]
        for process in running:
            process.send_signal(number)
        return [process.communicate(timeout=LONG_S)[0] for process in running]

    def log(self) -> list[dict[str, Any]]:
        """What was logged so far."""
        path = self.folder / "log.jsonl"
        return [orjson.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []

    def has_read_all(self) -> bool:
        """Whether every stream has been read to its end, and that is on record."""
        with self.server.client() as redis:
            for spindle in self.spindles:
                data = cast(bytes | None, redis.get(redis_keys.checkpoint(self.prefix, spindle.name)))
                newest = cast(
                    list[Any], redis.xrevrange(redis_keys.stream_in(self.prefix, spindle.name), count=1)
                )
                if data is None or position(data) != newest[0][0].decode():
                    return False
        return True

    def checkpoints(self) -> tuple[bytes | None, ...]:
        """What is on record of each spindle."""
        keys = [redis_keys.checkpoint(self.prefix, spindle.name) for spindle in self.spindles]
        with self.server.client() as redis:
            return tuple(cast(list[bytes | None], redis.mget(keys)))

    def n_checkpoints(self) -> int:
        """How many spindles have one."""
        return sum(data is not None for data in self.checkpoints())

    def alerts(self, until_s: float = 1e6) -> list[str]:
        """Keys of the alerts told so far, in order; without those of the silence after the stream's end."""
        keys = self.server.keys(redis_keys.alerts(self.prefix))
        return [key for key in keys if int(key.rpartition("|")[2]) <= START_NS + until_s * 1e9]

    def wait_until_all_is_read(self) -> None:
        """Wait until nothing is left to be read."""
        wait_until(self.has_read_all, 60.0)


def position(data: bytes) -> str:
    """Up to which entry a checkpoint knows."""
    return str(msgspec.msgpack.decode(data)[1]["position"]["entry"])
