from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner
from healthy import write_healthy

from engine.cli import cli
from engine.config import load_config
from engine.errors import UsageError
from replay.inject.bench import run_bench
from replay.inject.orders import Injection
from replay.inject.sources import SimulatedBatch
from replay.simulate import FaultKind


def test_a_bench_counts_every_trial_and_writes_what_it_found(tmp_path: Path) -> None:
    healthy = write_healthy(tmp_path / "M1")
    arguments = [
        "inject-bench",
        str(healthy),
        "--trials",
        "2",
        "--severities",
        "1",
        "--out",
        str(tmp_path / "out"),
    ]

    done = CliRunner().invoke(cli, [*arguments, "--faults", "collision,tool_breakage", "--json"])

    assert done.exit_code == 0, done.output
    told = orjson.loads(done.stdout)
    assert [(cell["fault"], cell["n"]) for cell in told["cells"]] == [("collision", 2), ("tool_breakage", 2)]
    assert told == orjson.loads((tmp_path / "out" / "bench.json").read_bytes())
    assert len((tmp_path / "out" / "trials.csv").read_text().splitlines()) == 1 + 4
    page = (tmp_path / "out" / "bench.html").read_text()
    assert "uPlot" in page
    assert "http-equiv" not in page
    assert "src=" not in page


def test_two_benches_find_the_same(tmp_path: Path) -> None:
    healthy, config = write_healthy(tmp_path / "M1"), load_config()

    one, two = (run_bench([healthy], config, n_trials=1, kinds=[Injection.CHATTER]) for _ in range(2))

    assert one.as_dict() == two.as_dict()


def test_what_a_recording_cannot_carry_is_told_and_no_trial(tmp_path: Path) -> None:
    healthy = write_healthy(tmp_path / "M1", phases=())

    result = run_bench([healthy], load_config(), n_trials=1, kinds=[Injection.BEARING])

    assert result.cells == []
    assert "bearing" in result.outcome.refused[0]
    assert "needs a known speed" in result.outcome.refused[0]


def test_a_bench_of_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="got neither"):
        run_bench([], load_config())


@pytest.mark.parametrize("seed", [0, 1])
def test_a_simulated_batch_has_as_many_faults_of_each_kind_one_at_a_time(seed: int) -> None:
    plan, duration_s = SimulatedBatch(seed, 1.0, n_each=2).plan()

    kinds = [fault.fault for fault in plan.faults]
    assert all(kinds.count(kind) == 2 for kind in set(kinds))
    assert FaultKind.MISSING_TOOL in kinds
    assert max(fault.end_s for fault in plan.faults) < duration_s
