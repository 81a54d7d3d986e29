"""Figures on recordings, with a recording of ten rows."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.clock import NS_PER_S
from engine.declared import Channel, SensorGroup, Spindle
from perf import bench_recordings
from perf.bench_recordings import (
    Replayed,
    femto_lead,
    mfpt_detect,
    skab_delay,
    skab_f1,
    skab_false_episodes,
    skab_far,
)
from perf.figures import Bench, FailedError, NotMeasurableError
from replay.faults import Fault
from replay.recording import Recording, RecordingWriter

START_NS = 1_700_000_000 * NS_PER_S
GROUP = SensorGroup("rig", "scalar", 1.0, (Channel("load", "%"),))


def recording_of(tmp_path, n_rows, faults):
    folder = tmp_path / "recording"
    with RecordingWriter(folder, Spindle("S", (GROUP,)), START_NS, "made up", "none", (), faults) as writer:
        for row in range(n_rows):
            writer.write_block("rig", START_NS + row * NS_PER_S, np.full((1, 1), row, dtype=np.float32))
    return Recording.open(folder)


def alert(t_s, fault="process", state="opened"):
    return {
        "id": f"S:{fault}:{t_s}",
        "spindle": "S",
        "fault": fault,
        "state": state,
        "t_ns": START_NS + t_s * NS_PER_S,
    }


def bench_with(dataset, tmp_path, recording, alerting=(), alerts=(), outcome=None):
    """A bench that believes to have imported and replayed ``dataset`` already."""
    times = [START_NS + (row + 1) * NS_PER_S for row in range(len(alerting))]  # when each sample is over
    table = pa.table(
        {"t_ns": times, "spindle": ["S"] * len(times), "alerting": pa.array(alerting, pa.bool_())}
    )
    pq.write_table(table, tmp_path / "scores.parquet")
    (tmp_path / "alerts.jsonl").write_text("\n".join(map(json.dumps, alerts)), encoding="utf-8")
    bench = Bench(tmp_path)
    bench.once(dataset, lambda: Replayed((recording,), tmp_path, {"S": outcome or {}}))
    return bench


@pytest.fixture
def skab(tmp_path, monkeypatch):
    """Ten rows, four of them learned from, 6 to 8 faulty, alerting from 5 to 7."""
    monkeypatch.setattr(bench_recordings, "_SKAB_LEARNED", 4)
    recording = recording_of(tmp_path, 10, [Fault(6.0, 8.0, "anomaly")])
    alerting = [row in (5, 6, 7) for row in range(10)]
    alerts = [alert(3), alert(5), alert(6, fault="sensor"), alert(7, state="closed")]
    false_alerts = [message["id"] for message in alerts[:3]]
    return bench_with("skab", tmp_path, recording, alerting, alerts, {"false_alerts": false_alerts})


def test_skab_rows_meet_their_labels_after_the_teach_in(skab):
    measured = skab_f1(skab)

    assert measured.value == 2 / (2 + (1 + 1) / 2)
    assert measured.peer == 3 / (3 + 3 / 2)
    assert "33.3% of 3 faulty rows" in measured.note


def test_skab_false_rows_are_a_share_of_the_normal_ones(skab):
    assert skab_far(skab).value == pytest.approx(100 / 3)


def test_skab_counts_false_episodes_of_the_machine_after_the_teach_in(skab):
    measured = skab_false_episodes(skab)

    assert measured.value == pytest.approx(3600 / 3)
    assert measured.note.startswith("1 in ")


def test_a_missed_fault_does_not_make_the_median_delay_shorter(tmp_path):
    found = [{"detected": True, "delay_s": delay_s} for delay_s in (1.0, 2.0, 3.0, 9.0)]
    missed = {"detected": False, "delay_s": None}
    recording = recording_of(tmp_path, 2, [])

    def delay(faults):
        return skab_delay(bench_with("skab", tmp_path, recording, outcome={"faults": faults}))

    assert delay(found).value == 2.5
    assert delay([*found, missed]).value == 3.0
    assert "1 of 5 faults missed" in delay([*found, missed]).note
    with pytest.raises(FailedError, match="4 of 8"):
        delay([*found, *[missed] * 4])


def test_the_slowest_delay_counts_and_a_missed_fault_is_wrong(tmp_path):
    faults = [{"detected": True, "delay_s": 1.0}, {"detected": True, "delay_s": 2.5}]
    missed = {"detected": False, "delay_s": None}
    recording = recording_of(tmp_path, 2, [])

    whole = mfpt_detect(
        bench_with("mfpt", tmp_path, recording, outcome={"faults": faults, "false_alerts": []})
    )
    partly = mfpt_detect(
        bench_with("mfpt", tmp_path, recording, outcome={"faults": [*faults, missed], "false_alerts": ["x"]})
    )

    assert (whole.value, whole.wrong) == (2.5, "")
    assert (partly.value, partly.wrong) == (2.5, "1 faults missed")
    assert "1 false alerts" in partly.note


def test_nothing_detected_is_a_failure_and_not_a_fast_detection(tmp_path):
    outcome = {"faults": [{"detected": False, "delay_s": None}], "false_alerts": []}
    bench = bench_with("mfpt", tmp_path, recording_of(tmp_path, 2, []), outcome=outcome)

    with pytest.raises(FailedError, match="none of 1"):
        mfpt_detect(bench)


def test_lead_is_from_the_last_alert_so_an_early_false_one_cannot_flatter(tmp_path):
    alerts = [alert(1), alert(7), alert(9, fault="sensor")]
    bench = bench_with("femto", tmp_path, recording_of(tmp_path, 10, []), alerts=alerts)

    measured = femto_lead(bench)

    assert measured.value == 3.0
    assert "1 alerts in the first half" in measured.note


def test_a_run_to_failure_without_an_alert_is_a_failure(tmp_path):
    bench = bench_with("femto", tmp_path, recording_of(tmp_path, 10, []))

    with pytest.raises(FailedError, match="without an alert"):
        femto_lead(bench)


def test_without_traces_figures_say_so(tmp_path):
    with pytest.raises(NotMeasurableError, match="no folder skab"):
        skab_f1(Bench(tmp_path))
