"""The harness itself, with figures that measure nothing."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from engine.errors import ConfigError
from perf import __main__ as command
from perf.budgets import Budget, load_budgets
from perf.figures import FIGURES, Bench, FailedError, Figure, Measured, NotMeasurableError, figure
from perf.report import measure_all


def result_of(measure, budget=None, peer=""):
    named = Figure("fake", "ms", peer, measure)
    (result,) = measure_all([named], {"fake": budget} if budget else {}, Bench(Path("unused")))
    return result


def run_with_fake(monkeypatch, capsys, measured, *arguments):
    monkeypatch.setitem(FIGURES, "fake", Figure("fake", "ms", "twin", lambda _: measured))
    monkeypatch.setattr(command, "load_budgets", lambda _: {"fake": Budget(max=10.0)})
    status = command.main(["--only", "fake", *arguments])
    return status, capsys.readouterr()


def test_a_figure_computed_with_numpy_is_printed_as_json(monkeypatch, capsys):
    measured = Measured(np.float64(1.5), peer=np.float32(3.0))

    status, said = run_with_fake(monkeypatch, capsys, measured, "--json")

    (result,) = json.loads(said.out)["results"]
    assert (status, result["value"], result["ratio"], result["ok"]) == (0, 1.5, 0.5, True)


@pytest.mark.parametrize(
    ("budget", "value", "allowed"),
    [
        (Budget(max=100.0), 100.0, True),
        (Budget(max=100.0), 100.1, False),
        (Budget(max=100.0, absolute=5.0), 105.0, True),
        (Budget(max=100.0, absolute=5.0, relative=0.1), 110.0, True),
        (Budget(max=100.0, absolute=5.0, relative=0.1), 110.1, False),
        (Budget(min=5.0), 5.0, True),
        (Budget(min=5.0), 4.9, False),
        (Budget(min=5.0, relative=0.1), 4.5, True),
        (Budget(min=-10.0, relative=0.1), -11.0, True),
        (Budget(max=100.0), math.nan, False),
        (Budget(min=-100.0), math.nan, False),
    ],
)
def test_tolerance_is_the_larger_of_absolute_and_relative(budget, value, allowed):
    assert budget.allows(value) is allowed


@pytest.mark.parametrize(
    "text",
    ["[a]\n", "[a]\nmax = 1\nmin = 0\n", "[a]\nmax = 1\nrelative = -0.1\n", "[a]\nmaximum = 1\n", "[a\n"],
)
def test_a_budget_that_is_no_limit_is_refused_with_its_file(tmp_path, text):
    path = tmp_path / "budgets.toml"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(ConfigError, match=r"budgets\.toml"):
        load_budgets(path)


def test_every_budget_belongs_to_a_figure():
    budgets = load_budgets(Path(command.__file__).with_name("budgets.toml"))

    assert set(budgets) <= set(FIGURES)


def test_an_id_is_given_once():
    taken = next(iter(FIGURES))

    with pytest.raises(ValueError, match=taken):
        figure(taken, unit="ms")(lambda _: Measured(1.0))


def test_a_figure_within_budget_is_ok_and_carries_its_ratio():
    result = result_of(lambda _: Measured(8.0, peer=4.0), Budget(max=10.0), peer="twin")

    assert (result.ok, result.ratio, result.peer.name, result.peer.value) == (True, 2.0, "twin", 4.0)


def test_a_figure_without_budget_is_neither_good_nor_bad():
    assert result_of(lambda _: Measured(8.0)).ok is None


def test_a_good_number_that_rests_on_something_wrong_is_not_ok():
    result = result_of(lambda _: Measured(8.0, wrong="2 of 3 faults"), Budget(max=10.0))

    assert result.ok is False
    assert result.value == 8.0
    assert "2 of 3 faults" in result.note


def test_what_cannot_be_measured_here_says_why_and_fails_nothing():
    def measure(bench):
        raise NotMeasurableError("no traces")

    result = result_of(measure, Budget(max=10.0))

    assert (result.value, result.ok, result.note) == (None, None, "no traces")


def test_a_failed_measurement_is_not_ok_even_without_budget():
    def measure(bench):
        raise FailedError("exit status 1")

    result = result_of(measure)

    assert (result.value, result.ok, result.note) == (None, False, "exit status 1")


def test_a_failing_command_fails_the_figure_with_its_last_words(tmp_path):
    bench = Bench(tmp_path)

    with pytest.raises(FailedError, match=r"spindlewatch check: exit status 2: .*nowhere"):
        bench.spindlewatch("check", tmp_path / "nowhere.toml")


def test_shared_work_is_done_once():
    bench = Bench(Path("unused"))
    calls = []

    first = bench.once("work", lambda: calls.append(1) or "done")
    second = bench.once("work", lambda: calls.append(1) or "again")

    assert (first, second, len(calls)) == ("done", "done", 1)


def test_json_is_one_object_with_machine_and_results(monkeypatch, capsys):
    status, said = run_with_fake(monkeypatch, capsys, Measured(8.0, peer=4.0), "--json")

    report = json.loads(said.out)
    assert status == 0
    assert set(report) == {"machine", "results"}
    assert {"cpu", "cores", "python", "versions"} <= set(report["machine"])
    (result,) = report["results"]
    assert result == {
        "id": "fake",
        "value": 8.0,
        "unit": "ms",
        "peer": {"name": "twin", "value": 4.0},
        "ratio": 2.0,
        "budget": {"max": 10.0},
        "ok": True,
        "note": "",
    }


def test_a_figure_over_budget_makes_the_exit_status_1(monkeypatch, capsys):
    status, said = run_with_fake(monkeypatch, capsys, Measured(11.0))

    assert status == 1
    assert "fake" in said.out


def test_an_unknown_id_is_one_clear_line_and_exit_status_2(capsys):
    status = command.main(["--only", "import_help_ms", "no_such_figure"])

    said = capsys.readouterr()
    assert status == 2
    assert said.out == ""
    assert said.err.startswith("no figure is called 'no_such_figure'; known: ")
    assert said.err.count("\n") == 1


def test_list_prints_every_id_once(capsys):
    status = command.main(["--list"])

    assert status == 0
    assert capsys.readouterr().out.split() == list(FIGURES)
