"""An exported incident replays to the very messages that the engine sent; what was tampered with is an error."""

import shutil

import msgspec
import orjson
import pytest
from barriers import Collect, live_items, messages, source_of

from engine.clock import NoClock
from engine.config import load_config, parse_config
from engine.errors import RecordingError, UsageError
from engine.flow import build_flow
from engine.records import Block, Tick
from engine.runtime import run_flow
from engine.verdicts import Alert, AlertState
from replay.incident.export import export_incident
from replay.incident.layout import STATE, TOLD, Incident
from replay.recording import validate
from replay.session import replay_recordings
from sinks.baselines import BaselineFile
from sinks.ring import Ring
from sinks.ring_layout import incident_folder, segments_in
from sinks.segments import End, Items, Segment, States, Stored, read_segment, write_frames

CONFIG = load_config()
TABLE = msgspec.structs.replace(CONFIG.ring, segment_s=5.0, before_s=3.0, after_s=4.0)


def run_ringed(folder, shop, items, config=CONFIG):
    collected = Collect()
    ring = Ring(folder, shop.spindles, TABLE, config.hash)
    store = BaselineFile(None)
    run_flow(
        build_flow(source_of(items), shop.spindles, config, NoClock(), [collected], store=store, ring=ring)
    )
    ring.close()
    return collected.records


def opened(records, spindle="M1"):
    return [
        record
        for record in records
        if isinstance(record, Alert) and record.state is AlertState.OPENED and record.spindle == spindle
    ]


@pytest.fixture(scope="module")
def ringed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ringed") / "ring"
    shop, items = live_items(60.0)
    return folder, run_ringed(folder, shop, items)


@pytest.fixture
def exported(ringed, tmp_path):
    folder, records = ringed
    dest = tmp_path / "incident"
    export_incident(folder, opened(records)[0].id, dest)
    return dest


def test_every_incident_replays_to_the_same_messages_byte_for_byte(ringed, tmp_path):
    folder, records = ringed
    alerts = opened(records)
    assert len(alerts) >= 3

    for number, alert in enumerate(alerts):
        dest, out = tmp_path / f"incident-{number}", tmp_path / f"out-{number}"
        told = export_incident(folder, alert.id, dest)
        summary = replay_recordings([dest], out, CONFIG)

        (outcome,) = summary.incidents
        assert (outcome.identical, outcome.alert_id) == (True, alert.id)
        assert told.states[0] == "opened"
        lines = (out / "alerts.jsonl").read_bytes().splitlines()
        live = [m for m in messages(records) if orjson.loads(m)["id"] == alert.id]
        again = [line for line in lines if orjson.loads(line)["id"] == alert.id]
        assert again[: len(told.states)] == live[: len(told.states)]
        assert orjson.loads((out / "summary.json").read_bytes())["incidents"][0]["identical"] is True


def test_a_replay_from_nothing_does_not_know_what_the_engine_had_learned(tmp_path):
    shop, items = live_items(46.0, seed=3, faults=("missing_tool@40:M1",))
    (alert,) = opened(run_ringed(tmp_path / "ring", shop, items))
    export_incident(tmp_path / "ring", alert.id, tmp_path / "incident")

    warm = replay_recordings([tmp_path / "incident"], tmp_path / "out", CONFIG)
    cold = replay_recordings([tmp_path / "incident"], tmp_path / "out", CONFIG, cold=True)

    assert alert.tier == "learned"
    assert warm.incidents[0].identical
    assert [a.id for outcome in warm.outcomes for a in outcome.alerts] == [alert.id]
    assert [a.id for outcome in cold.outcomes for a in outcome.alerts] == []
    assert cold.incidents == ()


