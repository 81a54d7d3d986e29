"""A simulated shop that sends to Redis as real sensors would: the service, tried without machines."""

from __future__ import annotations

import json
import threading
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.clock import NS_PER_S, WallClock
from engine.config import load_config
from engine.declared import Spindle
from engine.errors import UsageError
from engine.producer import Producer
from engine.records import Tick
from engine.runtime import Stop
from engine.site import RedisConfig
from replay.layout import group_lines
from replay.simulate import Shop, demo_plan

_PERIOD_S = 0.05


@dataclass(frozen=True, slots=True)
class FeedResult:
    """What was sent.

    Parameters
    ----------
    n_sent, n_dropped, n_errors : int
        Entries in Redis; given up; failed attempts.
    """

    n_sent: int
    n_dropped: int
    n_errors: int

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {"sent": self.n_sent, "dropped": self.n_dropped, "errors": self.n_errors}


def feed_simulated(
    *,
    n_spindles: int = 4,
    seed: int = 1,
    duration_s: float | None = None,
    site: Path | None = None,
    config_path: Path | None = None,
) -> FeedResult:
    """Send what a simulated shop measures, in real time, until its duration is over or it is interrupted.

    Parameters
    ----------
    n_spindles, seed : int
        As `replay.demo.run_demo`.
    duration_s : float, optional
        None = until interrupted, with faults recurring.
    site : Path, optional
        Where to write a configuration that declares these spindles, for `spindlewatch run`; must not exist.
    config_path : Path, optional
        ``[redis]``: where to send.

    Returns
    -------
    FeedResult
        Counts over all spindles.

    Raises
    ------
    SpindlewatchError
        A configuration that cannot be used, or a site file that cannot be written.
    """
    redis, clock, stop = load_config(config_path).redis, WallClock(), Stop()
    start_ns = clock.now_ns()
    shop = Shop(demo_plan(duration_s, seed, n_spindles), start_ns)
    if site is not None:
        _write_site(site, shop.spindles, redis)
    with ExitStack() as stack:
        stack.enter_context(stop.on_signals())
        producers = {
            spindle.name: stack.enter_context(closing(Producer.of_site(redis, spindle.name)))
            for spindle in shop.spindles
        }
        resting = threading.Event()
        while not stop.asked:
            now_ns = clock.now_ns()
            now_s = (now_ns - start_ns) / NS_PER_S
            if duration_s is not None and now_s >= duration_s:
                break
            for item in shop.advance(now_s):
                producers[item.spindle].send(item)
            for name, producer in producers.items():
                producer.send(Tick(name, now_ns))
            resting.wait(_PERIOD_S)
    counts = [producer.counts for producer in producers.values()]
    sent, dropped, errors = (sum(count[key] for count in counts) for key in ("sent", "dropped", "errors"))
    return FeedResult(sent, dropped, errors)


def site_text(spindles: tuple[Spindle, ...], url: str, prefix: str, **more: str) -> str:
    """Write a configuration that declares spindles.

    Parameters
    ----------
    spindles : tuple of Spindle
        To declare.
    url, prefix : str
        ``[redis]``.
    **more : str
        Further keys of ``[redis]``; those that are empty are left out.

    Returns
    -------
    str
        TOML, for `engine.config.load_config`.
    """
    lines = ["[redis]", f"url = {json.dumps(url)}", f"prefix = {json.dumps(prefix)}"]
    lines += [f"{key} = {json.dumps(value)}" for key, value in more.items() if value]
    for spindle in spindles:
        lines += ["", "[[spindles]]", f"name = {json.dumps(spindle.name, ensure_ascii=False)}"]
        for group in spindle.groups:
            lines += ["", "[[spindles.groups]]", *group_lines(group)]
    return "\n".join(lines) + "\n"


def _write_site(path: Path, spindles: tuple[Spindle, ...], redis: RedisConfig) -> None:
    more = {"password_file": redis.password_file, "ca_file": redis.ca_file, "samples_url": redis.samples_url}
    try:
        path.touch(mode=0o600, exist_ok=False)  # the address may hold a password
        path.write_text(site_text(spindles, redis.url, redis.prefix, **more), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path}: wanted a new file to write the site to: {error}") from error
