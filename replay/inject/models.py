"""Faults of tool, cut and rotor as they show in one channel: pure functions of the samples and their times.

Every model is ``model(t_s, x, here) -> float64[n_samples]``: it gets samples from the onset on, and what it
adds at a time depends on that time alone, so it does not matter how the samples were cut. ``x`` may hold NaN,
which stays.

Magnitudes are relative to what the channel itself reads around the onset (`replay.inject.levels`) or absolute
where the physics is. **They are models**: none was fitted to a broken tool. Severity 1.0 is meant as moderate,
the size at which a machinist standing beside the machine would notice; each model says why it is that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.declared import Channel
from replay.inject.channels import G_M_S2, Role, per_g
from replay.inject.levels import Levels
from replay.inject.shapes import (
    N_HISS,
    Samples,
    blow,
    chatter_hz,
    hiss,
    lagged_pattern,
    phase,
    ring,
    tooth_pattern,
)
from replay.inject.story import Story

# Stopping a head that moves at 20 m/min within a millisecond is some 50 g at the tool; a fifth of that is assumed to
# reach the housing. A loud cut hides less than ten times its own RMS.
_CRASH_G, _CRASH_OF_RMS = 10.0, 10.0
_CRASH_BOUNCES = ((0.0, 1.0), (0.031, -0.5), (0.074, 0.3))  # seconds after, share
# A drive may give twice its rating for short; the control's lag-error limit stops it after a tenth of a second.
_BLOW_OF_LOAD = 1.5
_BREAK_OF_RMS = 5.0  # an edge that breaks out: a fifth of the energy of a crash in a quiet cut
_BROKEN_LOAD = 0.1  # what is left of a broken edge rubs
_BROKEN_FALLBACK = 0.5  # by level alone: the tool cuts half of what it should, and shakes half as much again
_BROKEN_RISE_S = 0.05
_CHATTER_PER_S, _CHATTER_SEED = 10.0, 0.01
_IMBALANCE_MM_S = 2.8  # boundary of zones B and C of ISO 20816-3, small machines on rigid supports
_IMBALANCE_OF_FLOOR = 1.0
_WEAR_LOAD, _WEAR_LEVEL, _WEAR_NOISE = 0.25, 0.25, 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Here:
    """Where a fault shows.

    Parameters
    ----------
    severity : float
        1.0 = moderate.
    start_s, end_s : float
        Of the fault, seconds from the recording's start.
    channel : Channel
        As declared.
    number : int
        Of the channel within its group: tells directions apart.
    role : Role
        What it measures.
    rate_hz : float
        Of its group.
    levels : Levels
        Around the onset.
    story : Story
        Speed, tool and cutting at any time.
    seed : int
        For what is random.
    tool : str or None
        In the spindle at the onset.
    """

    severity: float
    start_s: float
    end_s: float
    channel: Channel
    number: int
    role: Role
    rate_hz: float
    levels: Levels
    story: Story
    seed: int
    tool: str | None

    @property
    def rpm(self) -> float:
        """At the onset; 0 if unknown."""
        context = self.story.at(self.start_s)
        return float(context.rpm or 0.0) if context is not None else 0.0

    @property
    def n_teeth(self) -> int:
        """Of the tool at the onset; 0 if unknown."""
        context = self.story.at(self.start_s)
        return (context.n_teeth if context is not None else None) or 0

    @property
    def idle_mean(self) -> float:
        """Level without cutting; 0 if that was not recorded."""
        return float(np.nan_to_num(self.levels.idle.mean))

    def engaged(self, t_s: Samples) -> Samples:
        """1 where the tool may be cutting, else 0."""
        return self.story.cutting(t_s).astype(np.float64)


def collision(t_s: Samples, x: Samples, here: Here) -> Samples:
    """A blow through the structure, two bounces, and a drive at its limit until the control stops the feed.

    Severity 1.0: a peak of 10 g at the housing, or ten times the RMS of what goes on if that is more; the drive
    gives one and a half times its present load on top for a tenth of a second. Twice as much would already stop
    many controls by themselves, so that nobody needs an alert.
    """
    age_s = t_s - here.start_s
    if here.role is Role.VIBRATION:
        g = per_g(here.channel)
        peak = max(_CRASH_OF_RMS * here.levels.onset.rms, _CRASH_G * g if g is not None else 0.0)
        rings = sum(share * ring(age_s - after_s, here.rate_hz) for after_s, share in _CRASH_BOUNCES)
        return x + here.severity * peak * rings
    level = max(abs(here.levels.onset.mean), abs(here.idle_mean), here.levels.onset.rms)
    return x + here.severity * _BLOW_OF_LOAD * level * blow(age_s)


def tool_breakage(t_s: Samples, x: Samples, here: Here) -> Samples:
    """One edge of z is gone: a short burst, then once per revolution a tooth cuts nothing and the next one double.

    Severity 1.0: the whole edge; less: that share of it. The cut's own signal is weighted tooth by tooth (Altintas,
    *Manufacturing Automation*, 2nd ed., 2012, ch. 4: chip load of a broken tooth passes to the next), in a
    drive smoothed by its control. The load rises by a tenth, since what is left of the edge rubs; more than
    that can be either way.

    Without speed or number of teeth there is no such pattern, and a turning tool has none. Then the level alone
    shows it: the cut's share of the load falls by half, vibration rises by half, within 50 ms.
    """
    age_s, severity = t_s - here.start_s, min(here.severity, 1.0)
    engaged = here.engaged(t_s)
    if here.rpm <= 0.0 or here.n_teeth == 0:
        return _breakage_by_level(x, here, severity * engaged * np.clip(age_s / _BROKEN_RISE_S, 0.0, 1.0))
    rev_hz = here.rpm / 60.0
    turn = here.story.revolution(t_s) + phase(here.seed)
    if here.role is Role.VIBRATION:
        burst = here.severity * _BREAK_OF_RMS * here.levels.onset.rms * ring(age_s, here.rate_hz)
        middle = here.levels.onset.mean
        return middle + (x - middle) * (1.0 + severity * engaged * tooth_pattern(turn, here.n_teeth)) + burst
    step = (_BROKEN_LOAD if here.role is Role.LOAD else _BROKEN_FALLBACK) * np.ones_like(t_s)
    if here.rate_hz > 4.0 * rev_hz:
        step += lagged_pattern(turn, here.n_teeth, rev_hz)
    return x + severity * engaged * step * (x - here.idle_mean)


def missing_tool(t_s: Samples, x: Samples, here: Here) -> Samples:
    """The controller says cutting, but nothing is engaged: the channel reads as it does in air.

    Severity 1.0: all of the cut is missing; less: that share. In place of the cut come samples of the
    recording's own idle running at that speed, over and over; for scalar channels its level.
    """
    share = min(here.severity, 1.0) * here.engaged(t_s)
    loop = here.levels.loop
    if loop.size:
        idle = loop[np.rint((t_s - here.start_s) * here.rate_hz).astype(np.int64) % loop.size]
        return (1.0 - share) * x + share * idle
    return x + share * (here.idle_mean - here.levels.onset.mean)


def chatter(t_s: Samples, x: Samples, here: Here) -> Samples:
    """A tone that is no order of the spindle grows from a hundredth to its limit cycle while the tool cuts.

    Regenerative chatter (Altintas and Budak, CIRP Annals 44/1, 1995) grows exponentially until the tool leaves
    the cut for part of the time: amplitude of a Stuart-Landau oscillator, e-fold in 0.1 s. The tone lies 0.37
    of an order above a multiple of the speed, near 800 Hz, a common mode of a spindle nose; at low rates, at
    0.35 of the rate.

    Severity 1.0: at the limit cycle the tone has the energy of the cut itself, so that its RMS rises by 40 %:
    audible, and far below the five to ten times of a violent chatter. Drives are left alone: their control
    passes little of it.
    """
    if here.role not in (Role.VIBRATION, Role.ENVELOPE):
        return x
    age_s = t_s - here.start_s
    decay = np.exp(-2.0 * _CHATTER_PER_S * np.maximum(age_s, 0.0))
    grown: Samples = here.severity / np.sqrt(1.0 + (_CHATTER_SEED**-2 - 1.0) * decay) * here.engaged(t_s)
    if here.role is Role.ENVELOPE:
        louder: Samples = np.sqrt(1.0 + grown**2)
        return here.idle_mean + (x - here.idle_mean) * louder
    lead = 0.2 * here.number
    tone: Samples = np.sin(2.0 * np.pi * (chatter_hz(here.rpm, here.rate_hz) * age_s + lead))
    added: Samples = np.sqrt(2.0) * here.levels.onset.rms * grown * tone
    return x + added


def imbalance(t_s: Samples, x: Samples, here: Here) -> Samples:
    """A line once per revolution whose acceleration grows with the square of the speed.

    Severity 1.0: 2.8 mm/s RMS at the speed of the onset, where ISO 20816-3 calls a small machine on rigid
    supports unfit for long-term operation; in channels of another unit, as much as the channel's own floor.
    """
    if here.role is not Role.VIBRATION:
        return x
    rev_hz = here.rpm / 60.0
    g = per_g(here.channel)
    if g is None:
        rms = _IMBALANCE_OF_FLOOR * here.levels.floor_rms
    else:
        rms = _IMBALANCE_MM_S / 1000.0 * 2.0 * np.pi * rev_hz / G_M_S2 * g
    speed = (here.story.rev_hz(t_s) / rev_hz) ** 2
    turn = here.story.revolution(t_s) + 0.25 * here.number + phase(here.seed)
    line: Samples = here.severity * np.sqrt(2.0) * rms * speed * np.sin(2.0 * np.pi * turn)
    return x + line


def tool_wear(t_s: Samples, x: Samples, here: Here) -> Samples:
    """Load and friction noise grow with the time that this tool cuts.

    Severity 1.0: at the end the cut's share of the load has grown by a quarter, a little above where shops set
    their wear limit (15 to 20 % over the fresh edge); vibration by a quarter, and half of the cut's RMS is
    added as noise that leans to high frequencies, for a wear land rubs.
    """
    wear = here.severity * wear_progress(t_s, here) * here.engaged(t_s) * _of_tool(t_s, here)
    if here.role is not Role.VIBRATION:
        gain = _WEAR_LOAD if here.role is Role.LOAD else _WEAR_LEVEL
        return x + gain * wear * (x - here.idle_mean)
    rubbing = hiss(here.seed, here.number)[
        np.rint((t_s - here.start_s) * here.rate_hz).astype(np.int64) % N_HISS
    ]
    return x * (1.0 + _WEAR_LEVEL * wear) + _WEAR_NOISE * wear * here.levels.onset.rms * rubbing


def wear_progress(t_s: Samples, here: Here) -> Samples:
    """Share of the fault's cutting time that is over, 0 to 1; of all its time if no cuts are known."""
    cuts = [
        (max(cut.start_s, here.start_s), min(cut.end_s, here.end_s))
        for cut in here.story.cuts()
        if cut.tool == here.tool and cut.end_s > here.start_s and cut.start_s < here.end_s
    ] or [(here.start_s, here.end_s)]
    corners = np.array(cuts).ravel()
    lengths = np.array([(end_s - start_s, 0.0) for start_s, end_s in cuts]).ravel()
    done = np.concatenate(([0.0], np.cumsum(lengths)))[: corners.size]
    return np.interp(t_s, corners, done / max(float(lengths.sum()), 1e-9))


def _breakage_by_level(x: Samples, here: Here, broken: Samples) -> Samples:
    sign = -1.0 if here.role is Role.LOAD else 1.0
    middle = here.levels.onset.mean if here.role is Role.VIBRATION else here.idle_mean
    middle = here.levels.onset.mean if here.role is Role.VIBRATION else here.idle_mean
    return middle + (x - middle) * (1.0 + sign * _BROKEN_FALLBACK * broken)


def _of_tool(t_s: Samples, here: Here) -> Samples:
    """1 while the tool of the onset is in the spindle."""
    if here.tool is None:
        return np.ones_like(t_s)
    spans = [cut for cut in here.story.cuts() if cut.tool == here.tool]
    inside = np.zeros_like(t_s)
    for cut in spans:
        inside[(t_s >= cut.start_s) & (t_s < cut.end_s)] = 1.0
    return inside
