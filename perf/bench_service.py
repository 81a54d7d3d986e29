"""The service while its parts die: is every alert told, and once; is anything learnt lost; how soon does it go on."""

from __future__ import annotations

import random
import re
import shutil
import statistics
import tempfile
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import orjson

from engine import checkpoint, redis_keys
from perf.chaos import HANG_S, Chaos
from perf.figures import Bench, FailedError, Measured, figure
from perf.hosts import Hosts, NoHostsError, two_hosts
from perf.live_shop import LiveShop
from perf.real_redis import RedisServer, wait_until
from perf.run_process import Run
from perf.service_process import START_NS, Service

_N_EACH = 5
_N_SPINDLES, _N_SHARDS, _SPEED = 4, 2, 2.0
_BETWEEN_S = 0.1, 1.5  # from one disturbance that has been overcome to the next
_LONG_S = 120.0
_NET, _PORT = 8, 6390
_LEARNT = "slide", "detect"  # what the other steps know holds when something was received, too
_WALL_TIMES = "received_ns", "judged_ns"
_RESUMED = re.compile(r"redis: connected; (\d+) of (\d+) spindles go on where they were")


@dataclass(frozen=True, slots=True)
class Told:
    """What a disturbed service told, beside one that was left alone.

    Parameters
    ----------
    n_alerts : int
        Messages of the one that was left alone.
    n_missing : int
        Of them those that the disturbed one's stream lacks, and those that its journal lacks.
    n_twice : int
        Messages more than once in its stream, or in its journal.
    n_other : int
        Messages in either that the one left alone did not tell, or told with other words.
    """

    n_alerts: int
    n_missing: int
    n_twice: int
    n_other: int


def compare(wanted: Sequence[bytes], *told: Sequence[bytes]) -> Told:
    """Compare alert messages.

    Parameters
    ----------
    wanted : sequence of bytes
        JSON as `sinks.alert_json.alert_as_dict` made it: of the service that was left alone.
    *told : sequence of bytes
        Of the other one: its stream, its journal.

    Returns
    -------
    Told
        When a message was received and judged does not count.
    """
    whole = dict(map(_message, wanted))
    others = [list(map(_message, one)) for one in told]
    return Told(
        len(whole),
        sum(len(set(whole) - {key for key, _ in one}) for one in others),
        sum(len(one) - len({key for key, _ in one}) for one in others),
        sum(whole.get(key) != alert for one in others for key, alert in one),
    )


def _message(json: bytes) -> tuple[str, dict[str, Any]]:
    alert = orjson.loads(json)
    for name in _WALL_TIMES:
        del alert[name]
    return f"{alert['id']}|{alert['state']}|{alert['t_ns']}", alert


@dataclass(frozen=True, slots=True)
class _Found:
    """What came of it."""

    told: Told
    n_learnt_lost: int
    n_starts: int
    recovery_s: dict[str, list[float]]
    until_s: float
    left_out: str

    @property
    def n_disturbed(self) -> int:
        return sum(map(len, self.recovery_s.values()))

    @property
    def kinds(self) -> str:
        return (
            ", ".join(f"{len(took_s)} x {kind}" for kind, took_s in self.recovery_s.items()) + self.left_out
        )


def _chaos(bench: Bench) -> _Found:
    def measure() -> _Found:
        if shutil.which("redis-server") is None:
            raise FailedError("redis-server is not on the PATH")
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            left_out = ""
            try:
                hosts = stack.enter_context(two_hosts(_NET))
            except NoHostsError as error:
                hosts, left_out = None, f"; no network cut: {error}"
            place = ((), None) if hosts is None else (hosts.within[1], (hosts.addresses[1], _PORT))
            server = RedisServer(folder, *place)
            server.start()
            stack.callback(lambda: server.stop())
            return _run(server, folder, hosts, left_out)

    return bench.once("chaos", measure)


def _run(server: RedisServer, folder: Path, hosts: Hosts | None, left_out: str) -> _Found:
    shop = LiveShop(server, "chaos", n_spindles=_N_SPINDLES, seed=3, speed=_SPEED)
    service = _service(server, folder / "chaos", shop, hosts)
    run = Run(service, () if hosts is None else hosts.within[0])
    chaos = Chaos(run, server, hosts, random.Random(1))
    try:
        shop.start()
        run.start()
        _disturb_all(chaos)
        until_s = shop.end()
        wait_until(lambda: service.has_read_all() and run.followed() == run.told(), _LONG_S)
        ended = run.end()
    finally:
        shop.close()
        run.kill_all()
    if not ended.get("drained"):
        raise FailedError("asked to end, not every process came to rest by itself")
    whole = _left_alone(server, folder / "whole", shop)
    alerts = [_before(until_s, server.messages(redis_keys.alerts(one.prefix))) for one in (whole, service)]
    told = compare(alerts[0], alerts[1], _before(until_s, [json for _, json in run.journaled()]))
    n_anew, n_starts = _started_anew(service)
    n_lost = n_anew + _learnt_otherwise(server, whole, service)
    return _Found(told, n_lost, n_starts, chaos.recovery_s, until_s, left_out)


