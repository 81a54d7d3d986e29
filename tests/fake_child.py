"""A process that speaks to its supervisor as those of the service do, and does nothing else.

``fake_child.py --name NAME --events FILE [--config FILE] [--fresh] [--stubborn] [--refuse] [--unready]
[--most NUMBER] --health-fd N``

Every start, and every signal that it takes, is a line in FILE. SIGUSR1 makes it mute, though it lives on.
"""

import argparse
import os
import signal
import threading
import tomllib
from pathlib import Path

from engine.service.health import HealthPipe
from engine.service.meters import Metrics


class Fake:
    def __init__(self, options: argparse.Namespace) -> None:
        self.options, self.asked, self.reloaded = options, [], 0
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
            signal.signal(number, lambda number, _frame: self.asked.append(number))

    def note(self, word: str) -> None:
        with self.options.events.open("a") as events:
            events.write(f"{self.options.name} {os.getpid()} {word}\n")

    def judge_on(self) -> float:
        config = self.options.config
        return tomllib.loads(config.read_text()).get("judge", {}).get("on", 1.0) if config else 0.0

    def run(self) -> int:
        pipe, metrics, mute = HealthPipe(self.options.health_fd, self.options.name), Metrics(), False
        self.note(f"started on={self.judge_on()}" + (" fresh" if self.options.fresh else ""))
        while not pipe.gone:
            for number in self.asked[:]:
                self.asked.remove(number)
                self.note(signal.Signals(number).name)
                if number == signal.SIGTERM and not self.options.stubborn:
                    return 0
                if number == signal.SIGHUP and self.judge_on() > self.options.most:
                    self.note(f"refused on={self.judge_on()}")
                elif number == signal.SIGHUP:
                    self.reloaded += 1
                    self.note(f"reloaded on={self.judge_on()}")
                mute = mute or number == signal.SIGUSR1
            if not mute:
                ready = not (self.options.refuse or self.options.unready)
                pipe.beat(metrics, ready, "" if ready else "waiting for Redis", self.reloaded)
            if self.options.refuse:
                return 2
            threading.Event().wait(0.02)
        return 0


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--name", required=True)
    parser.add_argument("--events", type=Path, required=True)
    parser.add_argument("--config", type=Path)
    parser.add_argument("--most", type=float, default=9.0)  # judge.on that it takes over
    parser.add_argument("--health-fd", type=int)
    for flag in ("--fresh", "--stubborn", "--refuse", "--unready"):
        parser.add_argument(flag, action="store_true")
    return Fake(parser.parse_args()).run()


if __name__ == "__main__":
    raise SystemExit(main())
