"""One tuning from recordings to a configuration with evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engine.config import Config, load_config
from engine.errors import ConfigError, UsageError
from replay.recording import Recording
from replay.staging import writing
from replay.tune.cost import cost
from replay.tune.draws import import_optuna
from replay.tune.evaluate import Evaluator
from replay.tune.folds import Folds, GroupBy, cut_folds
from replay.tune.result import TuneResult, bootstrap, pareto_front
from replay.tune.search import Search
from replay.tune.space import Space, places
from replay.tune.study import ALL, StudyFile, Trial, fingerprints
from replay.tune.write import write_result


def tune_recordings(
    paths: Sequence[Path],
    out: Path,
    config_path: Path | None = None,
    *,
    n_trials: int = 100,
    n_jobs: int = 1,
    study: Path | None = None,
    seed: int = 0,
    group_by: GroupBy = "spindle",
    show_progress: bool = False,
) -> TuneResult:
    """Search for a configuration that costs less, and say what it costs on recordings that did not choose it.

    Parameters
    ----------
    paths : sequence of Path
        Recordings with labels, in any order; of one spindle or several.
    out : Path
        Folder for ``tuned.toml``, ``tune.json``, ``study.json`` and ``pareto.csv``; made if missing.
    config_path : Path, optional
        Site configuration to begin from, with ``[tune]``; None = the defaults.
    n_trials : int
        Configurations that each choice is made from, the base among them; 1 upwards.
    n_jobs : int
        Processes. The result is the same for any number.
    study : Path, optional
        SQLite file in which trials are kept as they are done; a tuning that was interrupted goes on from there.
    seed : int
        Decides every draw; 0 upwards.
    group_by : str
        What is never parted: see `replay.tune.folds.cut_folds`.
    show_progress : bool
        Draw a bar on stderr, if that is a terminal.

    Returns
    -------
    TuneResult
        Written to ``out``, too.

    Raises
    ------
    ConfigError
        ``[tune]`` that cannot be searched; a configuration that does not exist.
    UsageError
        Recordings that nothing can be learnt from: no labels, one run only, one twice; a study of something else.
    RecordingError
        A recording that cannot be read, or a folder that cannot be written.
    SpindlewatchError
        Optuna is not installed; a study that cannot be used.
    """
    import_optuna()
    config = load_config(config_path)
    base_text = "" if config_path is None else config_path.read_text(encoding="utf-8")
    _see_that_all_costs(config)
    space = Space.of(config)
    recordings = _open_all(paths)
    folds = cut_folds(recordings, config.tune.folds, group_by)
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
    memory = StudyFile(study, fingerprints(recordings, space, seed, group_by, len(folds.parts)))
    durations_s = [recording.duration_s for recording in recordings]
    with Evaluator([recording.path for recording in recordings], n_jobs) as evaluator:
        search = Search(space, folds, durations_s, seed, memory, evaluator)
        with _progress(n_trials, show_progress) as tell:
            search.run(n_trials, tell)
        result = _conclude(search, space, folds, recordings, n_trials, seed)
    write_result(result, base_text, out)
    return result


def _conclude(
    search: Search, space: Space, folds: Folds, recordings: Sequence[Recording], n_trials: int, seed: int
) -> TuneResult:
    """Hold each fold's choice against the fold."""
    outside = {i: s for fold in range(len(folds.parts)) for i, s in search.on_fold(fold).items()}
    base, chosen = search.base.scores, search.choices[ALL].best
    assert chosen is not None  # the base is in every choice
    weights = space.base.tune.cost
    numbers = range(len(recordings))
    differences = [cost(outside[i], weights) - cost(base[i], weights) for i in numbers]
    of_all = search.choices[ALL].trials
    drawn = {id(trial): trial for choice in search.choices.values() for trial in choice.trials}
    return TuneResult(
        recordings=tuple(recording.path for recording in recordings),
        duration_s=sum(recording.duration_s for recording in recordings),
        folds=folds,
        base=space.base,
        tuned=search.config(chosen),
        base_scores={i: base[i] for i in numbers},
        out_of_sample={i: outside[i] for i in numbers},
        in_sample={i: chosen.scores[i] for i in numbers},
        chosen=chosen,
        trials=tuple(sorted(drawn.values(), key=lambda trial: (trial.slot, trial.study))),
        front=pareto_front(of_all, len(recordings)),
        changed=_changed(space, chosen),
        difference=bootstrap(differences, folds.groups, seed),
        n_trials=n_trials,
        seed=seed,
    )


def _changed(space: Space, chosen: Trial) -> dict[str, tuple[Any, Any]]:
    """Values before and after, where they differ; before is None where there were several or none."""
    import msgspec

    tables = msgspec.to_builtins(space.base)
    changed = {}
    for key, after in chosen.values.items():
        before = [table.get(name) for table, name in places(key, tables)]
        if any(value != after for value in before):
            changed[key] = (before[0] if all(value == before[0] for value in before) else None, after)
    return changed


def _open_all(paths: Sequence[Path]) -> list[Recording]:
    """Open recordings, in an order that does not depend on that of the arguments."""
    recordings = sorted(
        (Recording.open(path) for path in paths), key=lambda r: (r.spindle.name, r.path.name, str(r.path))
    )
    seen: set[Path] = set()
    for recording in recordings:
        real = recording.path.resolve()
        if real in seen:
            raise UsageError(f"{recording.path}: is given twice")
        seen.add(real)
    if not any(recording.faults for recording in recordings):
        raise UsageError("no recording has a labelled fault: the cheapest configuration would never alert")
    if not any(recording.labelled for recording in recordings):
        raise UsageError(
            "no recording has complete labels (`labelled = true`), so no alert can be called false: the cheapest "
            "configuration would always alert"
        )
    return recordings


def _see_that_all_costs(config: Config) -> None:
    weights = config.tune.cost
    if not weights.missed_fault > 0:
        raise ConfigError(
            "tune.cost.missed_fault: Expected more than 0: else it is cheapest never to alert, got 0"
        )
    if not (weights.false_alert > 0 or weights.false_alert_hour > 0):
        raise ConfigError(
            "tune.cost: Expected false_alert or false_alert_hour to be more than 0: else it is cheapest always to "
            "alert, got 0 for both"
        )


@contextmanager
def _progress(n_trials: int, wanted: bool) -> Iterator[Callable[[int], None]]:
    """Give a function to tell how many trials are done; it draws a bar if stderr is a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not (wanted and console.is_terminal)) as progress:
        task = progress.add_task("tuning", total=n_trials)
        yield lambda n_done: progress.update(task, completed=n_done)
