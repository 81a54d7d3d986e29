import csv
import json
import shutil
import sys
from pathlib import Path

import pytest
from tunable import CHEAP, tunable, tunables

from engine.config import load_config
from engine.errors import ConfigError, SpindlewatchError, UsageError
from replay.evaluate import event_scores, gather_evidence
from replay.faults import Fault, write_faults
from replay.recording import Recording
from replay.session import replay_alerts
from replay.tune.cost import cost
from replay.tune.evaluate import Evaluator
from replay.tune.folds import cut_folds
from replay.tune.search import Search
from replay.tune.session import tune_recordings
from replay.tune.space import Space
from replay.tune.study import StudyFile, without

FILES = ("tune.json", "study.json", "pareto.csv", "tuned.toml")


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tunable")
    (folder / "site.toml").write_text("# our shop\n[judge]\noff_delay_s = 5.0 # slow channels\n" + CHEAP)
    return folder / "site.toml", tunables(folder)


@pytest.fixture(autouse=True)
def early_guidance(monkeypatch):
    """Samplers that look at costs come after 4 trials, so that ten show what a hundred do."""
    monkeypatch.setattr("replay.tune.search._N_UNGUIDED", 4)


@pytest.fixture(scope="module")
def done(shop, tmp_path_factory):
    """One tuning that most claims look at: its result and its files."""
    out = tmp_path_factory.mktemp("done")
    return *tuned(shop, out, n_trials=17), out


def tuned(shop, out, n_trials=10, **options):
    site, paths = shop
    result = tune_recordings(paths, out, site, n_trials=n_trials, **options)
    return result, {name: (out / name).read_bytes() for name in FILES}


def searched(paths, n_trials, site, memory=None):
    """A search that has ended, and its space and folds."""
    config = load_config(site)
    recordings = [Recording.open(path) for path in paths]
    space, folds = Space.of(config), cut_folds(recordings, config.tune.folds, "spindle")
    memory = memory or StudyFile(None, {})
    with Evaluator(paths) as evaluator:
        search = Search(space, folds, [1.0] * len(paths), 0, memory, evaluator)
        search.run(n_trials)
        outside = [search.on_fold(fold) for fold in range(len(folds.parts))]
    return search, folds, outside


def test_tuning_finds_better_settings_and_says_what_they_cost_elsewhere(done):
    result, files, _ = done
    told = json.loads(files["tune.json"])

    assert told["beats"] is True
    assert "beats the base" in told["says"]
    assert told["out_of_sample"]["cost"] < told["base"]["cost"]
    assert told["difference"]["high"] < 0
    assert result.changed


def test_figures_are_those_of_a_replay(done):
    result, *_ = done

    for number, path in enumerate(result.recordings):
        recording = Recording.open(path)
        for config, scores in ((result.base, result.base_scores), (result.tuned, result.in_sample)):
            alerts = replay_alerts([recording], config)
            assert event_scores([gather_evidence(recording, alerts)]) == scores[number]


def test_the_tuned_file_gives_the_configuration_that_was_tried(done):
    result, files, out = done

    assert load_config(out / "tuned.toml").hash == result.tuned.hash != result.base.hash
    text = files["tuned.toml"].decode()
    assert "# our shop" in text
    assert "# slow channels" in text
    assert result.says in text


def test_the_same_seed_gives_the_same_files_in_any_order_of_recordings(shop, tmp_path):
    site, paths = shop
    _, files = tuned(shop, tmp_path / "a")
    _, again = tuned((site, paths[::-1]), tmp_path / "b")
    _, other = tuned(shop, tmp_path / "c", seed=1)

    assert files == again
    assert files["study.json"] != other["study.json"]


def test_two_processes_find_what_one_finds(shop, tmp_path):
    _, alone = tuned(shop, tmp_path / "one", n_trials=6)
    _, shared = tuned(shop, tmp_path / "two", n_trials=6, n_jobs=2)

    assert alone == shared