def test_what_the_store_gave_back_then_is_given_back_again(tmp_path):
    shop, items = live_items(46.0, seed=3, faults=("missing_tool@40:M1",))
    config = msgspec.structs.replace(CONFIG, learn=msgspec.structs.replace(CONFIG.learn, max_regimes=1))
    (alert,) = opened(run_ringed(tmp_path / "ring", shop, items, config))
    export_incident(tmp_path / "ring", alert.id, tmp_path / "incident")
    segment = read_segment(tmp_path / "incident" / STATE)
    assert segment.stored

    summary = replay_recordings([tmp_path / "incident"], tmp_path / "out", config)
    _rewrite(tmp_path / "incident", segment, stored={})
    poorer = replay_recordings([tmp_path / "incident"], tmp_path / "out", config)

    assert summary.incidents[0].identical
    assert not poorer.incidents[0].identical


def _rewrite(path, segment: Segment, **changed):
    states = changed.get("states", segment.states)
    stored = changed.get("stored", segment.stored)
    frames = [Stored(key, value) for key, value in stored.items()]
    items = Items(tuple(changed.get("items", segment.items)))
    write_frames(path / STATE, [segment.start, States(states), *frames, items, End()])


def test_a_changed_message_is_told(exported, tmp_path):
    told = orjson.loads((exported / TOLD).read_bytes())
    told["messages"][0]["score"] += 1e-12
    (exported / TOLD).write_bytes(orjson.dumps(told))

    summary = replay_recordings([exported], tmp_path / "out", CONFIG)

    assert not summary.incidents[0].identical
    assert "identical: no" in summary.incidents[0].line()


def test_wall_times_are_no_difference(exported, tmp_path):
    told = orjson.loads((exported / TOLD).read_bytes())
    for message in told["messages"]:
        message["received_ns"], message["judged_ns"] = 17, 18
    (exported / TOLD).write_bytes(orjson.dumps(told))

    assert replay_recordings([exported], tmp_path / "out", CONFIG).incidents[0].identical


def test_another_configuration_is_refused_unless_cold(exported, tmp_path):
    other = parse_config("[judge]\non = 1.5\n")

    with pytest.raises(UsageError, match=f"{CONFIG.hash}.*{other.hash}.*--cold"):
        replay_recordings([exported], tmp_path / "out", other)
    assert replay_recordings([exported], tmp_path / "out", other, cold=True).incidents == ()


def test_an_incident_is_an_ordinary_recording_too(exported):
    lines = validate(exported)

    assert "valid recording of spindle M1" in lines[0]
    assert any("surroundings of alert" in line for line in lines)


def test_what_is_played_is_what_came_in_its_order(ringed, exported):
    folder, _ = ringed
    incident = Incident.open(exported)
    wanted = [
        (type(item).__name__.removesuffix("Item"), item.t_ns)
        for file in segments_in(incident_folder(folder, incident.told.alert_id))
        for item in read_segment(file.path).items
    ]

    played = [(type(item).__name__, item.t_ns) for item in list(incident.items())[1:]]

    assert played == wanted
    assert not any(item.last for item in incident.items() if isinstance(item, Tick))
    assert all(not item.samples.flags.writeable for item in incident.items() if isinstance(item, Block))


def test_an_unknown_alert_is_refused_with_what_there_is(ringed, tmp_path):
    folder, records = ringed

    with pytest.raises(UsageError, match=opened(records)[-1].id):
        export_incident(folder, "M1:collision:1", tmp_path / "incident")
    assert not (tmp_path / "incident").exists()


def test_surroundings_without_the_state_before_the_alert_are_refused(ringed, tmp_path):
    folder, records = ringed
    alert = opened(records)[0]
    kept = tmp_path / "ring" / "incidents" / alert.id
    shutil.copytree(incident_folder(folder, alert.id), kept)
    for file in segments_in(kept):
        if file.t_ns <= alert.t_ns:
            file.path.unlink()

    with pytest.raises(RecordingError, match="does not reach"):
        export_incident(tmp_path / "ring", alert.id, tmp_path / "incident")
    assert not (tmp_path / "incident").exists()


