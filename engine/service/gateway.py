"""The one process that people meet: alerts from Redis into the journal, and then to subscribers and the page.

Engines and gateway share nothing but Redis. So an engine that dies takes no subscriber with it, and a gateway that dies
keeps no engine waiting: what came meanwhile is read from where the journal ends.
"""

from __future__ import annotations

import argparse
import json
import logging
import signal
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from engine.clock import NS_PER_S, WallClock, monotonic_s
from engine.config import Config, HubConfig, load_config
from engine.errors import ConfigError, SpindlewatchError, UsageError
from engine.redis_link import without_password
from engine.service.health import HealthPipe, Heart, Metrics
from engine.service.logs import log_to_stderr
from engine.service.signals import Signals
from engine.verdicts import Alert
from sinks.from_redis import Intake
from sinks.journal import Entry, Journal
from sinks.live_intake import LiveIntake, WatchedBlocks
from sinks.outbound.outbound import Outbound
from sinks.retrying import Retrying
from sinks.websocket import LiveServer

_LOOK_S = 0.5
_END_S = 1.0  # for what is still in Redis when it is asked to end
_STALE_S = 5.0  # a round takes one second, a pause between two failed ones two
_FIXED = ("redis", "service", "cluster", "access", "journal", "spindles", "notify")

_log = logging.getLogger("engine.service.gateway")  # which runs as `__main__`


@dataclass(frozen=True, slots=True)
class GatewayResult:
    """What a gateway did from its start to its end.

    Parameters
    ----------
    received : Counter of str
        As `sinks.from_redis.Intake.counts`.
    dead_letters : Counter of str
        Entries that could not be used, by what they should have been.
    sent : Counter of str
        As `sinks.hub.Hub.counts`.
    """

    received: Counter[str]
    dead_letters: Counter[str]
    sent: Counter[str]

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "received": dict(self.received),
            "dead_letters": dict(self.dead_letters),
            "sent": dict(self.sent),
        }


def run_gateway(config_path: Path, *, port: int | None = None, health_fd: int | None = None) -> GatewayResult:
    """Serve until SIGTERM or SIGINT: then subscribers are told what is left, and to come back. Main thread only.

    SIGHUP reads the configuration again.

    Parameters
    ----------
    config_path : Path
        Site configuration; declares the spindles.
    port : int, optional
        Of the page; None = as configured.
    health_fd : int, optional
        Where to say once a second how it is.

    Returns
    -------
    GatewayResult
        What came and what became of it.

    Raises
    ------
    SpindlewatchError
        A configuration, port or journal that cannot be used. A Redis that is away is no error.
    """
    config = load_config(config_path)
    if not config.spindles:
        raise UsageError(f"{config_path}: wanted the spindles to watch as [[spindles]], got none")
    hub = config.hub if port is None else msgspec.structs.replace(config.hub, port=port)
    with ExitStack() as stack:
        signals = stack.enter_context(Signals())
        gateway = _Gateway(config_path, config, hub, health_fd, stack)
        gateway.serve(signals)
    return gateway.result()


