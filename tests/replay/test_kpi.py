from __future__ import annotations

import math
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner
from healthy import SPINDLE, T0, write_healthy
from told import alert as told_alert

from engine.cli import cli
from engine.clock import NS_PER_S
from engine.verdicts import Alert, AlertState, ToolLife
from replay.kpi import Kpi, measure_kpi
from replay.recording import Fault, Recording


def recording(*faults: Fault, end_s: float = 1000.0) -> Recording:
    end_ns = T0 + round(end_s * NS_PER_S)
    return Recording(Path("M1"), SPINDLE, T0, end_ns, "test", "CC0", (), faults, labelled=True)


def alert(at_s: float, fault: str, *, state: str = "opened", number: int = 0) -> Alert:
    made = told_alert(number, state, fault=fault)
    values = {name: getattr(made, name) for name in Alert.__slots__}
    t_ns = T0 + round(at_s * NS_PER_S)
    return Alert(**values | {"t_ns": t_ns, "onset_ns": t_ns, "id": f"M1:{fault}:{number}:{at_s}"})


def life(tool: str, edge: str, recommended_s: float | None, cuts: int | None = None) -> ToolLife:
    at_ns = None if recommended_s is None else T0 + round(recommended_s * NS_PER_S)
    nan = math.nan
    return ToolLife(
        "M1", tool, edge, T0, T0, 50, 100.0, 1.0, nan, nan, nan, at_ns, cuts, True, False, (), "0123"
    )


def measured(rec: Recording, alerts: tuple[Alert, ...] = (), lives: tuple[ToolLife, ...] = ()) -> Kpi:
    return measure_kpi([rec], alerts, lives, "0123")


def limit(at_s: float, note: str, end_s: float | None = None) -> Fault:
    return Fault(at_s, end_s, "wear_limit", note)


def test_a_change_recommended_within_a_tenth_of_the_life_is_in_time() -> None:
    rec = recording(limit(500.0, "tool=T2 edge=T2#1"))

    for at_s, right in ((449.0, False), (451.0, True), (549.0, True), (551.0, False)):
        told = measured(rec, lives=(life("T2", "T2#1", at_s),)).as_dict()["tool_change_timing"]
        assert (told["n_lives"], told["n_right"]) == (1, int(right))


def test_a_life_is_counted_in_cuts_where_label_and_recommendation_tell_them() -> None:
    rec = recording(limit(500.0, "tool=T2 edge=T2#1 cutting_s=120.0 n_cuts=50"))

    (found,) = measured(rec, lives=(life("T2", "T2#1", 10.0, cuts=48),)).lives

    assert found.error == pytest.approx(-0.04)
    assert found.right


def test_a_life_without_a_recommendation_is_wrong_unless_the_recording_ends_before_it_is_due() -> None:
    note = "tool=T2 edge=T2#1"
    silent = (life("T2", "T2#1", None),)

    (missed,) = measured(recording(limit(500.0, note)), lives=silent).lives
    (left,) = measured(recording(limit(500.0, note, 510.0), end_s=520.0), lives=silent).lives
    (open_,) = measured(recording(limit(500.0, note), end_s=520.0), lives=silent).lives

    assert (missed.decided, missed.right) == (True, False)
    assert (left.decided, left.right) == (True, False)
    assert not open_.decided


def test_a_recommendation_without_label_is_listed_and_not_counted() -> None:
    told = measured(recording(), lives=(life("T9", "T9#1", 100.0),)).as_dict()["tool_change_timing"]

    assert (told["n_lives"], told["accuracy_pct"]) == (0, None)
    assert told["recommended_without_label"] == ["M1:T9:T9#1"]


def test_stops_are_avoided_within_ten_seconds_and_caused_by_false_alerts() -> None:
    rec = recording(
        Fault(100.0, 200.0, "tool_breakage"),
        Fault(300.0, 400.0, "chatter"),
        Fault(500.0, 600.0, "bearing_inner"),
        Fault(700.0, 710.0, "sensor_dropout"),
    )
    alerts = (
        alert(101.0, "tool_breakage"),
        alert(201.5, "tool_breakage", number=1),
        alert(311.0, "chatter"),
        alert(550.0, "bearing"),
        alert(650.0, "process"),
    )
    closed = tuple(
        Alert(
            **{n: getattr(a, n) for n in Alert.__slots__} | {"state": AlertState.CLOSED, "t_ns": a.t_ns + 1}
        )
        for a in alerts
    )
    both = tuple(message for pair in zip(alerts, closed, strict=True) for message in pair)

    stops = measured(rec, both).as_dict()["stops"]

    assert (stops["n_damaging"], stops["n_avoided"]) == (3, 2)  # the chatter came late, the bearing has time
    assert stops["n_caused"] == 2
    assert stops["net_avoided"] == 0


def test_every_figure_names_its_evidence() -> None:
    rec = recording(Fault(100.0, 110.0, "collision"), limit(500.0, "tool=T2 edge=T2#1"))

    told = measured(rec, (alert(100.5, "collision"),), (life("T2", "T2#1", 500.0),)).as_dict()

    (stop,) = told["stops"]["evidence"]
    assert (stop["recording"], stop["row"], stop["alert"]) == ("M1", 2, "M1:collision:0:100.5")
    assert told["tool_change_timing"]["evidence"][0]["row"] == 3
    assert told["config_hash"] == "0123"
    assert told["alert_latency"]["stream_s"] == {"n": 1, "p50": 0.5, "p90": 0.5, "max": 0.5}


def test_false_alerts_per_day_come_with_an_interval() -> None:
    false = measured(recording(end_s=86_400.0)).as_dict()["false_alerts"]

    assert false["per_machine_day"] == 0.0
    assert false["per_machine_day_95"] == pytest.approx([0.0, 3.689], abs=1e-3)


def test_a_replay_writes_what_it_was_worth(tmp_path: Path) -> None:
    healthy = write_healthy(tmp_path / "M1")
    out = tmp_path / "out"

    done = CliRunner().invoke(cli, ["replay", str(healthy), "--out", str(out), "--kpi"])

    assert done.exit_code == 0, done.output
    assert "false alerts per machine-day: " in done.stdout
    assert orjson.loads((out / "kpi.json").read_bytes())["tool_change_timing"]["n_lives"] == 0