def _service(server: RedisServer, folder: Path, shop: LiveShop, hosts: Hosts | None) -> Service:
    """The site of the service that is disturbed; its ring is on, as by default."""
    settings = f"hang_s = {HANG_S}\nhttp_port = 0\n"
    service = Service(server, folder, shop.spindles, "chaos", settings, n_shards=_N_SHARDS)
    site = folder / "site.toml"
    text = site.read_text().replace("enabled = false", "max_gib = 0.2\nsegment_s = 5.0")
    if hosts is not None:
        text = text.replace(server.url, f"redis://{hosts.addresses[1]}:{_PORT}/0")
    site.write_text(text)
    return service


def _disturb_all(chaos: Chaos) -> None:
    """Do every kind of harm so many times, in a random order."""
    run = chaos.run
    wait_until(lambda: all(run.marks()), _LONG_S)
    wait_until(lambda: run.is_journaling() and run.followed() != ("0-0", "0-0"), _LONG_S)
    kinds = list(chaos.kinds()) * _N_EACH
    chaos.chance.shuffle(kinds)
    for kind in kinds:
        threading.Event().wait(chaos.chance.uniform(*_BETWEEN_S))
        chaos.disturb(kind)


def _left_alone(server: RedisServer, folder: Path, shop: LiveShop) -> Service:
    """Let a service read the very same streams that nobody disturbs."""
    whole = Service(server, folder, shop.spindles, "whole", n_shards=_N_SHARDS)
    with server.client() as redis:
        for spindle in shop.spindles:
            old, new = (redis_keys.stream_in(prefix, spindle.name) for prefix in ("chaos", "whole"))
            redis.rename(old, new)
    whole.start_all()
    try:
        wait_until(whole.has_read_all, _LONG_S)
    finally:
        whole.end_all()
    return whole


def _before(until_s: float, alerts: Sequence[bytes]) -> list[bytes]:
    """Leave out what was told of the silence after the shop had ended."""
    return [json for json in alerts if orjson.loads(json)["t_ns"] <= START_NS + until_s * 1e9]


def _started_anew(service: Service) -> tuple[int, int]:
    """How many spindles did not go on where they were when a shard started again; how many starts there were."""
    seen: set[str] = set()
    n_anew = n_starts = 0
    for line in service.log():
        said = _RESUMED.fullmatch(line["message"])
        if said and line["process"] in seen:
            n_anew += int(said[2]) - int(said[1])
            n_starts += 1
        elif said:
            seen.add(line["process"])
    return n_anew, n_starts


def _learnt_otherwise(server: RedisServer, *services: Service) -> int:
    """Of how many spindles services know other things at the end of the same streams."""
    with server.client() as redis:
        known = [
            [
                checkpoint.decode(
                    cast(bytes, redis.get(redis_keys.checkpoint(one.prefix, spindle.name))), ""
                ).states
                for spindle in one.spindles
            ]
            for one in services
        ]
    return sum(any(one[step] != other[step] for step in _LEARNT) for one, other in zip(*known, strict=True))


@figure("chaos_missing", unit="")
def chaos_missing(bench: Bench) -> Measured:
    found = _chaos(bench)
    told = found.told
    return Measured(
        told.n_missing,
        note=f"of {told.n_alerts} alert messages of {_N_SPINDLES} spindles in {found.until_s:.0f} s, in stream or "
        f"journal; {found.n_disturbed} disturbances: {found.kinds}",
        wrong=f"{told.n_other} messages that were not told without disturbance, or otherwise"
        if told.n_other
        else "",
    )


@figure("chaos_duplicates", unit="")
def chaos_duplicates(bench: Bench) -> Measured:
    return Measured(
        _chaos(bench).told.n_twice, note="the same message twice in the stream, or in the journal"
    )


@figure("chaos_learnt_lost", unit="")
def chaos_learnt_lost(bench: Bench) -> Measured:
    found = _chaos(bench)
    return Measured(
        found.n_learnt_lost,
        note=f"spindles that began anew at one of {found.n_starts} later starts of a shard, or that know other things "
        f"at the end than without disturbance ({' and '.join(_LEARNT)}, byte for byte)",
    )


@figure("chaos_recovery_s", unit="s")
def chaos_recovery(bench: Bench) -> Measured:
    took_s = _chaos(bench).recovery_s
    medians = ", ".join(f"{kind} {statistics.median(times):.1f}" for kind, times in took_s.items())
    return Measured(
        max(max(times) for times in took_s.values()),
        note="slowest; from a kill, or the end of a stop or cut, until every spindle has a newer checkpoint and the "
        f"journal has caught up; a shard that hangs is killed after {HANG_S:g} s; medians: {medians}",
    )
