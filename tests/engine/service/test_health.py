import math
import os
import threading
from contextlib import contextmanager
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.service.beats import MAX_LINE_BYTES
from engine.service.health import Beat, HealthPipe, Heart, Lines, Metrics, parse_line


@contextmanager
def _pipe(process="shard-0"):
    read, write = os.pipe()
    try:
        yield read, HealthPipe(write, process)
    finally:
        for fd in (read, write):
            if fd is not None:
                os.close(fd)


def _metrics():
    metrics = Metrics()
    metrics.counter("alerts_total").add(3)
    metrics.gauge("queue").set(2)
    metrics.gauge("lag_s")  # nothing known yet
    metrics.reasons("dead_letters").add("malformed", 2)
    metrics.histogram("alert_latency_s").observe(0.02)
    metrics.timed("check", list)((1, 2))
    return metrics


def test_what_a_process_says_arrives_as_it_was_said():
    with _pipe() as (read, pipe):
        assert pipe.beat(_metrics(), True, "two spindles", 4)
        (beat,) = Lines().feed(os.read(read, 10_000))

    assert (beat.process, beat.ready, beat.detail, beat.reloaded) == ("shard-0", True, "two spindles", 4)
    assert beat.counters["alerts_total"] == 3
    assert beat.counters["cpu_s_total"] > 0
    assert beat.gauges["queue"] == 2
    assert beat.gauges["lag_s"] is None  # cannot say, which is not 0
    assert beat.gauges["rss_bytes"] > 1e6
    assert beat.by_reason == {"dead_letters": {"malformed": 2}}
    assert sum(beat.histograms["alert_latency_s"].counts) == 1
    assert beat.steps_s["check"] > 0


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b'{"process":"a"}',
        b'{"process":"a","ready":1}',
        b'{"process":"a","ready":true,"counters":{"n":"many"}}',
        b'{"process":"a","ready":true,"histograms":{"h":{"le":[1.0],"counts":[1],"sum":1.0}}}',
    ],
)
def test_a_line_that_is_none_is_none(line):
    assert parse_line(line) is None


@given(st.binary(max_size=200))
def test_no_line_raises(line):
    found = parse_line(line)
    assert found is None or isinstance(found, Beat)


@given(st.lists(st.integers(0, 200), max_size=8))
def test_how_a_pipe_cuts_lines_changes_nothing(places):
    data = b'{"process":"a","ready":true}\nnone\n{"process":"b","ready":false,"detail":"starting"}\n{"pro'
    whole, pieces = Lines(), Lines()
    cuts = [0, *sorted(min(place, len(data)) for place in places), len(data)]

    found = [beat for a, b in pairwise(cuts) for beat in pieces.feed(data[a:b])]

    assert found == whole.feed(data)
    assert [beat.process for beat in found] == ["a", "b"]
    assert pieces.n_bad == whole.n_bad == 1


def test_a_line_without_end_takes_no_memory_and_the_next_is_read():
    lines = Lines()
    for _ in range(20):
        assert not lines.feed(b"x" * MAX_LINE_BYTES)
        assert len(lines._left) <= MAX_LINE_BYTES
    (beat,) = lines.feed(b'{"process":"a"\n{"process":"b","ready":true}\n')
    assert beat.process == "b"
    assert lines.n_bad == 1


def test_a_supervisor_that_does_not_read_gets_fewer_lines_but_whole_ones():
    with _pipe() as (read, pipe):
        metrics, lines, found = _metrics(), Lines(), []
        for number in range(300):  # more than a pipe holds; nobody reads meanwhile
            assert pipe.beat(metrics, True, "x" * 500, number)
        while len(found) < 200 and (not found or found[-1].reloaded != 999):
            found += lines.feed(os.read(read, 100_000))
            pipe.beat(metrics, True, "", 999)

    numbers = [beat.reloaded for beat in found]
    assert numbers == sorted(numbers)
    assert numbers[-1] == 999
    assert len(numbers) < 300
    assert not lines.n_bad


def test_a_supervisor_that_is_gone_is_noticed():
    read, write = os.pipe()
    pipe = HealthPipe(write, "shard-0")
    assert pipe.beat(Metrics(), True)
    os.close(read)
    assert not pipe.beat(Metrics(), True)
    assert pipe.gone
    os.close(write)


def test_without_a_pipe_nobody_is_told_and_nothing_is_wrong():
    assert HealthPipe(None, "shard-0").beat(Metrics(), True)


