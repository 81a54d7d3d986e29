"""What every feeder hands what it hears to: records are made and passed on, the rest is counted."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple, Protocol

from engine.clock import NS_PER_S
from engine.config import Config
from engine.errors import WireError
from engine.feeders.settings import Slot
from engine.feeders.spindle_feed import Item, Reading, SpindleFeed
from engine.feeders.stamps import Now, read_now
from engine.records import Block, complete_ns

_HEAD_BYTES = 256
_SKEW_S = 1.0  # a clock off by more is told
_BEAT_NS = NS_PER_S // 25
_REPORT_NS = 60 * NS_PER_S

_log = logging.getLogger(__name__)


class Letter(NamedTuple):
    """Something that could not be used.

    Parameters
    ----------
    spindle : str
        Whose it would have been; empty = nobody knows.
    reason : str
        A word: ``malformed``, ``unknown``, ``ahead``, ...
    origin : str
        Where it came from: topic, node, file.
    error : str
        What was got and wanted, in one line.
    head : bytes
        How it began.
    """

    spindle: str
    reason: str
    origin: str
    error: str
    head: bytes


class Letters(Protocol):
    """Where what could not be used is kept for inspection."""

    def put(self, letter: Letter) -> None:
        """Keep one; never waits."""
        ...


class Feed:
    """Takes what a source tells, sends records, counts; never raises for what a source says.

    For one thread. Call `beat` some ten times a second or more often, whether anything comes or not.

    Parameters
    ----------
    config : Config
        ``[[spindles]]``, ``[redis] max_ahead_s``.
    send : callable
        Takes each record, in order.
    letters : Letters
        Takes what cannot be used.
    hold_s : float
        As for `engine.feeders.assemble.Rows`.
    now : callable
        What time it is.
    flush : callable
        Waits, for so many seconds at most, until all that was sent is stored; False: nobody knows that it is.
    """

    def __init__(
        self,
        config: Config,
        send: Callable[[Item], None],
        letters: Letters,
        hold_s: float = 0.0,
        now: Callable[[], Now] = read_now,
        flush: Callable[[float], bool] = lambda _timeout_s: False,
    ) -> None:
        self.counts: Counter[str] = Counter()
        """``sent``, ``thinned``, ``undated``; what could not be used, by reason."""
        self.skew_s: dict[str, float] = {}
        """How much later than its time the newest dated value of each spindle came."""
        self._send, self._letters, self._now, self.flush = send, letters, now, flush
        self._max_ahead_ns = round(config.redis.max_ahead_s * NS_PER_S)
        self._declared = {spindle.name: spindle for spindle in config.spindles}
        self._hold_s = hold_s
        self._fed: dict[str, SpindleFeed] = {}  # of which something came
        self._beaten_ns = 0
        self._told_skew: dict[str, tuple[float, int]] = {}  # seconds, and when
        self._reported_ns = now().steady_ns
        self._reported: Counter[str] = Counter()

    def take(
        self, spindle: str, readings: Sequence[Reading], origin: str, rate_hz: float | None = None
    ) -> None:
        """Take values that came at once.

        Parameters
        ----------
        spindle : str
            A declared one.
        readings : sequence of Reading
            What cannot be used is refused, one by one.
        origin : str
            Where they came from.
        rate_hz : float, optional
            Of arrays; None = as declared.
        """
        now = self._now()
        usable = [reading for reading in readings if self._is_present(spindle, reading, origin, now)]
        items, refused = self._of(spindle).take(usable, now, rate_hz)
        for reading, error in refused:
            self.refuse(
                "malformed", origin, f"{reading.name}: {error}", repr(reading.value)[:99].encode(), spindle
            )
        self._pass(items, origin)

    def pass_on(self, item: Item, origin: str) -> None:
        """Take a record that the source made itself, as by `engine.wire`."""
        now, spindle = self._now(), self._declared.get(item.spindle)
        if spindle is None:
            self.refuse("unknown", origin, f"got data of {item.spindle!r}, wanted a declared spindle")
            return
        group = spindle.group(item.group) if isinstance(item, Block) else None
        end_ns = complete_ns(item, group) if isinstance(item, Block) and group else item.t_ns
        if self._is_ahead(end_ns, item.spindle, origin, now):
            return
        self._note_skew(item.spindle, now.utc_ns - end_ns, now)
        self._pass([self._of(item.spindle).pass_on(item, now)], origin)

    def refuse(self, reason: str, origin: str, error: str, head: bytes = b"", spindle: str = "") -> None:
        """Count, keep and, the first time, log what cannot be used."""
        if not self.counts[reason]:
            _log.warning("%s: %s: %s", origin, reason, error)
        self.counts[reason] += 1
        self._letters.put(Letter(spindle, reason, origin, error, head[:_HEAD_BYTES]))

    def forget(self, spindle: str, slots: Collection[Slot] | None = None) -> None:
        """The source of a spindle, or of some of its slots, is gone: what it said holds no longer."""
        if spindle in self._fed:
            self._pass(self._fed[spindle].forget(self._now(), slots), "")

    def finish(self, timeout_s: float) -> bool:
        """Send what waits; False: after so long it is not known to be stored."""
        for feed in self._fed.values():
            self._pass(feed.finish(), "")
        return self.flush(timeout_s)

    def beat(self) -> None:
        """Send what is due though nothing came, and log every minute what was counted."""
        now = self._now()
        if now.steady_ns - self._beaten_ns < _BEAT_NS:
            return
        self._beaten_ns = now.steady_ns
        for feed in self._fed.values():
            self._pass(feed.beat(now), "")
        if now.steady_ns - self._reported_ns >= _REPORT_NS and self.counts != self._reported:
            self._reported_ns, self._reported = now.steady_ns, Counter(self.counts)
            _log.info("so far: %s", ", ".join(f"{n} {what}" for what, n in sorted(self.counts.items())))

    def _of(self, spindle: str) -> SpindleFeed:
        feed = self._fed.get(spindle)
        if feed is None:
            feed = self._fed[spindle] = SpindleFeed(self._declared[spindle], self._hold_s, self.counts)
        return feed

    def _pass(self, items: Sequence[Item], origin: str) -> None:
        for item in items:
            try:
                self._send(item)
            except WireError as error:
                self.refuse("malformed", origin, str(error), spindle=item.spindle)
            else:
                self.counts["sent"] += 1

    def _is_present(self, spindle: str, reading: Reading, origin: str, now: Now) -> bool:
        """Whether a reading is of no future that its clock could not have; notes how far its clock is off."""
        if reading.t_ns is None:
            return True
        if self._is_ahead(reading.t_ns, spindle, f"{origin} {reading.name}", now):
            return False
        self._note_skew(spindle, now.utc_ns - reading.t_ns, now)
        return True

    def _is_ahead(self, t_ns: int, spindle: str, origin: str, now: Now) -> bool:
        ahead_ns = t_ns - now.utc_ns
        if ahead_ns > self._max_ahead_ns:
            limit_s = self._max_ahead_ns / NS_PER_S
            told = f"got data {ahead_ns / NS_PER_S:.3f} s ahead, wanted at most {limit_s:g} s"
            self.refuse("ahead", origin, told, spindle=spindle)
        return ahead_ns > self._max_ahead_ns

    def _note_skew(self, spindle: str, skew_ns: int, now: Now) -> None:
        """Keep how far a device's clock is off; tell it when that has changed, once a minute at most."""
        skew_s = self.skew_s[spindle] = skew_ns / NS_PER_S
        told_s, told_ns = self._told_skew.get(spindle, (0.0, now.steady_ns - _REPORT_NS))
        if abs(skew_s - told_s) > _SKEW_S and now.steady_ns - told_ns >= _REPORT_NS:
            self._told_skew[spindle] = skew_s, now.steady_ns
            _log.info("%s: data comes %.3f s after its own time", spindle, skew_s)
