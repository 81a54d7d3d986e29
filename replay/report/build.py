"""Everything that a report shows, gathered from a replay's folder and its recordings."""

from __future__ import annotations

import bisect
import platform
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec

from engine import __version__
from engine.clock import to_datetime
from engine.config import Config, load_config
from engine.errors import UsageError
from engine.records import Context
from engine.verdicts import Alert
from replay.layout import CONTEXT
from replay.recording import Recording
from replay.report.results import Replayed, Results, ScoreRows, read_object, read_results
from replay.report.samples import Stretches
from replay.report.signals import MOST_CHANNELS, Moment, picture
from replay.report.timeline import context_strip, score_curve
from replay.report.told import FALSE, TRUE, Told, fault_rows, join_alerts, marker_rows
from replay.rows import ContextRows

MOST_ALERTS = 5000
"""Listed, in all; a report of more would not open in reasonable time."""
N_PICTURES = 60
"""Alerts with signals, unless asked otherwise: some 20 kB for each channel."""


@dataclass(frozen=True, slots=True)
class _Part:
    """One recording of the replay."""

    replayed: Replayed
    recording: Recording | None
    start_ns: int
    told: list[Told]
    contexts: list[Context]
    scores: dict[str, ScoreRows]


def gather(
    out: Path,
    recordings: Sequence[Path] = (),
    *,
    config: Path | None = None,
    bench: Path | None = None,
    n_pictures: int = N_PICTURES,
) -> dict[str, Any]:
    """Gather a report's data.

    Parameters
    ----------
    out : Path
        ``--out`` of a replay.
    recordings : sequence of Path
        Some or all of those replayed: what is known of their samples, contexts and labels (as they are now).
    config : Path, optional
        Site configuration of the replay. Without it, the defaults, if those decided.
    bench : Path, optional
        ``--out`` of ``inject-bench``.
    n_pictures : int
        Alerts that get waveforms and spectra, at most: false ones first, then those that labels explain.

    Returns
    -------
    dict
        Plain values, NaN among them.

    Raises
    ------
    RecordingError
        A file that is missing or damaged.
    ConfigError, UsageError
        A configuration that is none, or not the one that decided; a recording that was not replayed into ``out``.
    """
    results = read_results(out)
    decided = _deciding(results, config)
    injected = None if bench is None else read_object(bench / "bench.json")
    parts = _parts(results, [Recording.open(path) for path in recordings])
    listed = [(number, told) for number, part in enumerate(parts) for told in part.told][:MOST_ALERTS]
    numbers = {told.first.id: number for number, (_, told) in enumerate(listed)}
    drawn = _chosen(
        [told for _, told in listed], n_pictures, {id(t) for p in parts if p.recording for t in p.told}
    )
    pictures = _pictures(parts, listed, drawn, decided or load_config())
    return {
        "version": 1,
        "recordings": [_recording(part, results.alerts, numbers) for part in parts],
        "alerts": [
            {**told.as_dict(parts[number].start_ns), "recording": number, "picture": pictures.get(told.first.id)}
            for number, told in listed
        ],
        "n_alerts": sum(len(part.told) for part in parts),
        "n_pictures": len(pictures),
        "most_channels": MOST_CHANNELS,
        "duration_s": results.summary.duration_s,
        "kpi": results.kpi,
        "evaluation": results.evaluation,
        "bench": injected,
        "config": _told_config(results.summary.config_hash, decided),
        "versions": {"spindlewatch": __version__, "python": platform.python_version()}
        | {name: version(name) for name in ("bytewax", "numba", "numpy", "scipy", "river")},
    }  # fmt: skip


def _deciding(results: Results, path: Path | None) -> Config | None:
    """The configuration that decided; None if it is not at hand."""
    config, wanted = load_config(path), results.summary.config_hash
    if config.hash == wanted:
        return config
    if path is not None:
        raise UsageError(
            f"--config {path}: {results.out} was decided by configuration {wanted}, got {config.hash}; "
            "leave it out, or give the one of that replay"
        )
    return None


