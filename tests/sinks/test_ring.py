"""The ring keeps what came, in the order of its coming, what was known, and what was told; no more than it may."""

import logging
import os
from itertools import pairwise

import msgspec
import orjson
import pytest
from barriers import T0, Collect, live_items, messages, source_of

from engine.barriers import Reconfigure
from engine.clock import NS_PER_S, NoClock
from engine.config import load_config, parse_config
from engine.flow import build_flow
from engine.records import Block, Context, Tick
from engine.runtime import run_flow
from engine.verdicts import Alert, AlertState
from sinks.baselines import BaselineFile
from sinks.ring import Ring
from sinks.ring_layout import KEEP, folder_of, incident_folder, incidents_in, segments_in
from sinks.segments import read_segment, to_record

CONFIG = load_config()
TABLE = msgspec.structs.replace(CONFIG.ring, segment_s=5.0, before_s=2.0, after_s=3.0)


def run_ringed(folder, shop, items, table=TABLE, config=CONFIG):
    """Run a flow with a ring; everything it made, and the ring."""
    collected = Collect()
    ring = Ring(folder, shop.spindles, table, config.hash)
    flow = build_flow(
        source_of(items), shop.spindles, config, NoClock(), [collected], store=BaselineFile(None), ring=ring
    )
    run_flow(flow)
    ring.close()
    return collected.records, ring


def read_all(folder):
    return [read_segment(file.path) for file in segments_in(folder)]


@pytest.fixture(scope="module")
def ringed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ringed") / "ring"
    shop, items = live_items(40.0, n_spindles=2)
    records, ring = run_ringed(folder, shop, items)
    return folder, shop, items, records, ring


def same(one, two):
    """Whether two received records are the same, but for when they were received here."""
    if type(one) is not type(two) or not isinstance(one, Block):
        return one == two
    alike = (one.spindle, one.group, one.t_ns, one.sample_rate_hz) == (
        two.spindle,
        two.group,
        two.t_ns,
        two.sample_rate_hz,
    )
    return alike and one.samples.shape == two.samples.shape and one.samples.tobytes() == two.samples.tobytes()


@pytest.mark.parametrize("spindle", ["M1", "M2"])
def test_segments_hold_everything_that_came_in_the_order_of_its_coming(ringed, spindle):
    folder, _, items, _, ring = ringed

    segments = read_all(folder_of(folder, spindle))

    kept = [to_record(item, spindle) for segment in segments for item in segment.items]
    came = [item for item in items if item.spindle == spindle]
    assert len(kept) == len(came)
    assert all(map(same, kept, came))
    assert ring.n_failed == 0
    assert {Block, Context, Tick} <= {type(item) for item in kept}


def test_segments_follow_each_other_and_only_the_last_is_open_ended(ringed):
    folder = ringed[0]

    segments = read_all(folder_of(folder, "M1"))

    assert len(segments) == 9  # the last begins with the last tick
    assert [segment.whole for segment in segments] == [True] * 8 + [False]
    assert all(two.follows(one) for one, two in pairwise(segments))
    assert all(set(segment.states) == {"check", "slide", "detect", "judge"} for segment in segments)


def test_each_segment_holds_the_messages_that_its_own_items_led_to(ringed):
    folder, _, _, records, _ = ringed
    told = [message for message in messages(records) if orjson.loads(message)["spindle"] == "M1"]

    segments = read_all(folder_of(folder, "M1"))

    kept = [orjson.loads(message) for segment in segments for message in segment.messages]
    for message in kept:
        del message["received_ns"], message["judged_ns"]
    assert [orjson.dumps(message) for message in kept] == told
    assert len(told) >= 2
    ends = [segment.start.t_ns for segment in segments[1:]]
    for segment, end_ns in zip(segments, ends, strict=False):
        for message in map(orjson.loads, segment.messages):
            assert segment.start.t_ns - NS_PER_S < message["t_ns"] <= end_ns


