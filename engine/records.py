"""The nouns of the stream, in the order in which the flow makes them: received, checked, analysed.

Frozen dataclasses; arrays inside are read-only. Times are ``int`` UTC nanoseconds. What is declared once stands in
`engine.declared`, what is concluded from the stream in `engine.verdicts`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.clock import NS_PER_S
from engine.declared import SensorGroup


def complete_ns(block: Block, group: SensorGroup) -> int:
    """When a block can be sent: the order in which a source delivers, and the time a latency counts from.

    Parameters
    ----------
    block : Block
        Of ``group``.
    group : SensorGroup
        A waveform's last sample lasts until the next is due; a scalar's is an instant.

    Returns
    -------
    int
        UTC nanoseconds.
    """
    n_last = block.samples.shape[1] - (group.kind == "scalar")
    return block.t_ns + samples_to_ns(n_last, block.sample_rate_hz)


# --- received -------------------------------------------------------------------------------------------------


def samples_to_ns(n_samples: int, sample_rate_hz: float) -> int:
    """Duration of ``n_samples`` in nanoseconds, rounded to the nearest.

    Parameters
    ----------
    n_samples : int
        Any sign.
    sample_rate_hz : float
        Greater than 0.

    Returns
    -------
    int
        Nanoseconds.

    Examples
    --------
    >>> samples_to_ns(3, 25_600.0)
    117188
    """
    return round(n_samples * NS_PER_S / sample_rate_hz)


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Contiguous samples of one sensor group, as received.

    Parameters
    ----------
    spindle, group : str
        Whose samples.
    t_ns : int
        Time of the first sample.
    sample_rate_hz : float
        As the sender states it; the check compares it with the declared rate.
    samples : float32[n_channels, n_samples]
        Read-only. NaN where a sample is missing.
    received_ns : int or None
        When the last sample reached this process (`engine.clock`); None in an unpaced replay.
    """

    spindle: str
    group: str
    t_ns: int
    sample_rate_hz: float
    samples: NDArray[np.float32]
    received_ns: int | None = None

    @property
    def end_ns(self) -> int:
        """Time at which the sample after the last one is due."""
        return self.t_ns + samples_to_ns(self.samples.shape[1], self.sample_rate_hz)


@dataclass(frozen=True, slots=True)
class Context:
    """What the machine was doing from ``t_ns`` on. None = unknown.

    Parameters
    ----------
    tool, program, section : str, optional
        As the controller names them.
    rpm : float, optional
        Spindle speed, revolutions per minute.
    feed_mm_min : float, optional
        Feed rate.
    cutting : bool, optional
        Whether the tool is in the material.
    n_teeth : int, optional
        Cutting edges of the tool.
    tool_edge : str, optional
        Which cutting edge or set of inserts is in use, by any name; another value than before means a fresh edge.
    """

    spindle: str
    t_ns: int
    tool: str | None = None
    program: str | None = None
    section: str | None = None
    rpm: float | None = None
    feed_mm_min: float | None = None
    cutting: bool | None = None
    n_teeth: int | None = None
    tool_edge: str | None = None
    received_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Tick:
    """A source's promise: every block and context of this spindle that ended by ``t_ns`` has been emitted.

    Silence is recognised by ticks, not by timers, so a replay finds the same silence as the live flow did.
    ``last`` says that nothing will follow: whatever is held back is released, and no silence is concluded.
    """

    spindle: str
    t_ns: int
    last: bool = False


# --- checked --------------------------------------------------------------------------------------------------


class Trouble(StrEnum):
    """What can be wrong with a sensor's samples."""

    GAP = "gap"  # samples are missing between two blocks
    OVERLAP = "overlap"  # samples came twice; the second copy is dropped
    LATE = "late"  # a block lies wholly before what was already analysed; dropped
    CLOCK_JUMP = "clock_jump"  # the sensor's clock stepped by more than any gap could explain
    RATE = "rate_loss"  # samples arrive at another rate than declared
    SILENT = "silent"  # nothing arrives
    NAN = "nan"  # samples are NaN or infinite
    CLIPPED = "clipped"  # samples sit at the converter's limit
    FLAT = "flat_line"  # a channel repeats one value
    SHAPE = "wrong_shape"  # a block of the wrong number of channels, an unknown group, no samples


class Said(NamedTuple):
    """One thing told to people, in both languages."""

    en: str
    ko: str


@dataclass(frozen=True, slots=True)
class SensorOutcome:
    """Sensor trouble that began, went on, or ended. Counted always; an alert when it lasts or costs data.

    Parameters
    ----------
    kind : Trouble
        What is wrong.
    t_ns : int
        Stream time at which it is known.
    onset_ns : int
        Stream time at which it began.
    n_samples : int
        Samples missing, dropped or unusable; -1 if unknown.
    channel : str, optional
        Which channel, where it is one.
    detail : Said
        What was got and what was wanted.
    alerting : bool
        Whether it is bad enough to tell somebody (limits in ``[check]``).
    """

    spindle: str
    group: str
    kind: Trouble
    t_ns: int
    onset_ns: int
    n_samples: int
    channel: str | None
    detail: Said
    alerting: bool = False
    received_ns: int | None = None