def test_a_study_that_was_interrupted_anywhere_ends_as_if_it_had_not_been(shop, tmp_path, monkeypatch):
    _, whole = tuned(shop, tmp_path / "whole", n_trials=10)
    n_left, add = 6, StudyFile.add

    def interrupted(self, *arguments):
        nonlocal n_left
        n_left -= 1
        if n_left < 0:
            raise KeyboardInterrupt
        add(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(StudyFile, "add", interrupted)
        with pytest.raises(KeyboardInterrupt):
            tuned(shop, tmp_path / "out", n_trials=10, study=tmp_path / "s.sqlite3")
    _, resumed = tuned(shop, tmp_path / "out", n_trials=10, study=tmp_path / "s.sqlite3")

    assert resumed == whole


def test_a_study_goes_on_to_more_trials_without_trying_any_twice(shop, tmp_path, monkeypatch):
    _, whole = tuned(shop, tmp_path / "whole", n_trials=9)
    tuned(shop, tmp_path / "out", n_trials=5, study=tmp_path / "s.sqlite3")
    n_added, add = [], StudyFile.add

    monkeypatch.setattr(StudyFile, "add", lambda self, *a: (n_added.append(a[0].slot), add(self, *a)))
    _, longer = tuned(shop, tmp_path / "out", n_trials=9, study=tmp_path / "s.sqlite3")

    assert longer == whole
    assert min(n_added) == 5


def test_what_a_fold_holds_does_not_change_what_is_chosen_without_it(shop, tmp_path):
    site, paths = shop
    search, folds, _ = searched(paths, 10, site)
    copies = [shutil.copytree(path, tmp_path / path.name) for path in paths]
    for i in folds.parts[0]:  # labels that turn everything around
        write_faults(copies[i] / "faults.csv", [Fault(82.0, 120.0, "anomaly")])

    other, same, _ = searched(copies, 10, site)

    assert same == folds
    mine, theirs = search.choices[without(0)], other.choices[without(0)]
    assert [trial.values for trial in mine.trials] == [trial.values for trial in theirs.trials]
    assert mine.best is not None
    assert mine.best.values == theirs.best.values
    assert search.base.scores != other.base.scores


def test_giving_trials_up_early_changes_no_choice(shop, monkeypatch):
    site, paths = shop
    monkeypatch.setattr("replay.tune.search._N_UNGUIDED", 99)  # a sampler draws otherwise if told more
    pruned, _, _ = searched(paths, 12, site)
    monkeypatch.setattr(Search, "_may_win", lambda *given: not given[1].wrong)
    patient, _, _ = searched(paths, 12, site)

    n_tried = [sum(len(t.scores) for t in s.choices["all"].trials) for s in (pruned, patient)]
    assert n_tried[0] < n_tried[1]
    for name, choice in pruned.choices.items():
        assert choice.best.slot == patient.choices[name].best.slot


def test_an_advantage_on_one_recording_alone_does_not_displace_the_base(shop):
    search, _, _ = searched(shop[1], 1, shop[0])
    (choice, *_), base = search.choices.values(), search.base
    dear = max(base.scores, key=lambda i: cost(base.scores[i], load_config().tune.cost))
    free = min(base.scores, key=lambda i: cost(base.scores[i], load_config().tune.cost))
    lucky = type(base)("all", 1, {}, {**base.scores, dear: base.scores[free]})

    paid = search.paid(lucky, choice.recordings)

    assert paid.cost < search.paid(base, choice.recordings).cost <= paid.rank


def test_no_trial_of_the_front_is_beaten_by_another(done):
    _, files, _ = done
    rows = list(csv.DictReader(files["pareto.csv"].decode().splitlines()))
    points = [tuple(float(row[key]) for key in ("n_missed", "n_false", "delay_h")) for row in rows]

    assert rows
    for one in points:
        assert not any(
            other != one and all(a <= b for a, b in zip(other, one, strict=True)) for other in points
        )


@pytest.mark.parametrize("change", ["recording", "space", "base", "cost", "seed"])
def test_a_study_of_something_else_is_refused_and_says_what_differs(shop, tmp_path, change):
    site, paths = shop
    study, options = tmp_path / "s.sqlite3", {}
    tuned(shop, tmp_path / "out", n_trials=1, study=study)
    text, other = site.read_text(), list(paths)
    if change == "recording":
        other[0] = tunable(tmp_path / "r0", 20, spindle="S0")
    text = text.replace("high = 3.0", "high = 3.5") if change == "space" else text
    text = text.replace("off_delay_s = 5.0", "off_delay_s = 6.0") if change == "base" else text
    text += "[tune.cost]\nfalse_alert = 1.0\n" if change == "cost" else ""
    if change == "seed":
        options["seed"] = 9
    (tmp_path / "site.toml").write_text(text)

    with pytest.raises(UsageError, match=rf"s\.sqlite3: was made with another .*{change}"):
        tune_recordings(other, tmp_path / "new", tmp_path / "site.toml", n_trials=2, study=study, **options)


def test_a_file_that_is_no_study_is_one_error(shop, tmp_path):
    (tmp_path / "s.sqlite3").write_text("not a database, and long enough to be read as one" * 20)

    with pytest.raises(SpindlewatchError, match=r"s\.sqlite3: cannot be used as a study"):
        tuned(shop, tmp_path / "out", study=tmp_path / "s.sqlite3")


def test_without_the_extra_the_error_says_what_to_install(shop, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)

    with pytest.raises(SpindlewatchError, match=r"pip install 'spindlewatch\[tune\]'"):
        tuned(shop, tmp_path / "out")


def test_recordings_without_faults_are_refused(tmp_path):
    healthy = [tunable(tmp_path / f"h{i}", i, fault=False) for i in range(3)]

    with pytest.raises(UsageError, match="never alert"):
        tune_recordings(healthy, tmp_path / "out")


def test_recordings_whose_labels_are_not_complete_are_refused(shop, tmp_path):
    copies = [shutil.copytree(path, tmp_path / path.name) for path in shop[1][:2]]
    for copy in copies:
        header = copy / "recording.toml"
        header.write_text(header.read_text().replace("labelled = true", "labelled = false"))

    with pytest.raises(UsageError, match="always alert"):
        tune_recordings(copies, tmp_path / "out")


def test_a_recording_given_twice_is_refused(shop, tmp_path):
    with pytest.raises(UsageError, match="twice"):
        tune_recordings([shop[1][0], shop[1][1], Path(shop[1][0])], tmp_path / "out")


@pytest.mark.parametrize("weights", ["missed_fault = 0", "false_alert = 0\nfalse_alert_hour = 0"])
def test_weights_that_make_a_useless_configuration_cheapest_are_refused(shop, tmp_path, weights):
    (tmp_path / "site.toml").write_text(f"[tune.cost]\n{weights}\n")

    with pytest.raises(ConfigError, match=r"tune\.cost"):
        tune_recordings(shop[1], tmp_path / "out", tmp_path / "site.toml")


def test_draws_that_are_no_configuration_are_passed_over(shop, tmp_path):
    text = '[tune.space]\n"judge.on" = { low = 0.7, high = 2.0 }\n"judge.off" = { low = 0.1, high = 1.0 }\n'
    (tmp_path / "site.toml").write_text(text)

    result = tune_recordings(shop[1], tmp_path / "out", tmp_path / "site.toml", n_trials=9)

    assert any(trial.wrong for trial in result.trials)
    assert not result.chosen.wrong
