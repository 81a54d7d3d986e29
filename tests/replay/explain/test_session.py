from __future__ import annotations

from dataclasses import replace

import pytest
from healthy import T0, write_healthy

from engine.clock import NS_PER_S
from engine.config import load_config, parse_config
from engine.errors import UsageError
from engine.verdicts import Alert
from replay.compare.alerts import told_alerts
from replay.compare.session import compare_configs
from replay.explain.knobs import knobs_of
from replay.explain.session import explain_replayed
from replay.explain.table import explanation_lines
from replay.faults import Fault, write_faults
from replay.recording import Recording
from replay.session import replay_alerts
from replay.simulate import plan_from_options, simulate

# The cut of 0.4 g is over a limit of one's own: twice, in the cut of each tool.
LIMITED = parse_config(
    "[judge]\noff_delay_s = 0.5\n[diagnosis]\nenabled = false\n[dynamic]\nenabled = false\n"
    '[[limits]]\nfeature = "vib_x.rms"\nabove = 0.3\n'
)


@pytest.fixture(scope="module")
def limited(tmp_path_factory):
    path = write_healthy(tmp_path_factory.mktemp("limited") / "M1")
    write_faults(path / "faults.csv", (Fault(8.9, 12.0, "anomaly", "the second cut"),))
    return Recording.open(path)


@pytest.fixture(scope="module")
def limited_alerts(limited):
    return told_alerts(replay_alerts([limited], LIMITED))


@pytest.fixture(scope="module")
def explained(limited, limited_alerts):
    return explain_replayed(limited_alerts[0].id, [limited], LIMITED)


def test_two_cuts_over_a_limit_are_two_alerts_of_which_one_is_labelled(limited_alerts):
    assert [(alert.tier, alert.fault) for alert in limited_alerts] == [("absolute", "process")] * 2
    assert limited_alerts[1].opened_ns > T0 + 9 * NS_PER_S


def test_the_limit_that_raised_an_alert_is_named_with_its_figures(explained):
    (reason, said) = explained.reasons[0]

    assert (reason.feature, reason.high, reason.unit) == ("vib_x.rms", 0.3, "g")
    assert said.en.startswith("vib_x.rms 0.")
    assert "limit 0.3 g, from above" in said.en
    assert "judge.on = 1 2 times in a row" in explained.opening.en
    assert explained.truth == "false"


def test_every_remedy_removes_the_alert_when_its_configuration_is_replayed(
    limited, limited_alerts, explained
):
    alert = limited_alerts[0]
    knobs = {knob.key: knob for knob in knobs_of(alert, LIMITED)}
    working = [remedy for remedy in explained.remedies if remedy.to is not None]

    assert {remedy.key for remedy in working} >= {"judge.on", "limits[0].above (vib_x.rms)"}
    for remedy in working:
        changed = knobs[remedy.key].change(LIMITED, remedy.to)
        found = compare_configs([limited], LIMITED, changed)
        assert alert.id in [change.alert.id for change in found.of("lost")]
        others = {change.alert.id for change in found.of("lost")} - {alert.id}
        assert others == {other.alert.id for other in remedy.lost}


def test_hardly_less_than_the_smallest_change_does_not_remove_the_alert(limited, limited_alerts, explained):
    alert = limited_alerts[0]
    (remedy,) = (remedy for remedy in explained.remedies if remedy.key.startswith("limits[0]"))
    (knob,) = (knob for knob in knobs_of(alert, LIMITED) if knob.key == remedy.key)

    assert remedy.smallest
    less = knob.change(LIMITED, 0.3 + 0.9 * (remedy.to - 0.3))
    assert alert.id not in [c.alert.id for c in compare_configs([limited], LIMITED, less).of("lost")]


def test_what_a_change_loses_besides_is_told_with_what_the_labels_say(explained, limited_alerts):
    (remedy,) = (remedy for remedy in explained.remedies if remedy.key == "judge.on_delay_vectors")

    # So many vectors in a row as the first, longer cut has, the second has not.
    assert [(other.alert.id, other.truth) for other in remedy.lost] == [(limited_alerts[1].id, "true")]
    assert remedy.faults_lost == ("anomaly at 8.9 s of M1",)
    assert "also lost: 1 true alert" in remedy.said[1].en


def test_remedies_that_lose_less_come_first(explained):
    costs = [remedy.cost for remedy in explained.remedies]

    assert costs == sorted(costs)


@pytest.mark.parametrize("language", ["en", "ko"])
def test_an_explanation_reads_in_both_languages(explained, language):
    lines = explanation_lines(explained, language)

    assert lines[0] == explained.alert.id
    assert any("judge.on 1 → " in line for line in lines)
    assert any(("verified" if language == "en" else "재생으로 확인됨") in line for line in lines)
    assert not any("verified" in line for line in lines if language == "ko")


@pytest.fixture(scope="module")
def collision(tmp_path_factory):
    plan = plan_from_options(
        preset="demo", duration_s=20.0, n_spindles=1, seed=3, faults=("collision@12:M1",)
    )
    (path,) = simulate(plan, 20.0, tmp_path_factory.mktemp("shop") / "shop")
    return Recording.open(path)


def test_a_setting_that_only_renames_an_alert_is_no_remedy(collision):
    config = load_config()
    alerts = told_alerts(replay_alerts([collision], config))
    (alert,) = (alert for alert in alerts if alert.fault == "collision")

    remedies = {remedy.key: remedy for remedy in explain_replayed(alert.id, [collision], config).remedies}

    changed = knobs_of(alert, config)[-1].change(config, "collision")
    after = [one.fault for one in told_alerts(replay_alerts([collision], changed)) if one.fault != "sensor"]
    removed = remedies["diagnosis.off"].to is not None
    assert removed == (after == [])
    assert remedies["diagnosis.off"].instead == ("" if removed else after[0])
    label = f"collision at {collision.faults[0].start_s:g} s of {collision.path.name}"
    assert remedies["judge.on"].faults_lost == (label,)


def test_an_alert_that_no_recording_raises_is_one_clear_error(limited):
    with pytest.raises(
        UsageError, match="M1:process:7: wanted a recording that raises it under configuration"
    ):
        explain_replayed("M1:process:7", [limited], LIMITED)


def test_sensor_alerts_are_no_matter_of_limits():
    from told import alert as told_alert

    message: Alert = replace(told_alert(1, fault="sensor"), score=float("nan"))

    assert knobs_of(told_alerts([message])[0], load_config()) == []
