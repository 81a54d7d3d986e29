"""Continuity and quality of a waveform group: blocks in, whole hops and outcomes out.

Blocks are re-cut on the group's own grid: hops are counted from the first sample of a segment, so how a sender
cut its blocks is forgotten here. A gap ends a segment; the samples of an unfinished hop before it are dropped.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.clock import NS_PER_S
from engine.config import CheckConfig
from engine.declared import SensorGroup
from engine.records import Block, SensorOutcome, Trouble, samples_to_ns
from operators import trouble_words
from operators.group_check import NEVER_NS, Hop, Recurrence, Reporter, check_shape
from operators.hop_quality import HopQuality
from operators.kernels.time_domain import N_PARTIALS, hop_partials

# Time stamps made by software wander by about a millisecond; less than this is jitter, not a gap.
_JITTER_S = 0.002
# Data older than what was analysed is dropped as late; when it goes on for so long, the clock was set back.
_LATE_PATIENCE_S = 2.0
# Three or more gaps within this time, together more than `rate_tolerance`: the sender cannot keep up.
_RATE_PERIOD_S = 1.0
_RATE_GAPS = 3


@dataclass(slots=True)
class WaveformState:
    """What is remembered of one group: a hop of samples and a few numbers."""

    partial: NDArray[np.float32]
    filled: int = 0
    anchor_ns: int | None = None  # time of sample 0 of the segment's clock
    n_samples: int = 0  # samples since the anchor
    contiguous: bool = False
    n_late: int = 0
    silent: bool = False
    burst_start_ns: int = 0
    n_burst: int = 0
    rate_since_ns: int = 0
    n_gaps: int = 0
    n_missing: int = 0
    learn_after_ns: int = 0
    old: Recurrence = field(default_factory=lambda: Recurrence(NS_PER_S))


class WaveformCheck:
    """Checks one waveform group. State: one hop of samples, whatever the stream's length.

    Parameters
    ----------
    spindle : str
        For the outcomes.
    group : SensorGroup
        Of kind ``waveform``.
    config : CheckConfig
        Limits.
    n_hop : int
        Samples per hop.
    """

    __slots__ = (
        "_config",
        "_from_zero",
        "_group",
        "_hop_ns",
        "_n_hop",
        "_n_patience",
        "_patience_ns",
        "_quality",
        "_report",
        "_s",
        "_tolerance_ns",
    )

    def __init__(self, spindle: str, group: SensorGroup, config: CheckConfig, n_hop: int) -> None:
        n_channels = len(group.channels)
        rate = group.sample_rate_hz
        self._group, self._config, self._n_hop = group, config, n_hop
        self._report = Reporter(spindle, group, config)
        self._tolerance_ns = int(max(1.5 / rate, _JITTER_S) * NS_PER_S)
        self._n_patience = round(_LATE_PATIENCE_S * rate)
        pause_s = 1.5 * group.duty_cycle.period_s if group.duty_cycle else 0.0
        self._patience_ns = int((config.silent_s + pause_s) * NS_PER_S)
        self._quality = HopQuality(group, config, self._report)
        self._from_zero = np.array([channel.dc_coupled for channel in group.channels])
        self._hop_ns = samples_to_ns(n_hop, rate)
        self._s = WaveformState(np.empty((n_channels, n_hop), np.float32))

    @property
    def waited_for_ns(self) -> int | None:
        """Time up to which samples have come; None for silent or duty-cycled groups: nobody waits for them."""
        if self._s.silent or self._group.duty_cycle is not None:
            return None
        return NEVER_NS if self._s.anchor_ns is None else self._due_ns()

    def accept(self, block: Block) -> list[Hop | SensorOutcome]:
        """Check one block.

        Parameters
        ----------
        block : Block
            Of this group.

        Returns
        -------
        list of Hop and SensorOutcome
            In time order.
        """
        wrong = check_shape(self._report, block) or self._wrong_rate(block)
        if wrong:
            return [wrong]
        out: list[Hop | SensorOutcome] = []
        first = self._place(block, out)
        self._s.silent = False
        if first is not None:
            self._cut(block, first, out)
        return out

    def silence(self, began_ns: int, quiet_ns: int) -> SensorOutcome | None:
        """Report silence once, when nothing has come for ``silent_s`` (duty-cycled: a missed burst).

        Parameters
        ----------
        began_ns : int
            When the source began to tick; a group that never delivered has been silent since then.
        quiet_ns : int
            Time since the last block, by the source's ticks: the group's own clock may be wrong.

        Returns
        -------
        SensorOutcome or None
            None while all is well or the silence is known already.
        """
        if self._s.silent or quiet_ns <= self._patience_ns:
            return None
        return self._silent_since(began_ns if self._s.anchor_ns is None else self._due_ns())

    def save(self) -> Any:
        """State for recovery."""
        self._s.learn_after_ns = self._report.learn_after_ns
        return self._s, self._quality.save()

    def restore(self, state: Any) -> None:
        """Continue from `save`."""
        self._s, quality = state
        self._quality.restore(quality)
        self._report.learn_after_ns = self._s.learn_after_ns

    # --- continuity ---

    def _silent_since(self, since_ns: int) -> SensorOutcome:
        """Report silence as of when it became one: neither ticks nor blocks decide the outcome, only samples."""
        self._s.silent = True
        return self._report.trouble(
            Trouble.SILENT,
            since_ns + self._patience_ns,
            since_ns,
            n_samples=-1,
            detail=trouble_words.silent(self._patience_ns / NS_PER_S, self._group.sample_rate_hz),
            alerting=True,
        )

    def _due_ns(self) -> int:
        """When the next sample is due."""
        return (self._s.anchor_ns or 0) + samples_to_ns(self._s.n_samples, self._group.sample_rate_hz)

    def _wrong_rate(self, block: Block) -> SensorOutcome | None:
        wanted, got = self._group.sample_rate_hz, block.sample_rate_hz
        if abs(got / wanted - 1) <= self._config.rate_tolerance:
            return None
        self._new_segment(block.end_ns)
        return self._report.trouble(
            Trouble.RATE,
            block.end_ns,
            block.t_ns,
            n_samples=block.samples.shape[1],
            detail=trouble_words.wrong_rate(got, wanted),
            alerting=True,
            received_ns=block.received_ns,
        )

    def _place(self, block: Block, out: list[Hop | SensorOutcome]) -> int | None:
        """Find the block's first new sample; None if it has none. Starts a new segment where time is broken."""
        s = self._s
        if s.anchor_ns is None:
            self._new_segment(block.t_ns)
            return 0
        due_ns = self._due_ns()
        delta_ns = block.t_ns - due_ns
        if abs(delta_ns) <= self._tolerance_ns:
            if abs(delta_ns) > self._tolerance_ns // 2:  # the sensor's clock drifts: follow it
                s.anchor_ns, s.n_samples = block.t_ns, 0
            s.n_late = 0
            return 0
        if delta_ns > 0:
            out.extend(self._missing(block, due_ns, delta_ns))
            self._new_segment(block.t_ns)
            return 0
        return self._old(block, due_ns, delta_ns, out)

    def _new_segment(self, t_ns: int) -> None:
        s = self._s
        s.anchor_ns, s.n_samples, s.filled, s.contiguous, s.n_late = t_ns, 0, 0, False, 0
        s.burst_start_ns, s.n_burst = t_ns, 0

    def _missing(self, block: Block, due_ns: int, delta_ns: int) -> list[SensorOutcome]:
        """Name what is missing before this block: a pause, a gap, a stepped clock or a sender too slow."""
        config, seconds = self._config, delta_ns / NS_PER_S
        jumped = seconds > config.max_clock_jump_s
        found = []
        # A tick at the very end of the patience comes before the block that ends it: so it must be silence for both.
        if delta_ns >= self._patience_ns and not self._s.silent and not jumped:
            found.append(self._silent_since(due_ns))
        if self._group.duty_cycle is not None:
            return found + self._missed_burst(block, due_ns)
        n_missing = round(seconds * self._group.sample_rate_hz)
        kind = Trouble.CLOCK_JUMP if jumped else Trouble.GAP
        found.append(
            self._report.trouble(
                kind,
                block.t_ns,
                due_ns,
                n_samples=-1 if jumped else n_missing,
                detail=trouble_words.gap(seconds, 1 / self._group.sample_rate_hz),
                # A silence has been reported when it was noticed; its end is no second alert.
                alerting=jumped or (seconds >= config.alert_gap_s and not self._s.silent),
                received_ns=block.received_ns,
            )
        )
        return found + self._too_slow(block, n_missing)

    def _missed_burst(self, block: Block, due_ns: int) -> list[SensorOutcome]:
        s, cycle = self._s, self._group.duty_cycle
        assert cycle is not None
        wanted = round(cycle.burst_s * self._group.sample_rate_hz)
        periods = (block.t_ns - s.burst_start_ns) / NS_PER_S / cycle.period_s
        missed = periods > 1.5
        if not missed and s.n_burst >= wanted:
            return []
        detail = (
            trouble_words.missed_burst(periods) if missed else trouble_words.short_burst(s.n_burst, wanted)
        )
        return [
            self._report.trouble(
                Trouble.GAP,
                block.t_ns,
                due_ns,
                n_samples=max(wanted - s.n_burst, 0),
                detail=detail,
                alerting=missed and not s.silent,
                received_ns=block.received_ns,
            )
        ]

    def _too_slow(self, block: Block, n_missing: int) -> list[SensorOutcome]:
        """Many small gaps add up to a loss of rate, although each alone is not worth an alert."""
        s, rate = self._s, self._group.sample_rate_hz
        s.n_gaps += 1
        s.n_missing += n_missing
        elapsed_s = (block.t_ns - s.rate_since_ns) / NS_PER_S
        if elapsed_s < _RATE_PERIOD_S:
            return []
        since_ns, n_gaps, lost = s.rate_since_ns, s.n_gaps, s.n_missing
        s.rate_since_ns, s.n_gaps, s.n_missing = block.t_ns, 0, 0
        fraction = lost / (elapsed_s * rate)
        if n_gaps < _RATE_GAPS or fraction <= self._config.rate_tolerance:
            return []
        return [
            self._report.trouble(
                Trouble.RATE,
                block.t_ns,
                since_ns,
                n_samples=lost,
                detail=trouble_words.many_gaps(n_gaps, elapsed_s, fraction),
                alerting=True,
                received_ns=block.received_ns,
            )
        ]

    def _old(self, block: Block, due_ns: int, delta_ns: int, out: list[Hop | SensorOutcome]) -> int | None:
        """Drop what is known already; if the past never ends, the clock was set back."""
        s, rate = self._s, self._group.sample_rate_hz
        n_block = block.samples.shape[1]
        n_old = round(-delta_ns / NS_PER_S * rate)
        overlaps = n_old < n_block
        n_dropped = min(n_old, n_block)
        wanted = self._n_patience - s.n_late
        if n_dropped >= wanted:
            start_ns = block.t_ns + samples_to_ns(wanted, rate)
            self._new_segment(start_ns)
            out.append(
                self._report.trouble(
                    Trouble.CLOCK_JUMP,
                    start_ns,
                    start_ns,
                    n_samples=self._n_patience,
                    detail=trouble_words.set_back((due_ns - start_ns) / NS_PER_S),
                    alerting=True,
                    received_ns=block.received_ns,
                )
            )
            return wanted if wanted < n_block else None
        s.n_late = 0 if overlaps else s.n_late + n_dropped
        out.append(
            self._report.trouble(
                Trouble.OVERLAP if overlaps else Trouble.LATE,
                due_ns,
                block.t_ns,
                n_samples=n_dropped,
                detail=trouble_words.known_already(n_dropped, n_block, -delta_ns / NS_PER_S),
                alerting=s.old.add(due_ns, n_dropped, rate),
                received_ns=block.received_ns,
            )
        )
        return n_old if overlaps else None

    # --- hops ---

    def _cut(self, block: Block, first: int, out: list[Hop | SensorOutcome]) -> None:
        """Fill hops with the block's samples from ``first`` on; every full hop is judged and sent on."""
        s, n_block = self._s, block.samples.shape[1]
        if s.filled == first == 0 and n_block == self._n_hop and block.samples.flags.c_contiguous:
            s.n_samples += n_block  # a sender that cuts as we do: nothing is copied
            s.n_burst += n_block
            self._finish_hop(block.samples.view(), block.received_ns, out)
            return
        while first < n_block:
            n = min(self._n_hop - s.filled, n_block - first)
            s.partial[:, s.filled : s.filled + n] = block.samples[:, first : first + n]
            s.filled += n
            s.n_samples += n
            s.n_burst += n
            first += n
            if s.filled == self._n_hop:
                samples, s.partial, s.filled = s.partial, np.empty_like(s.partial), 0
                self._finish_hop(samples, block.received_ns, out)

    def _finish_hop(
        self, samples: NDArray[np.float32], received_ns: int | None, out: list[Hop | SensorOutcome]
    ) -> None:
        s, rate = self._s, self._group.sample_rate_hz
        end_ns = self._due_ns()
        start_ns = end_ns - self._hop_ns
        partials = np.empty((samples.shape[0], N_PARTIALS))
        hop_partials(samples, self._from_zero, partials)
        troubles, lost = self._quality.judge(samples, partials, start_ns, end_ns, received_ns)
        usable = True
        if troubles or lost:
            out.extend(troubles)
            samples = samples.copy()  # a source's block is not ours to change
            samples[lost], partials[lost] = np.nan, np.nan
            usable = len(lost) < samples.shape[0]
        samples.flags.writeable = partials.flags.writeable = False
        learnable = start_ns >= self._report.learn_after_ns
        out.append(
            Hop(
                self._group.name,
                start_ns,
                end_ns,
                samples,
                partials,
                rate,
                s.contiguous,
                usable,
                learnable,
                received_ns,
            )
        )
        s.contiguous = True