def _parts(results: Results, recordings: Sequence[Recording]) -> list[_Part]:
    opened = {(own.path.name, own.spindle.name): own for own in recordings}
    replayed = {(own.recording, own.spindle): own for own in results.summary.recordings}
    for key, recording in opened.items():
        if key not in replayed:
            raise UsageError(
                f"{recording.path}: was not replayed into {results.out}, whose summary.json does not name it"
            )
    return [_part(results, own, opened.get(key)) for key, own in replayed.items()]


def _part(results: Results, replayed: Replayed, recording: Recording | None) -> _Part:
    scores = {group: rows for (spindle, group), rows in results.scores.items() if spindle == replayed.spindle}
    told = join_alerts(results.alerts, replayed, recording)
    contexts = []
    if recording is not None:
        contexts = list(ContextRows(recording.path / CONTEXT, replayed.spindle).contexts())
    # Without the recording, nothing says when it began but the first of what was told of it.
    firsts = [int(rows.t_ns[0]) for rows in scores.values() if rows.t_ns.size] + [
        one.first.onset_ns for one in told
    ]
    start_ns = recording.start_ns if recording is not None else min(firsts, default=0)
    return _Part(replayed, recording, start_ns, told, contexts, scores)


def _recording(part: _Part, alerts: Sequence[Alert], numbers: dict[str, int]) -> dict[str, Any]:
    replayed, recording = part.replayed, part.recording
    return {
        "name": replayed.recording,
        "spindle": replayed.spindle,
        "start": to_datetime(part.start_ns).isoformat(timespec="seconds"),
        "duration_s": replayed.duration_s,
        "labelled": replayed.labelled if recording is None else recording.labelled,
        "at_hand": recording is not None,
        "source": "" if recording is None else recording.source,
        "faults": fault_rows(alerts, replayed, recording, numbers),
        "markers": marker_rows(recording),
        "context": context_strip(part.contexts, part.start_ns, replayed.duration_s),
        "scores": [
            score_curve(group, rows, part.start_ns, replayed.duration_s)
            for group, rows in part.scores.items()
        ],
    }


def _chosen(listed: Sequence[Told], n_most: int, with_samples: set[int]) -> set[str]:
    """Alerts that get signals: of those most worth a look, evenly over the list."""
    chosen: list[str] = []
    for truths in ((FALSE,), (TRUE,), ("unlabelled",)):
        own = [told.first.id for told in listed if told.truth in truths and id(told) in with_samples]
        room = n_most - len(chosen)
        chosen += own if len(own) <= room else [own[i * len(own) // room] for i in range(room)]
    return set(chosen)


def _pictures(
    parts: Sequence[_Part], listed: Sequence[tuple[int, Told]], drawn: set[str], config: Config
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for number, part in enumerate(parts):
        if part.recording is None:
            continue
        own = [told.first for n, told in listed if n == number and told.first.id in drawn]
        with ExitStack() as stack:
            files: dict[str, Stretches] = {}
            for first in own:
                group = part.recording.spindle.group(first.group)
                if group is None:
                    continue
                if group.name not in files:
                    files[group.name] = stack.enter_context(Stretches(part.recording.path, group))
                moment = Moment(
                    first, part.start_ns, _holding(part.contexts, first.t_ns), part.scores.get(group.name)
                )
                found[first.id] = picture(moment, group, files[group.name], config)
    return found  # fmt: skip


def _holding(contexts: Sequence[Context], t_ns: int) -> Context | None:
    """The context at the end of a window: one that begins there came later."""
    at = bisect.bisect_left(contexts, t_ns, key=lambda context: context.t_ns)
    return contexts[at - 1] if at else None


def _told_config(config_hash: str, config: Config | None) -> dict[str, Any]:
    """Keys that differ from the defaults, each with both values; None if the configuration is not at hand."""
    if config is None:
        return {"hash": config_hash, "changed": None}
    own, default = (_flat(msgspec.to_builtins(one)) for one in (config, load_config()))
    keys = [key for key in {**default, **own} if own.get(key) != default.get(key)]
    return {
        "hash": config_hash,
        "changed": [{"key": key, "value": own.get(key), "default": default.get(key)} for key in keys],
    }


def _flat(tables: dict[str, Any], prefix: str = "") -> dict[str, str]:
    """Dotted keys; values as JSON, lists as a whole."""
    flat: dict[str, str] = {}
    for key, value in tables.items():
        if isinstance(value, dict) and value:
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = msgspec.json.encode(value).decode()
    return flat
