"""The nouns of the stream, in the order in which the flow makes them.

What is *declared* once (spindles, sensor groups, channels) is a ``msgspec.Struct``, because it is read from TOML.
What *streams* is a frozen dataclass; arrays inside are read-only. Times are ``int`` UTC nanoseconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.clock import NS_PER_S

# --- declared -------------------------------------------------------------------------------------------------


class Channel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One measured quantity of one sensor, such as ``vib_x`` in g.

    Parameters
    ----------
    name : str
        Unique within its spindle: letters, digits and underscores.
    unit : str
        As printed beside values: ``g``, ``A``, ``%``, ``°C``; empty when unknown.
    full_scale : float, optional
        Largest absolute value the converter can deliver, in ``unit``. With it, clipping is exact; without it,
        clipping is inferred from repeated extremes.
    dc_coupled : bool
        True for channels whose mean is information (current, load, temperature); False for accelerometers.
    """

    name: str
    unit: str = ""
    full_scale: float | None = None
    dc_coupled: bool = False


class DutyCycle(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A sensor that sleeps between bursts; its pauses are not gaps, and no window spans them.

    Parameters
    ----------
    burst_s : float
        Length of one burst in seconds.
    period_s : float
        Start of one burst to the start of the next, in seconds.
    """

    burst_s: float
    period_s: float


class TeachIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which data the learned baseline is built from, where a recording's protocol prescribes it.

    Parameters
    ----------
    skip_s : float
        Seconds from the group's first sample that are not learnt (run-in).
    n_vectors : int, optional
        Feature vectors to learn from after that; then the baseline is frozen.
    duration_s : float, optional
        Seconds to learn from, instead of ``n_vectors``.
    """

    skip_s: float = 0.0
    n_vectors: int | None = None
    duration_s: float | None = None


class SensorGroup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Channels that share one clock and one rate.

    Parameters
    ----------
    name : str
        Unique within its spindle.
    kind : {"waveform", "scalar"}
        ``waveform``: kHz samples, analysed in windows. ``scalar``: 0.0001-100 Hz values that are features
        themselves (load, temperature, power, another system's features).
    sample_rate_hz : float
        Samples per second; for a duty-cycled group, within a burst. Nominal for scalar groups.
    channels : tuple[Channel, ...]
        In the order of the block's rows.
    duty_cycle : DutyCycle, optional
        Present if the sensor sleeps between bursts.
    max_gap_s : float, optional
        For scalar groups: the longest pause between samples that is still normal. Default: 3 periods.
    """

    name: str
    kind: Literal["waveform", "scalar"]
    sample_rate_hz: float
    channels: tuple[Channel, ...]
    duty_cycle: DutyCycle | None = None
    max_gap_s: float | None = None

    @property
    def channel_names(self) -> tuple[str, ...]:
        """Names in row order."""
        return tuple(channel.name for channel in self.channels)


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


class Spindle(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A monitored unit and the key of every stream.

    Parameters
    ----------
    name : str
        Unique in the shop.
    groups : tuple[SensorGroup, ...]
        At least one.
    teach_in : TeachIn, optional
        Overrides the configured learning schedule for this spindle.
    """

    name: str
    groups: tuple[SensorGroup, ...]
    teach_in: TeachIn | None = None

    def group(self, name: str) -> SensorGroup | None:
        """Find a sensor group by name; None if the spindle has no such group."""
        return next((group for group in self.groups if group.name == name), None)


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
    detail : str
        For people: what was got and what was wanted.
    alerting : bool
        Whether it is bad enough to tell somebody (limits in ``[check]``).
    """

    spindle: str
    group: str
    kind: Trouble
    t_ns: int
    onset_ns: int
    n_samples: int
    channel: str | None = None
    detail: str = ""
    alerting: bool = False
    received_ns: int | None = None


class Regime(NamedTuple):
    """Operating condition that a baseline belongs to."""

    tool: str | None = None
    program: str | None = None
    section: str | None = None
    cutting: bool | None = None

    @property
    def label(self) -> str:
        """One string for people and files; ``-`` where nothing is known.

        Examples
        --------
        >>> Regime("T3", "O1001", "rough", True).label
        'T3/O1001/rough/cutting'
        >>> Regime().label
        '-'
        """
        cutting = {True: "cutting", False: "idle", None: None}[self.cutting]
        parts = [self.tool, self.program, self.section, cutting]
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
    samples : float32[n_channels, n_window]
        Read-only view. Scalar groups: the last few samples, oldest first.
    usable : bool
        False: no channel can be judged; features are NaN and nothing is learnt.
    learnable : bool
        False: may be scored, must not be learnt (some samples clipped, or just after sensor trouble).
    steady : bool
        False: the regime changed within the window; not scored against a baseline, not learnt.
    """

    spindle: str
    group: str
    t_ns: int
    onset_ns: int
    sample_rate_hz: float
    samples: NDArray[np.float32]
    context: Context
    regime: Regime
    usable: bool
    learnable: bool
    steady: bool
    received_ns: int | None


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

    ``values`` is float64[n_features]; NaN means "cannot say".
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


class Tier(StrEnum):
    """How much an alert had to know: nothing, this cut, or this spindle's history."""

    ABSOLUTE = "absolute"
    DYNAMIC = "dynamic"
    LEARNED = "learned"


class Reason(NamedTuple):
    """One feature's part in a score.

    Parameters
    ----------
    feature : str
        ``channel.feature``.
    value, expected, low, high : float
        In ``unit``; ``low`` and ``high`` bound what is normal. NaN where nothing is known.
    share : float
        Part of the score, 0 to 1; the shares of all features sum to 1.
    """

    feature: str
    value: float
    expected: float
    low: float
    high: float
    unit: str
    share: float


@dataclass(frozen=True, slots=True)
class Score:
    """How strange one feature vector is; 1.0 is the limit in every tier.

    Parameters
    ----------
    score : float
        The largest over tiers and detectors; NaN if nothing could be said.
    tier : Tier
        Whose score it is.
    detector : str
        Which detector's.
    ready : bool
        False while the learned tier is still warming up for this regime.
    learned : int
        Vectors learnt by this regime's baseline, of ``wanted``.
    top_feature : str
        The feature with the largest share; empty if none.
    reasons : tuple[Reason, ...]
        Filled where the score reaches 1.0, most important first.
    onset_ns : int
        Start of what is new in the window.
    drift : bool
        The score's own distribution has changed (ADWIN, PageHinkley) without reaching the limit.
    """

    spindle: str
    group: str
    t_ns: int
    onset_ns: int
    regime: Regime
    tier: Tier
    detector: str
    score: float
    ready: bool
    learned: int
    wanted: int
    top_feature: str
    reasons: tuple[Reason, ...]
    usable: bool
    steady: bool
    immediate: bool
    drift: bool
    received_ns: int | None


# --- judged ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Verdict:
    """A score together with what the judge made of it: the row of ``scores.parquet``."""

    score: Score
    alerting: bool


class AlertState(StrEnum):
    """Where an episode stands."""

    OPENED = "opened"
    UPDATED = "updated"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Alert:
    """A message about an episode. The same id comes once opened, perhaps updated, once closed.

    Parameters
    ----------
    id : str
        ``spindle:fault:onset_ns``: the same in every replay and after every restart.
    fault : str
        Fault class: ``collision``, ``process`` or ``sensor`` (later also ``tool_wear``, ``chatter``, ...).
    onset_ns : int
        Start of the episode, stream time.
    t_ns : int
        End of the window that decided this message, stream time.
    score : float
        The highest so far; 1.0 = limit. NaN for sensor alerts.
    detail : str
        Sensor alerts: the kind of trouble; else the detector's name.
    text_en, text_ko : str
        For the operator.
    config_hash : str
        First 12 hex digits of the configuration that decided.
    received_ns, judged_ns : int or None
        Wall times: last deciding sample received; alert made. None in an unpaced replay.
    """

    id: str
    spindle: str
    group: str
    fault: str
    state: AlertState
    tier: str
    regime: str
    onset_ns: int
    t_ns: int
    score: float
    detail: str
    reasons: tuple[Reason, ...]
    text_en: str
    text_ko: str
    config_hash: str
    received_ns: int | None = None
    judged_ns: int | None = None


class Condition(StrEnum):
    """What a spindle's tile shows, worst first."""

    ALERTING = "alerting"
    SENSOR = "sensor"
    LEARNING = "learning"
    OK = "ok"


@dataclass(frozen=True, slots=True)
class SpindleState:
    """One spindle at a glance; emitted when it changes and once a second of stream time.

    Parameters
    ----------
    condition : Condition
        The worst that holds.
    learned, wanted : int
        Progress of the current regime's baseline, over all groups.
    score : float
        Latest score; NaN if nothing could be said.
    open_alerts : tuple[str, ...]
        Ids.
    troubles : tuple[tuple[str, int], ...]
        Sensor outcomes so far, by kind.
    """

    spindle: str
    t_ns: int
    condition: Condition
    regime: str
    learned: int
    wanted: int
    score: float
    open_alerts: tuple[str, ...]
    troubles: tuple[tuple[str, int], ...]