def test_a_segment_that_is_cut_off_is_replayed_up_to_there(ringed, tmp_path):
    folder, records = ringed
    for alert in opened(records):
        kept = tmp_path / "ring" / "incidents" / alert.id
        shutil.copytree(incident_folder(folder, alert.id), kept)
        last = segments_in(kept)[-1]
        last.path.write_bytes(last.path.read_bytes()[:-9])

        told = export_incident(tmp_path / "ring", alert.id, tmp_path / alert.id)

        assert not told.whole
        assert replay_recordings([tmp_path / alert.id], tmp_path / "out", CONFIG).incidents[0].identical


@pytest.mark.parametrize(
    ("name", "damage", "complaint"),
    [
        (STATE, lambda data: data[:-5], "cut off"),
        (STATE, lambda data: b"nonsense" + data, "got it beginning with"),
        (TOLD, lambda data: data[:-5], "incident.json"),
        (TOLD, lambda data: data.replace(b'"version": 1', b'"version": 2'), "version 2"),
        (TOLD, lambda data: data[:0] + b"[]", "incident.json"),
    ],
)
def test_damaged_files_are_one_clear_error(exported, tmp_path, name, damage, complaint):
    path = exported / name
    path.write_bytes(damage(path.read_bytes()))

    with pytest.raises(RecordingError, match=complaint):
        replay_recordings([exported], tmp_path / "out", CONFIG)


def test_a_missing_account_of_messages_is_one_clear_error(exported, tmp_path):
    (exported / TOLD).unlink()

    with pytest.raises(RecordingError, match=r"incident\.json: cannot be read"):
        replay_recordings([exported], tmp_path / "out", CONFIG)


def test_a_state_of_another_shop_is_one_clear_error(exported, tmp_path):
    segment = read_segment(exported / STATE)
    _rewrite(exported, segment, states=segment.states | {"detect": segment.states["judge"]})

    with pytest.raises(RecordingError, match="step 'detect'"):
        replay_recordings([exported], tmp_path / "out", CONFIG)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"groups": ()}, "at least one sensor group"),
        ({"name": "M7"}, "got spindle 'M7', recording.toml says 'M1'"),
    ],
)
def test_a_state_of_an_impossible_or_another_spindle_is_one_clear_error(
    exported, tmp_path, change, complaint
):
    segment = read_segment(exported / STATE)
    spindle = msgspec.structs.replace(segment.start.spindle, **change)
    segment.start = msgspec.structs.replace(segment.start, spindle=spindle)
    _rewrite(exported, segment)

    with pytest.raises(RecordingError, match=complaint):
        replay_recordings([exported], tmp_path / "out", CONFIG)


def test_samples_that_are_not_those_which_came_are_one_clear_error(exported, tmp_path):
    segment = read_segment(exported / STATE)
    _rewrite(exported, segment, items=segment.items[40:])

    with pytest.raises(RecordingError, match=r"parquet: got samples at \d+, incident.state wants a block at"):
        replay_recordings([exported], tmp_path / "out", CONFIG)


def test_a_group_that_sends_nothing_is_missed_in_the_replay_as_it_was_live(tmp_path):
    shop, items = live_items(30.0)
    mute_ns = items[0].t_ns + 9_800_000_000
    came = [i for i in items if not (isinstance(i, Block) and i.group == "current" and i.t_ns > mute_ns)]
    records = run_ringed(tmp_path / "ring", shop, came)
    alert = next(alert for alert in opened(records) if alert.fault == "sensor")
    first, *_ = segments_in(incident_folder(tmp_path / "ring", alert.id))
    first.path.unlink()

    export_incident(tmp_path / "ring", alert.id, tmp_path / "incident")

    incident = Incident.open(tmp_path / "incident")
    assert not (tmp_path / "incident" / "current.parquet").exists()
    assert {group.name for group in incident.recording.spindle.groups} >= {"current", "vib"}
    assert replay_recordings([tmp_path / "incident"], tmp_path / "out", CONFIG).incidents[0].identical
