"""The memory of a tuning: its trials, in an Optuna study that survives the process."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from engine.errors import SpindlewatchError, UsageError
from replay.evaluate import EventScores
from replay.recording import Recording
from replay.tune.draws import Paid, frozen_trial, import_optuna
from replay.tune.space import Axis, Space

ALL = "all"
"""Name of the study that chooses on all recordings; trials drawn without looking at costs are kept there, too."""
_FORMAT = 1
_ABOUT = "spindlewatch"


def without(fold: int) -> str:
    """Name of the study that chooses on the recordings outside a fold."""
    return f"without-fold-{fold + 1}"


@dataclass(slots=True, eq=False)
class Trial:
    """A configuration and what it was worth, on as many recordings as it took to see that.

    Parameters
    ----------
    study : str
        For whose choice it was drawn: `ALL`, or `without` a fold.
    slot : int
        Its place in the order of trials, from 0.
    values : dict
        Where it lies in the space; empty for the base.
    scores : dict[int, EventScores]
        By recording.
    wrong : str
        Why it is no configuration that fits; empty if it is one.
    """

    study: str
    slot: int
    values: dict[str, Any]
    scores: dict[int, EventScores] = field(default_factory=dict)
    wrong: str = ""


def fingerprints(
    recordings: Sequence[Recording], space: Space, seed: int, group_by: str, n_folds: int
) -> dict[str, str]:
    """What a study depends on, so that it is never continued with anything else.

    Parameters
    ----------
    recordings : sequence of Recording
        Read to the last byte.
    space : Space
        With the base and ``[tune.cost]``.
    seed, group_by, n_folds
        As asked for.

    Returns
    -------
    dict[str, str]
        By what it is of, for people.
    """

    def of(value: Any) -> str:
        return hashlib.sha256(msgspec.json.encode(value, order="sorted")).hexdigest()[:16]

    return {
        "recordings": of([_digest(recording.path) for recording in recordings]),
        "base configuration": space.base.hash,
        "[tune.space]": of([msgspec.to_builtins(axis) for axis in space.axes]),
        "[tune.cost]": of(space.base.tune.cost),
        "seed": str(seed),
        "folds": f"{n_folds} by {group_by}",
    }


def _digest(folder: Path) -> list[tuple[str, str]]:
    """Names and contents of a recording's files; other files may lie beside them."""
    files = sorted(p for p in folder.iterdir() if p.suffix in (".toml", ".csv", ".parquet"))
    found = []
    for path in files:
        with path.open("rb") as file:
            found.append((path.name, hashlib.file_digest(file, "sha256").hexdigest()))
    return found


class StudyFile:
    """Trials on disk: one Optuna study for each choice, each trial written whole when it is done.

    Parameters
    ----------
    path : Path or None
        SQLite file, made if missing; None = nothing outlives the process.
    about : dict[str, str]
        From `fingerprints`.

    Raises
    ------
    UsageError
        A study that was made with something else; names what.
    SpindlewatchError
        A file that is no study, or cannot be written.
    """

    def __init__(self, path: Path | None, about: Mapping[str, str]) -> None:
        self._optuna = import_optuna()
        self._path, self._studies = path, dict[str, Any]()
        self._storage = self._open_storage()
        known = self._study(ALL).user_attrs.get(_ABOUT)
        wanted = {"format": str(_FORMAT), **about}
        if known is None:
            if self._study(ALL).trials:
                raise SpindlewatchError(f"{path}: holds an Optuna study of something else")
            self._study(ALL).set_user_attr(_ABOUT, wanted)
        elif known != wanted:
            other = [name for name, value in wanted.items() if known.get(name) != value]
            raise UsageError(
                f"--study {path}: was made with another {', another '.join(other)}; "
                "continue with the same, or begin a new study"
            )

    def trials(self) -> dict[tuple[str, int], Trial]:
        """Everything that was added, by study and slot."""
        found = {}
        for study in self._optuna.get_all_study_names(self._storage):
            for frozen in self._study(study).get_trials(deepcopy=False):
                attrs = frozen.user_attrs
                scores = {int(i): msgspec.convert(score, EventScores) for i, score in attrs["scores"].items()}
                trial = Trial(study, attrs["slot"], attrs["values"], scores, attrs["wrong"])
                found[study, trial.slot] = trial
        return found

    def add(self, trial: Trial, params: Mapping[str, Any], axes: Sequence[Axis], paid: Paid) -> None:
        """Write a trial down, whole or not at all.

        Parameters
        ----------
        trial : Trial
            Done.
        params : mapping
            From `to_params`; empty where the trial lies outside the space.
        axes : sequence of Axis
            Of the space.
        paid : Paid
            What it cost on the recordings of its own study.
        """
        frozen = frozen_trial(
            self._optuna,
            params,
            axes,
            paid,
            {
                "slot": trial.slot,
                "values": trial.values,
                "scores": {str(i): msgspec.to_builtins(score) for i, score in trial.scores.items()},
                "wrong": trial.wrong,
            },
        )
        self._study(trial.study).add_trial(frozen)

    def _open_storage(self) -> Any:
        if self._path is None:
            return self._optuna.storages.InMemoryStorage()
        from sqlalchemy.exc import SQLAlchemyError

        try:
            return self._optuna.storages.RDBStorage(f"sqlite:///{self._path}")
        except (SQLAlchemyError, RuntimeError) as error:
            said = str(error).splitlines()[0]
            raise SpindlewatchError(f"--study {self._path}: cannot be used as a study: {said}") from error

    def _study(self, name: str) -> Any:
        if name not in self._studies:
            self._studies[name] = self._optuna.create_study(
                storage=self._storage, study_name=name, load_if_exists=True
            )
        return self._studies[name]
