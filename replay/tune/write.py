"""What a tuning hands over: a configuration with its evidence, and everything that was tried."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import msgspec
import orjson

from engine.config import parse_config
from replay.staging import writing
from replay.tune.cost import cost
from replay.tune.result import TuneResult, aims
from sinks.files import written_whole

_AIMS = ("n_missed", "n_false", "delay_h")


def write_result(result: TuneResult, base_text: str, out: Path) -> None:
    """Write ``tuned.toml``, ``tune.json``, ``study.json`` and ``pareto.csv``.

    Parameters
    ----------
    result : TuneResult
        What was found.
    base_text : str
        The site file that was tuned; empty: the defaults.
    out : Path
        Folder; files in it are replaced, each whole or not at all.

    Raises
    ------
    RecordingError
        A folder that cannot be written.
    """
    with writing(out):
        with written_whole(out / "pareto.csv") as part, part.open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            keys = sorted(result.base.tune.space)
            table.writerow(["trial", *_AIMS, "cost", *keys])
            for trial in result.front:
                values = [trial.values.get(key, "base") for key in keys]
                table.writerow([trial.slot, *aims(trial), result.total(trial.scores), *values])
        for name, content in (("study.json", _study(result)), ("tune.json", result.as_dict())):
            with written_whole(out / name) as part:
                part.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2))
        with written_whole(out / "tuned.toml") as part:
            part.write_text(tuned_text(result, base_text), encoding="utf-8")


def _study(result: TuneResult) -> dict[str, Any]:
    return {
        "unit": result.weights.unit,
        "trials": [
            {
                "study": trial.study,
                "trial": trial.slot,
                "values": trial.values,
                "n_recordings": len(trial.scores),
                "cost": result.total(trial.scores),
                **dict(zip(_AIMS, aims(trial), strict=True)),
                "costs": {str(i): cost(one, result.weights) for i, one in sorted(trial.scores.items())},
                "wrong": trial.wrong or None,
            }
            for trial in result.trials
        ],
    }


def tuned_text(result: TuneResult, base_text: str) -> str:
    """The site file to hand over: the base's own text with the values changed, and why anybody should believe it.

    Parameters
    ----------
    result : TuneResult
        What was found.
    base_text : str
        As for `write_result`; its comments stay, but for those within ``[[detectors]]`` if one of these changes.

    Returns
    -------
    str
        TOML that `engine.config.load_config` makes ``result.tuned`` of.
    """
    import tomlkit

    document = tomlkit.parse(base_text)
    for key, (before, after) in result.changed.items():
        if key.startswith("detectors["):
            continue
        *tables, name = key.split(".")
        holder: Any = document
        for table in tables:
            if table not in holder:
                holder[table] = tomlkit.table()
            holder = holder[table]
        holder[name] = after
        holder[name].comment(_evidence(result, key, before))
    if any(key.startswith("detectors[") for key in result.changed):
        document.pop("detectors", None)
        document["detectors"] = _detectors(result)
    text = "".join(f"# {line}\n" for line in _header(result)) + "\n" + tomlkit.dumps(document)
    written = parse_config(text, "tuned.toml")
    assert written.hash == result.tuned.hash, "tuned.toml would decide otherwise than what was tried"
    return text


def _header(result: TuneResult) -> list[str]:
    base, outside = result.as_dict()["base"], result.as_dict()["out_of_sample"]

    def told(figures: dict[str, Any]) -> str:
        return (
            f"{figures['cost']:.0f} {result.weights.unit}; "
            f"{figures['n_missed']} of {figures['n_faults']} faults missed, "
            f"{figures['n_false']} false alerts open for {figures['false_alert_h']:.2f} h"
        )

    keys = [f"{key}: {_shown(old)} -> {_shown(new)}" for key, (old, new) in result.changed.items()]
    return [
        f"Tuned from configuration {result.base.hash}, {len(result.recordings)} recordings "
        f"({result.duration_s / 3600:.2f} h), {result.n_trials} trials, {len(result.folds.parts)} folds, "
        f"seed {result.seed}.",
        result.says,
        f"Base:          {told(base)}.",
        f"Out of sample: {told(outside)}.",
        *keys,
    ]


def _evidence(result: TuneResult, key: str, before: Any) -> str:
    entry = result.base.tune.space[key]
    searched = ", ".join(map(_shown, entry.choices)) or f"{entry.low} to {entry.high}"
    return f"before: {_shown(before)}; searched: {searched}"


def _shown(value: Any) -> str:
    return "-" if value is None else msgspec.json.encode(value).decode()


def _detectors(result: TuneResult) -> Any:
    """All entries, for a site's list of detectors replaces the default one."""
    import tomlkit

    entries = tomlkit.aot()
    for entry in msgspec.to_builtins(result.tuned)["detectors"]:
        entries.append(tomlkit.item({key: value for key, value in entry.items() if value not in (None, {})}))
    return entries
