"""A healthy recording in, one with labelled faults out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.declared import SensorGroup
from engine.errors import UsageError
from engine.records import Context, samples_to_ns
from replay.inject.channels import role_of
from replay.inject.levels import GroupLevels
from replay.inject.models import Here
from replay.inject.orders import Injection, Order
from replay.inject.plan import MODELS, Placed, place
from replay.inject.slabs import Slab, slabs
from replay.inject.story import Story
from replay.layout import CONTEXT
from replay.recording import Recording, RecordingWriter
from replay.rows import ContextRows


def inject(
    source: Path, dest: Path, orders: Sequence[Order], *, seed: int = 0, spindle: str | None = None
) -> tuple[Placed, ...]:
    """Write a copy of a recording with faults superposed and labelled.

    Parameters
    ----------
    source : Path
        A recording; best one of a healthy machine.
    dest : Path
        Folder of the new one: missing or empty.
    orders : sequence of Order
        What to inject.
    seed : int
        Decides what is random in a fault: slip, phase, noise.
    spindle : str, optional
        Another name for the spindle, so that copies can be replayed side by side.

    Returns
    -------
    tuple of Placed
        What was injected, in order of time.

    Raises
    ------
    UsageError
        A fault that this recording cannot carry, and why.
    RecordingError
        A recording that cannot be read or written.

    Notes
    -----
    Samples outside the faults are bit-identical, those of the channels that a fault does not touch too.
    Contexts, rates, teach-in, labels and notes are kept; a note says what was injected. The samples are read
    three times and never held as a whole.
    """
    recording = Recording.open(source)
    contexts = list(ContextRows(recording.path / CONTEXT, recording.spindle.name).contexts())
    story = Story(contexts, recording.start_ns, recording.duration_s)
    placed = place(orders, recording.spindle, story)
    scenes = {
        group.name: _scenes(recording, group, placed, story, seed) for group in recording.spindle.groups
    }
    _refuse_unseen(placed, list(scenes.values()))
    renamed = replaced_name(recording, spindle)
    writer = RecordingWriter(
        dest,
        renamed.spindle,
        recording.start_ns,
        recording.source,
        recording.licence,
        [*recording.notes, *(_note(fault, seed) for fault in placed)],
        [*recording.faults, *(row for fault in placed for row in fault.labels(story, seed))],
        labelled=recording.labelled,
    )
    with writer:
        for context in contexts:
            writer.write_context(replace(context, spindle=renamed.spindle.name))
        for group in recording.spindle.groups:
            for slab in slabs(recording, group):
                for t_ns, samples in superposed(slab, group, scenes[group.name]):
                    writer.write_block(group.name, t_ns, samples)
    return placed


def replaced_name(recording: Recording, spindle: str | None) -> Recording:
    """Give a recording's spindle another name, or leave it."""
    if spindle is None:
        return recording
    import msgspec

    return replace(recording, spindle=msgspec.structs.replace(recording.spindle, name=spindle))


Scenes = list[tuple[Placed, dict[int, Here]]]


def _scenes(
    recording: Recording, group: SensorGroup, placed: Sequence[Placed], story: Story, seed: int
) -> Scenes:
    """Where each fault shows in a group: by number of the channel."""
    touching = [fault for fault in placed if fault.channels & set(group.channel_names)]
    if not touching:
        return []
    read = GroupLevels(recording, group)
    scenes: Scenes = []
    for index, fault in enumerate(touching):
        levels = read.around(fault.start_s, story)
        scenes.append(
            (
                fault,
                {
                    number: Here(
                        severity=fault.severity,
                        start_s=fault.start_s,
                        end_s=fault.end_s,
                        channel=channel,
                        number=number,
                        role=role_of(channel, group),
                        rate_hz=group.sample_rate_hz,
                        levels=levels[number],
                        story=story,
                        seed=seed + 1000 * index,
                        tool=fault.tool,
                    )
                    for number, channel in enumerate(group.channels)
                    if channel.name in fault.channels
                },
            )
        )
    return scenes


def _refuse_unseen(placed: Sequence[Placed], scenes: Sequence[Scenes]) -> None:
    """Refuse to take away a cut that no channel shows: there would be nothing to find."""
    for fault in placed:
        if fault.kind not in (Injection.MISSING_TOOL, Injection.TOOL_BREAKAGE):
            continue
        places = [here for group in scenes for own, at in group if own is fault for here in at.values()]
        if not any(here.levels.stands_out for here in places):
            raise UsageError(
                f"{fault.kind} at {fault.start_s:g} s: in no channel does the cut stand out from idle running there, "
                "so nothing would change"
            )


def superposed(slab: Slab, group: SensorGroup, scenes: Scenes) -> Iterable[tuple[int, NDArray[np.float32]]]:
    """Superpose faults on a slab.

    Parameters
    ----------
    slab : Slab
        Of the group.
    group : SensorGroup
        Its channels.
    scenes : list of (Placed, dict[int, Here])
        Faults that show in this group, and in which channels.

    Yields
    ------
    tuple of int and float32[n_channels, n_samples]
        Time and samples of what is left of it: the slab, or the pieces around a dropout. Outside of faults, bit
        by bit what it was.
    """
    samples = slab.samples
    kept = np.ones(slab.t_s.size, np.bool_)
    for fault, places in scenes:
        first, last = np.searchsorted(slab.t_s, (fault.start_s, fault.end_s))
        if first == last:
            continue
        if fault.kind is Injection.SENSOR_DROPOUT:
            kept[first:last] = False
            continue
        samples = samples.copy()
        for number, here in places.items():
            x = samples[number, first:last].astype(np.float64)
            changed = MODELS[fault.kind](slab.t_s[first:last], x, here)
            full_scale = group.channels[number].full_scale
            if full_scale is not None:
                changed = np.clip(changed, -full_scale, full_scale)
            samples[number, first:last] = changed
    if kept.all():
        yield slab.t_ns, samples
        return
    edges = np.flatnonzero(np.diff(np.concatenate(([0], kept.astype(np.int8), [0]))))
    for first, last in edges.reshape(-1, 2).tolist():
        t_ns = slab.t_ns + samples_to_ns(first, group.sample_rate_hz)
        yield t_ns, samples[:, first:last]


def _note(fault: Placed, seed: int) -> str:
    return (
        f"Injected: {fault.kind} from {fault.start_s:g} s to {fault.end_s:g} s, severity {fault.severity:g}, "
        f"seed {seed}, in {', '.join(sorted(fault.channels))}."
    )


def story_of(recording: Recording) -> tuple[Story, list[Context]]:
    """Read a recording's contexts."""
    contexts = list(ContextRows(recording.path / CONTEXT, recording.spindle.name).contexts())
    return Story(contexts, recording.start_ns, recording.duration_s), contexts
