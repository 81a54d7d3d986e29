"""What can go wrong with a service that runs, and how long it takes until all of it is at work again."""

from __future__ import annotations

import os
import random
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from redis.exceptions import RedisError

from engine import redis_keys
from engine.clock import monotonic_s
from perf.figures import FailedError
from perf.hosts import Hosts
from perf.real_redis import RedisServer, wait_until
from perf.run_process import Run

HANG_S = 3.0
"""``[service] hang_s``: short, and still enough for a process on a busy machine to say that it lives."""

_BRIEFLY_S, _REDIS_STOPPED_S, _CUT_S = 1.0, 2.0, 3.0
_RECOVERED_S = 60.0


@dataclass
class Chaos:
    """Disturbs a service.

    Parameters
    ----------
    run : Run
        At work: it has made checkpoints.
    server : RedisServer
        Its Redis, on the second host.
    hosts : Hosts, optional
        None: there is no network to cut.
    chance : random.Random
        Picks the victims.
    """

    run: Run
    server: RedisServer
    hosts: Hosts | None
    chance: random.Random
    recovery_s: dict[str, list[float]] = field(default_factory=dict)
    """Of every disturbance, by kind."""

    def kinds(self) -> dict[str, Callable[[], float]]:
        """All that can be done here.

        Returns
        -------
        dict
            Each returns the moment from which its recovery counts: that of the kill; the end of what those concerned
            survive.
        """
        found = {
            "shard killed": lambda: self._kill(self._some_shard()),
            "gateway killed": lambda: self._kill("gateway"),
            "supervisor killed": self._kill_supervisor,
            "Redis killed": self._kill_redis,
            "all killed": self._kill_all,
            "shard hung": self._hang_shard,
            "shard stopped": self._stop_shard,
            "Redis stopped": self._stop_redis,
        }
        return found if self.hosts is None else found | {"network cut": self._cut}

    def disturb(self, kind: str) -> None:
        """Do harm, and wait until everything works again.

        That is: each spindle's checkpoint has moved on from where it was after the harm, and the journal from where it
        was then to the end of what had been told by then.

        Parameters
        ----------
        kind : str
            One of `kinds`.

        Raises
        ------
        FailedError
            It does not work again.
        """
        from_s = self.kinds()[kind]()
        marks, told, followed = self.run.marks(), self.run.told(), self.run.followed()

        def works() -> bool:
            try:
                moved = all(new != old for new, old in zip(self.run.marks(), marks, strict=True))
            except RedisError:
                return False
            now = self.run.followed()
            return moved and now != followed and all(map(_has_reached, now, told))

        try:
            wait_until(works, _RECOVERED_S)
        except TimeoutError as error:
            raise FailedError(f"{kind}: after {_RECOVERED_S:g} s not everything works again") from error
        self.recovery_s.setdefault(kind, []).append(monotonic_s() - from_s)

    # --- kinds ---

    def _kill(self, name: str) -> float:
        pid, from_s = self.run.children()[name], monotonic_s()
        os.kill(pid, signal.SIGKILL)
        self.run.wait_for_the_end_of([pid])
        return from_s

    def _kill_supervisor(self) -> float:
        """And start it again at once, as a service manager would; its children must have died with it."""
        children, from_s = self.run.children(), monotonic_s()
        self.run.end(signal.SIGKILL)
        self.run.start()
        self.run.wait_for_the_end_of(list(children.values()))
        return from_s

    def _kill_redis(self) -> float:
        from_s = monotonic_s()
        self.server.stop()
        self.server.start()
        return from_s

    def _kill_all(self) -> float:
        """As when the power goes."""
        from_s = monotonic_s()
        self.server.stop()
        self._kill_supervisor()
        self.server.start()
        return from_s

    def _hang_shard(self) -> float:
        """Until its supervisor has had enough of it."""
        pid, from_s = self.run.children()[self._some_shard()], monotonic_s()
        os.kill(pid, signal.SIGSTOP)
        self.run.wait_for_the_end_of([pid])
        return from_s

    def _stop_shard(self) -> float:
        """For less time than its supervisor allows it."""
        pid = self.run.children()[self._some_shard()]
        os.kill(pid, signal.SIGSTOP)
        threading.Event().wait(_BRIEFLY_S)
        os.kill(pid, signal.SIGCONT)
        return monotonic_s()

    def _stop_redis(self) -> float:
        self.server.process.send_signal(signal.SIGSTOP)
        threading.Event().wait(_REDIS_STOPPED_S)
        self.server.process.send_signal(signal.SIGCONT)
        return monotonic_s()

    def _cut(self) -> float:
        assert self.hosts is not None
        self.hosts.cable("down")
        threading.Event().wait(_CUT_S)
        self.hosts.cable("up")
        return monotonic_s()

    def _some_shard(self) -> str:
        return f"shard-{self.chance.randrange(self.run.service.n_shards)}"


def _has_reached(followed: str, told: str) -> bool:
    return redis_keys.entry_key(followed) >= redis_keys.entry_key(told)