class Regime(NamedTuple):
    """Operating condition that a baseline belongs to.

    Parameters
    ----------
    tool, program, section : str, optional
        As the controller names them.
    cutting : bool, optional
        Whether the tool is in the material.
    rpm : int, optional
        Speed class: the first of the speeds within 5 % of each other that were run under the same tool, program,
        section and cutting. None if no speed is told, or if it varies by design, as in facing.
    inferred : bool
        No controller says whether it cuts: concluded from the loads (`operators.cutting_gate`).
    """

    tool: str | None = None
    program: str | None = None
    section: str | None = None
    cutting: bool | None = None
    rpm: int | None = None
    inferred: bool = False

    @property
    def baseline(self) -> Regime:
        """The regime whose baseline counts: an inferred cut shares it with whatever else its tool and section do.

        What is inferred is known some tenths of a second late. A baseline of its own would be so narrow that the start
        of the next cut, before it is known to be one, is far outside it; signatures want the answer all the same.

        Examples
        --------
        >>> Regime("T3", cutting=True, inferred=True).baseline == Regime("T3")
        True
        """
        return self._replace(cutting=None, inferred=False) if self.inferred else self

    @property
    def label(self) -> str:
        """One string for people and files; ``-`` where nothing is known, ``~`` behind what is inferred.

        Examples
        --------
        >>> Regime("T3", "O1001", "rough", True, 3000).label
        'T3/O1001/rough/cutting/3000rpm'
        >>> Regime(cutting=False, inferred=True).label
        '-/-/-/idle~'
        >>> Regime().label
        '-'
        """
        cutting = {True: "cutting", False: "idle", None: None}[self.cutting]
        parts = [self.tool, self.program, self.section, cutting and cutting + "~" * self.inferred]
        if self.rpm is not None:
            parts.append(f"{self.rpm}rpm")
        return "/".join(part or "-" for part in parts) if any(parts) else "-"


@dataclass(frozen=True, slots=True, eq=False)
class CheckedBlock:
    """One hop of samples that passed the check: what everything downstream counts in.

    The check re-cuts blocks into whole hops on each group's own grid and puts a spindle's groups in time order,
    so nothing downstream can depend on how samples were cut or interleaved on their way here.

    Parameters
    ----------
    block : Block
        Exactly one hop (waveform) or one sample (scalar).
    partials : float64[n_channels, 12] or None
        What `operators.kernels.time_domain.hop_partials` made of a waveform's hop; None for a sample.
    context : Context
        The latest one at the block's end.
    settled_ns : int
        When this regime had settled (its start plus ``[learn] settle_s``); a window that began before that
        straddles two regimes and is compared with neither.
    contiguous : bool
        False if this block does not continue the group's previous one: windows start afresh.
    usable : bool
        False if no channel can be judged; nothing is scored. A channel that cannot be judged is NaN.
    learnable : bool
        False if a baseline must not learn from these samples (clipped, or just after sensor trouble).
    """

    block: Block
    partials: NDArray[np.float64] | None
    context: Context
    regime: Regime
    settled_ns: int
    contiguous: bool
    usable: bool
    learnable: bool


# --- analysed -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """The slice analysed: the last ``window_s`` of a group, ending with a hop.

    Parameters
    ----------
    t_ns : int
        Time of the end of the window (exclusive): when its last sample is over.
    onset_ns : int
        Time of its newest hop's first sample: what is new in this window began no earlier.
    hops : tuple of float32[n_channels, n_hop]
        Its samples, oldest hop first; read-only, and shared with the windows that overlap this one. Scalar
        groups: one array, the last few samples.
    partials : tuple of float64[n_channels, 12]
        One for each hop: `operators.kernels.time_domain.hop_partials`. Empty for scalar groups.
    usable : bool
        False: no channel can be judged; features are NaN and nothing is learnt.
    learnable : bool
        False: may be scored, must not be learnt (some samples clipped, or just after sensor trouble).
    steady : bool
        False: the regime changed within the window; not scored against a baseline, not learnt.
    long : bool
        A long window (``[diagnosis] window_s``), which only signatures of faults look at.
    apart : bool
        False: a long window that shares more than half of its samples with the last one that was apart. What is costly
        and would say the same again, evidence of bearings, is left out.
    """

    spindle: str
    group: str
    t_ns: int
    onset_ns: int
    sample_rate_hz: float
    hops: tuple[NDArray[np.float32], ...]
    partials: tuple[NDArray[np.float64], ...]
    context: Context
    regime: Regime
    usable: bool
    learnable: bool
    steady: bool
    received_ns: int | None
    long: bool = False
    apart: bool = True


class Feature(NamedTuple):
    """What one entry of a feature vector is.

    Parameters
    ----------
    name : str
        ``channel.feature``, stable for ever.
    unit : str
        Of the value; empty if dimensionless or unknown.
    log : bool
        True for positive quantities that vary by ratio (rms, band energy): learned on a logarithmic scale.
    floor : float, optional
        Smallest deviation from normal that is worth a thought, relative to the value; less is what healthy
        machining or the sensor's own accuracy does. None: the detectors' default for its kind.
    """

    name: str
    unit: str
    log: bool
    floor: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class FeatureVector:
    """One number per feature of one window, in the order of the group's `operators.features.FeatureSet`.

    ``values`` is float64[n_features]; NaN means "cannot say". A ``long`` vector's features are those of the set's
    `long` part. One that is not ``apart`` has NaN for what `Window.apart` leaves out.
    """

    spindle: str
    group: str
    t_ns: int
    onset_ns: int
    values: NDArray[np.float64]
    context: Context
    regime: Regime
    usable: bool
    learnable: bool
    steady: bool
    received_ns: int | None
    long: bool = False
    apart: bool = True
