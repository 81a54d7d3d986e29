from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from told import alert as told_alert

from engine.clock import NS_PER_S
from engine.config import load_config, parse_config
from engine.declared import Channel, SensorGroup, Spindle
from engine.errors import ConfigError
from engine.verdicts import Alert, AlertState
from replay.compare.result import Comparison
from replay.compare.session import compare_alerts, compare_configs
from replay.compare.table import print_comparison, summary_lines
from replay.recording import Fault, Recording
from replay.simulate import plan_from_options, simulate

T0 = 1_700_000_000_000_000_000
SPINDLE = Spindle("M1", (SensorGroup("vib", "waveform", 1000.0, (Channel("vib_x", "g"),)),))
CHATTER = Fault(20.0, 24.0, "chatter", "")


def recording(*faults: Fault, labelled: bool = True) -> Recording:
    end_ns = T0 + 100 * NS_PER_S
    return Recording(Path("M1"), SPINDLE, T0, end_ns, "test", "CC0", (), faults, labelled=labelled)


def alert(at_s: float, fault: str = "process", **changed: object) -> list[Alert]:
    """Messages of an alert that opens a tenth of a second after its onset and closes a second later."""
    onset_ns = T0 + round(at_s * NS_PER_S)
    opened = replace(
        told_alert(0, fault=fault),
        id=f"M1:{fault}:{onset_ns}",
        onset_ns=onset_ns,
        t_ns=onset_ns + NS_PER_S // 10,
        **changed,
    )
    return [opened, replace(opened, state=AlertState.CLOSED, t_ns=opened.t_ns + NS_PER_S)]


def compared(rec: Recording, a: list[Alert], b: list[Alert]) -> Comparison:
    changes, faults = compare_alerts(rec, a, b)
    return Comparison("A", "B", "0", "1", 2.0, 100.0, tuple(changes), tuple(faults))


def test_what_is_gained_and_lost_is_held_against_the_labels():
    found = compared(recording(CHATTER), alert(50.0), alert(21.0, "chatter"))
    told = found.as_dict()

    assert told["gained"] == {"n": 1, "true": 1, "false": 0, "not_labelled": 0}
    assert told["lost"] == {"n": 1, "true": 0, "false": 1, "not_labelled": 0}
    assert told["faults_found"] == {"n": 1, "a": 0, "b": 1}
    assert any("found by B alone: chatter at 20 s" in line for line in summary_lines(found))


def test_where_labels_are_not_complete_nothing_is_called_false():
    told = compared(recording(CHATTER, labelled=False), [], alert(50.0) + alert(21.0, "chatter")).as_dict()

    assert told["gained"] == {"n": 2, "true": 1, "false": 0, "not_labelled": 1}


def test_sensor_alerts_are_not_called_false_for_sensors_are_seldom_labelled():
    told = compared(recording(CHATTER), [], alert(50.0, "sensor")).as_dict()

    assert told["gained"] == {"n": 1, "true": 0, "false": 0, "not_labelled": 1}


@pytest.mark.parametrize(
    ("b", "kinds"),
    [
        (alert(50.0), ["same"]),
        (alert(49.5), ["earlier"]),
        (alert(50.5, score=5.0), ["later", "score"]),
        (alert(50.0, "chatter"), ["class"]),
        (alert(50.0, score=2.51), ["same"]),
    ],
)
def test_a_change_says_how_an_alert_moved(b, kinds):
    (change,) = compared(recording(), alert(50.0), b).changes

    assert list(change.kinds) == kinds
    assert change.as_dict()["a"]["opened_s"] == 50.1


def test_a_table_shows_what_changed_and_its_counts(capsys):
    print_comparison(compared(recording(CHATTER), alert(50.0), alert(21.0, "chatter") + alert(50.7)))

    lines = capsys.readouterr().out.splitlines()
    assert any("later by 0.70 s" in line and "false" in line for line in lines)
    assert any("gained" in line and "chatter" in line and "true" in line for line in lines)
    assert "labelled faults found: A 0 of 1, B 1 of 1" in lines


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    plan = plan_from_options(
        preset="demo", duration_s=16.0, n_spindles=1, seed=3, faults=("collision@12:M1",)
    )
    (path,) = simulate(plan, 16.0, tmp_path_factory.mktemp("shop") / "shop")
    return Recording.open(path)


def test_a_configuration_compared_with_itself_changes_nothing(shop):
    n_replays = []

    found = compare_configs([shop, shop], load_config(), load_config(), on_replay=lambda: n_replays.append(1))

    assert {change.kinds for change in found.changes} == {("same",)}
    assert len(n_replays) == 4


def test_a_configuration_that_does_not_listen_loses_the_true_alert(shop, tmp_path):
    deaf = parse_config("[judge]\non = 1e9\n[diagnosis]\nenabled = false\n")

    found = compare_configs([shop], load_config(), deaf, names=("default", "deaf.toml"))
    found.write(tmp_path / "out")

    told = orjson.loads((tmp_path / "out" / "compare.json").read_bytes())
    assert told["lost"]["true"] >= 1
    assert (told["faults_found"]["a"], told["faults_found"]["b"]) == (1, 0)
    assert told["b"] == {"config": "deaf.toml", "config_hash": deaf.hash}


def test_a_configuration_that_does_not_fit_a_recording_is_named(shop):
    wrong = parse_config('[[limits]]\nfeature = "nothing.rms"\nabove = 1.0\n')

    with pytest.raises(ConfigError, match=r"^wrong\.toml, with .*M1: .*nothing\.rms"):
        compare_configs([shop], load_config(), wrong, names=("default", "wrong.toml"))