class _Gateway:
    """The parts of a gateway, at work; the stack closes them, in order."""

    def __init__(
        self, path: Path, config: Config, hub: HubConfig, health_fd: int | None, stack: ExitStack
    ) -> None:
        self._path, self._config = path, config
        self._n_reloaded, self._gone = 0, False
        self._metrics = Metrics()
        stale_s = max(config.service.hang_s / 2, _STALE_S)
        self._heart = Heart(HealthPipe(health_fd, "gateway"), self._metrics, stale_s, self._be_alone)
        self._heart.start()
        stack.callback(self._heart.close)
        journal = stack.enter_context(closing(Journal(Path(config.journal.path))))
        redis, self._clock = config.redis, WallClock()
        watched = WatchedBlocks(redis, lambda records: self._server.tell((), records))
        self._server = LiveServer(hub, journal, self._clock, config.spindles, watched.watch, config.access)
        address = self._server.start()
        stack.callback(self._server.close)
        self._outbound = stack.enter_context(closing(Outbound(config, journal, self._clock)))
        self._intake = Intake(redis, journal, self._tell, self._journaled)
        names = [spindle.name for spindle in config.spindles]
        live = LiveIntake(redis, names, lambda records: self._server.tell((), records))
        for part in (watched, live, self._intake):
            stack.callback(part.close)
        self._threads = {
            "alerts": Retrying("alerts", self._round),
            "live": Retrying("live", live.round),
            "waveforms": Retrying("waveforms", watched.round),
        }
        self._lag = self._metrics.histogram("journal_lag_s")
        self._measure()
        told = len(config.spindles), without_password(redis.url), address.page_url
        _log.info("%d spindles from %s, page at %s", *told)

    def serve(self, signals: Signals) -> None:
        """Work until asked to end."""
        for thread in self._threads.values():
            thread.start()
        self._outbound.start()
        while not self._gone:
            asked = signals.wait((), _LOOK_S)
            if signal.SIGHUP in asked:
                self._reload()
            self._heart.tell(*self._health(), self._n_reloaded)
            if signal.SIGTERM in asked or signal.SIGINT in asked:
                break
            for thread in self._threads.values():
                if thread.failure is not None:
                    raise thread.failure
        self._end()

    def result(self) -> GatewayResult:
        """What it did."""
        return GatewayResult(self._intake.counts, self._intake.dead, self._server.counts)

    def _round(self) -> None:
        self._heart.touch()  # whether or not Redis answers, it is at work
        self._intake.round()

    def _end(self) -> None:
        """Bring on what is still in Redis, if it answers: engines end before, and this may be their last word."""
        self._heart.tell(False, "ending", self._n_reloaded)
        deadline_s = monotonic_s() + _END_S
        ended = {
            name: thread.close(max(deadline_s - monotonic_s(), 0.0)) for name, thread in self._threads.items()
        }
        if ended["alerts"] and self._threads["alerts"].trouble is None:
            try:
                while self._intake.round() and monotonic_s() < deadline_s:
                    pass
            except Exception as error:  # it is in Redis still, and read after the next start
                _log.warning("what came last was not read: %s", error)

    def _health(self) -> tuple[bool, str]:
        """Whether alerts are journaled, and why not, or what was lost."""
        trouble = self._threads["alerts"].trouble
        if trouble is not None:
            return False, trouble
        n_lost = self._intake.counts["lost"]
        lost = f"{n_lost} alerts or tool lives were gone before they were read" if n_lost else ""
        # A target that is away makes nobody else wait, so the gateway is ready.
        return True, "; ".join(told for told in (lost, self._outbound.trouble) if told)

    def _tell(self, entries: Sequence[Entry]) -> None:
        self._server.tell(entries)
        self._outbound.wake()

    def _journaled(self, alert: Alert) -> None:
        if alert.judged_ns is not None:
            self._lag.observe((self._clock.now_ns() - alert.judged_ns) / NS_PER_S)

    def _measure(self) -> None:
        """Let what is counted anyway be asked for."""
        counts, sent, ask = self._intake.counts, self._server.counts, self._metrics.ask
        threads = self._threads
        ask("journaled_total", lambda: counts["journaled"])
        ask("alerts_repeated_total", lambda: counts["repeated"])
        ask("lives_total", lambda: counts["lives"])
        ask("missing_total", lambda: counts["lost"])
        ask("streams_restarted_total", lambda: counts["restarted"])
        ask("redis_errors_total", lambda: sum(thread.n_redis_errors for thread in threads.values()))
        ask("journal_errors_total", lambda: threads["alerts"].n_errors)
        ask("redis_connected", lambda: float(not (threads["alerts"].trouble or "").startswith("redis:")))
        ask("sent_total", lambda: sent["sent"])
        ask("subscribers", lambda: self._server.n_subscribers)
        ask("subscribers_dropped_total", lambda: sent["dropped_subscribers"])
        ask("notify_age_s", lambda: self._outbound.age_s)
        for what in ("sent", "failed", "given_up", "left_out"):
            self._metrics.ask_reasons(f"notify_{what}", partial(self._outbound.counts, what))
        self._metrics.gauge("spindles").set(len(self._config.spindles))
        self._metrics.ask_reasons("dead_letters", lambda: dict(self._intake.dead))
        self._metrics.ask_reasons("refused", self._server.refusals)

    def _reload(self) -> None:
        """Take other limits of subscribers; refuse as a whole what needs a restart."""
        try:
            new = load_config(self._path)
            check_may_replace(self._config, new)
            self._server.read_certificate()
        except SpindlewatchError as error:
            _log.error("configuration not reloaded, all stays as it was: %s", error)
            return
        self._config, self._n_reloaded = new, self._n_reloaded + 1
        self._server.set_limits(new.hub)
        _log.info("configuration reloaded: subscribers' limits are those of the file now")

    def _be_alone(self) -> None:
        self._gone = True


def check_may_replace(old: Config, new: Config) -> None:
    """Refuse a configuration that a gateway cannot take over while it runs.

    Parameters
    ----------
    old, new : Config
        What holds, and what is to hold.

    Raises
    ------
    ConfigError
        More than the limits in ``[hub]`` differs of what a gateway goes by.
    """
    for table in _FIXED:
        if getattr(old, table) != getattr(new, table):
            raise ConfigError(f"`{table}` differs: that needs a restart")
    if (old.hub.host, old.hub.port) != (new.hub.host, new.hub.port):
        raise ConfigError("the address of [hub] differs: that needs a restart")


def main() -> int:
    """Run the gateway of a service: what the supervisor starts.

    Returns
    -------
    int
        0 ended on request; as of the command line otherwise, with one line in the log.
    """
    parser = argparse.ArgumentParser(prog="python -m engine.service.gateway", description=main.__doc__)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--port", type=int)
    parser.add_argument("--log", choices=("json", "text"))
    parser.add_argument("--health-fd", type=int)
    parser.add_argument("--json", action="store_true", help="at the end, say what came and what was sent")
    wanted = parser.parse_args()
    log_to_stderr(wanted.log or "json", process="gateway")  # until the file says otherwise, if it can be read
    try:
        log = load_config(wanted.config).log
        log_to_stderr(wanted.log or log.format, log.level, "gateway")
        result = run_gateway(wanted.config, port=wanted.port, health_fd=wanted.health_fd)
    except SpindlewatchError as error:
        _log.error("%s", error)
        return error.exit_code
    if wanted.json:
        print(json.dumps(result.as_dict()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