def test_spindles_take_turns_to_write_their_states_down(ringed):
    folder = ringed[0]

    starts = [{file.t_ns for file in segments_in(folder_of(folder, name))} for name in ("M1", "M2")]

    later = sorted((t_ns - T0) / NS_PER_S % 5.0 for t_ns in starts[1])
    assert len(starts[0] & starts[1]) == 1
    assert later[len(later) // 2] == pytest.approx(2.6, abs=0.3)


def test_a_flow_tells_the_same_with_a_ring_and_without(ringed, tmp_path):
    _, shop, items, records, _ = ringed
    collected = Collect()

    run_flow(
        build_flow(source_of(items), shop.spindles, CONFIG, NoClock(), [collected], store=BaselineFile(None))
    )

    assert messages(collected.records) == messages(records)


def test_an_alert_keeps_the_segments_around_it(ringed):
    folder, _, _, records, _ = ringed
    (first, *_) = (r for r in records if isinstance(r, Alert) and r.state is AlertState.OPENED)

    kept = segments_in(incident_folder(folder, first.id))

    assert kept[0].t_ns <= first.onset_ns - 2 * NS_PER_S
    assert kept[-1].t_ns > first.t_ns - 5 * NS_PER_S
    assert kept[1].t_ns > first.onset_ns - 2 * NS_PER_S
    assert all(
        os.path.samefile(file.path, folder_of(folder, first.spindle) / file.path.name) for file in kept
    )
    last_needed_ns = max(
        file.t_ns
        for file in segments_in(folder_of(folder, first.spindle))
        if file.t_ns <= first.t_ns + 3 * NS_PER_S
    )
    assert kept[-1].t_ns == last_needed_ns


def test_the_oldest_segments_go_when_their_hours_are_over(tmp_path):
    shop, items = live_items(28.0)

    run_ringed(tmp_path, shop, items, msgspec.structs.replace(TABLE, hours=10.0 / 3600))

    starts = [(file.t_ns - T0) / NS_PER_S for file in segments_in(folder_of(tmp_path, "M1"))]
    assert starts == [15.0, 20.0, 25.0]


def test_the_oldest_segments_go_when_the_disk_budget_is_spent_and_what_an_alert_needs_stays(tmp_path):
    shop, items = live_items(60.0)
    budget = 4_000_000

    records, _ = run_ringed(tmp_path, shop, items, msgspec.structs.replace(TABLE, max_gib=budget / 2**30))

    files = segments_in(folder_of(tmp_path, "M1"))
    largest = max(file.path.stat().st_size for file in files)
    assert 0 < sum(file.path.stat().st_size for file in files) <= budget + largest
    opened = [r for r in records if isinstance(r, Alert) and r.state is AlertState.OPENED]
    kept = segments_in(incident_folder(tmp_path, opened[0].id))
    assert kept
    assert kept[0].t_ns < files[0].t_ns
    assert read_segment(kept[0].path).whole


def test_segments_of_an_earlier_run_count_and_go_first(tmp_path):
    shop, items = live_items(12.0)
    run_ringed(tmp_path, shop, items)
    before = {file.run for file in segments_in(folder_of(tmp_path, "M1"))}

    run_ringed(tmp_path, shop, items, msgspec.structs.replace(TABLE, max_gib=1e-6))

    after = segments_in(folder_of(tmp_path, "M1"))
    assert len(after) == 1
    assert {file.run for file in after}.isdisjoint(before)


def test_the_oldest_incidents_go_but_for_those_that_somebody_keeps(tmp_path):
    shop, items = live_items(60.0)
    table = msgspec.structs.replace(TABLE, incidents=1)
    kept = incident_folder(tmp_path, "M0:collision:1")
    kept.mkdir(parents=True)
    (kept / KEEP).touch()

    records, _ = run_ringed(tmp_path, shop, items, table)

    opened = [r.id for r in records if isinstance(r, Alert) and r.state is AlertState.OPENED]
    assert len(opened) > 2
    assert {folder.name for folder in incidents_in(tmp_path)} == {kept.name, opened[-1]}


def test_what_other_processes_keep_is_neither_counted_nor_removed(tmp_path):
    shop, items = live_items(12.0, n_spindles=2)
    run_ringed(tmp_path, shop, items)
    theirs = segments_in(folder_of(tmp_path, "M2"))
    nothing = msgspec.structs.replace(TABLE, max_gib=1e-9)

    mine = Ring(tmp_path, shop.spindles[:1], nothing, CONFIG.hash, others={"M2"})
    mine.tap([("M1", item) for item in items if item.spindle == "M1"][:1])
    mine.close()

    assert segments_in(folder_of(tmp_path, "M2")) == theirs
    assert len(segments_in(folder_of(tmp_path, "M1"))) == 1


def test_what_follows_another_configuration_begins_a_segment_of_that_one(tmp_path):
    shop, items = live_items(12.0)
    place, other = len(items) // 2, parse_config("[judge]\non = 1.5\n")

    run_ringed(tmp_path, shop, [*items[:place], Reconfigure("M1", 0, other), *items[place:]])

    read = read_all(folder_of(tmp_path, "M1"))
    hashes = [one.start.config_hash for one in read]
    assert set(hashes) == {CONFIG.hash, other.hash}
    assert hashes == sorted(hashes, key=[CONFIG.hash, other.hash].index)
    n_before = sum(len(one.items) for one in read if one.start.config_hash == CONFIG.hash)
    assert n_before == place


def test_what_the_store_gave_back_is_kept_where_it_was_asked(tmp_path):
    shop, items = live_items(25.0)
    config = msgspec.structs.replace(CONFIG, learn=msgspec.structs.replace(CONFIG.learn, max_regimes=1))

    run_ringed(tmp_path, shop, items, config=config)

    segments = read_all(folder_of(tmp_path, "M1"))
    assert any(segment.stored for segment in segments)
    assert all(msgspec.json.decode(key)[0] == "M1" for segment in segments for key in segment.stored)


def test_a_disk_that_refuses_stops_nothing(tmp_path, caplog):
    shop, items = live_items(15.0)
    (tmp_path / "spindles").write_text("a file where a folder is wanted")

    with caplog.at_level(logging.WARNING):
        records, ring = run_ringed(tmp_path, shop, items)

    assert records
    assert ring.n_failed > 0
    assert "failures so far" in caplog.text


def test_what_does_not_fit_into_memory_while_the_disk_is_slow_cuts_segments_off_and_leaves_no_holes(
    tmp_path, monkeypatch
):
    shop, items = live_items(15.0)
    monkeypatch.setattr("sinks.ring_disk._MAX_WAITING_BYTES", 1000)  # less than any second of samples

    records, ring = run_ringed(tmp_path, shop, items)

    segments = read_all(folder_of(tmp_path, "M1"))
    assert records
    assert ring.n_failed >= len(segments) == 4
    assert [(segment.items, segment.whole) for segment in segments] == [([], False)] * 4


def test_a_record_that_cannot_be_written_down_cuts_its_segment_off_and_nothing_else(tmp_path, caplog):
    shop, items = live_items(15.0)
    ring = Ring(tmp_path, shop.spindles, TABLE, CONFIG.hash)
    strange = Context("M1", T0, tool=object())

    with caplog.at_level(logging.WARNING):
        for number, item in enumerate(items):
            ring.write([record for _, record in ring.tap([("M1", item)])])
            if number == 50:
                ring.tap([("M1", strange)])
        ring.close()

    assert "TypeError" in caplog.text
    assert [segment.whole for segment in read_all(folder_of(tmp_path, "M1"))] == [False, True, True, False]
