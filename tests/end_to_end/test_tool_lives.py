"""Tools in whole replays: what every cut leaves behind."""

import orjson

from engine.config import load_config
from replay.session import replay_recordings
from replay.simulate import simulate
from replay.simulate.lives import lived, tool_life_plan

DURATION_S = 25.0


def test_a_replay_counts_every_cut_of_an_edge_and_measures_its_first_ones(tmp_path):
    plan = tool_life_plan(1, 1)
    recordings = simulate(plan, DURATION_S, tmp_path / "shop")

    replay_recordings(recordings, tmp_path / "out", load_config())

    told = [orjson.loads(line) for line in (tmp_path / "out" / "tools.jsonl").read_bytes().splitlines()]
    (truth,) = lived(plan, DURATION_S)
    assert [life["n_cuts"] for life in told] == list(range(1, len(told) + 1))
    assert len(told) in (truth.n_cuts, truth.n_cuts - 1)  # the last may still go on
    assert {(life["tool"], life["edge"], life["inferred"]) for life in told} == {
        (truth.tool, truth.edge, False)
    }
    assert told[-1]["state"] == "learning"
    assert told[-1]["cutting_s"] <= truth.cutting_s + 0.001