def test_a_name_that_nobody_can_ask_for_is_refused():
    metrics = Metrics()
    for take in (metrics.counter, metrics.gauge, metrics.reasons, metrics.histogram):
        with pytest.raises(KeyError, match="'tools_used'"):
            take("tools_used")
    with pytest.raises(KeyError):
        metrics.ask("dropped", float)


def test_reasons_are_bounded_and_none_is_lost():
    reasons = Metrics().reasons("dropped")
    for number in range(1000):
        reasons.add(f"queue {number}")
    assert len(reasons.value) == 33
    assert sum(reasons.value.values()) == 1000


def test_an_observation_falls_into_the_first_bucket_that_holds_it():
    histogram = Metrics().histogram("alert_latency_s")
    for value in (0.005, 0.0051, 1e9, math.nan):
        histogram.observe(value)
    told = histogram.value
    assert told.counts[:2] == (1, 1)
    assert told.counts[-1] == 1
    assert sum(told.counts) == 3  # NaN says nothing


def test_no_thread_loses_a_count():
    metrics = Metrics()
    count, reasons = metrics.counter("blocks_total"), metrics.reasons("dropped")

    def work():
        for _ in range(5000):
            count.add()
            reasons.add("outbox")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count.value == reasons.value["outbox"] == 20_000


def test_what_is_counted_elsewhere_is_asked_for_when_a_line_is_made():
    counts = {"malformed": 0}
    metrics = Metrics()
    metrics.ask_reasons("dead_letters", lambda: counts)
    metrics.ask("blocks_total", lambda: 7)
    metrics.ask("queue", lambda: math.nan)
    counts["malformed"] = 5
    beat = metrics.beat("shard-0", True)
    assert beat.by_reason["dead_letters"] == {"malformed": 5}
    assert beat.counters["blocks_total"] == 7
    assert math.isnan(beat.gauges["queue"])


def test_whoever_cannot_answer_is_left_out_and_the_process_goes_on(caplog):
    metrics = Metrics()
    metrics.ask("queue", lambda: 1 / 0)
    metrics.ask_reasons("dropped", lambda: {}["no"])
    metrics.ask("spindles", lambda: 2)
    for _ in range(3):
        beat = metrics.beat("shard-0", True)
    assert beat.gauges["spindles"] == 2
    assert "queue" not in beat.gauges
    assert "dropped" not in beat.by_reason
    assert [record.message for record in caplog.records] == ["nobody can say queue", "nobody can say dropped"]


def test_a_step_that_fails_is_timed_all_the_same_and_its_error_passes():
    metrics = Metrics()
    with pytest.raises(ZeroDivisionError):
        metrics.timed("judge", lambda items: items / 0)(1)
    assert metrics.beat("shard-0", True).steps_s["judge"] > 0


def test_a_heart_beats_at_once_and_again_when_there_is_news():
    with _pipe() as (read, pipe):
        heart, lines = Heart(pipe, Metrics(), stale_s=60.0), Lines()
        heart.start()
        (first,) = lines.feed(os.read(read, 10_000))
        heart.tell(True, "two spindles", 1)
        (second,) = lines.feed(os.read(read, 10_000))  # returns only when it comes
        heart.close()

    assert (first.ready, first.detail) == (False, "starting")
    assert (second.ready, second.detail, second.reloaded) == (True, "two spindles", 1)


def test_the_last_beat_knows_all_that_was_counted():
    with _pipe() as (read, pipe):
        metrics = Metrics()
        heart, lines = Heart(pipe, metrics, stale_s=60.0), Lines()
        heart.start()
        heart.tell(True, "", 3)
        metrics.counter("alerts_total").add(5)
        heart.close()
        last = lines.feed(os.read(read, 10_000))[-1]

    assert last.counters["alerts_total"] == 5
    assert (last.ready, last.detail, last.reloaded) == (False, "ending", 3)


def test_a_heart_stops_when_the_work_hangs():
    with _pipe() as (read, pipe):
        heart = Heart(pipe, Metrics(), stale_s=-1.0)  # whatever was touched is too long ago
        heart.touch()
        heart.start()
        heart.tell(True, "all is well")
        heart.close()
        os.set_blocking(read, False)
        with pytest.raises(BlockingIOError):
            os.read(read, 1)


def test_a_heart_tells_once_that_the_supervisor_is_gone():
    read, write = os.pipe()
    os.close(read)
    gone = threading.Event()
    heart = Heart(HealthPipe(write, "shard-0"), Metrics(), stale_s=60.0, on_gone=gone.set)
    heart.start()
    assert gone.wait(10.0)
    heart.close()
    os.close(write)
