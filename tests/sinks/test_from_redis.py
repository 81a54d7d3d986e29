from __future__ import annotations

import signal
from dataclasses import replace

import msgspec
import orjson
import pytest
from redis.exceptions import RedisError
from told import LIFE, alert

from engine import redis_keys
from engine.config import load_config
from engine.errors import SpindlewatchError
from sinks.alert_json import alert_as_dict
from sinks.from_redis import Intake
from sinks.journal import Journal
from sinks.streams import RedisAlerts
from sinks.tool_history import life_as_dict

PREFIX = "shop"
ALERTS, LIVES, DEAD = redis_keys.alerts(PREFIX), redis_keys.lives(PREFIX), redis_keys.dead_letters(PREFIX)


@pytest.fixture
def site(redis_server):
    return msgspec.structs.replace(load_config().redis, url=redis_server.url, prefix=PREFIX)


@pytest.fixture
def journal(tmp_path):
    journal = Journal(tmp_path / "journal.sqlite3")
    yield journal
    journal.close()


@pytest.fixture
def redis(redis_server):
    with redis_server.client() as redis:
        yield redis


@pytest.fixture
def open_intake(site, journal):
    """Makes intakes, one after the other as after a crash, and notes what they tell."""
    made = []

    def make():
        told = []
        made.append(Intake(site, journal, told.extend))
        made[-1].told = told
        return made[-1]

    yield make
    for intake in made:
        intake.close()


def add(redis, *alerts):
    for one in alerts:
        redis.xadd(ALERTS, {"key": "k", "alert": orjson.dumps(alert_as_dict(one))})


def ids(journal):
    return [orjson.loads(entry.json)["id"] for entry in journal.page(0, 1000)]


def test_what_an_engine_tells_is_journaled_and_told_in_order_each_once(redis_server, journal, open_intake):
    for _ in range(2):
        out = RedisAlerts(redis_server.url, ALERTS, LIVES)
        out.write([alert(1), LIFE, alert(2), alert(1, "closed")])
        out.close()
    intake = open_intake()

    intake.round()
    intake.round()

    assert ids(journal) == ["M1:process:1", "M1:process:2", "M1:process:1"]
    assert [entry.seq for entry in intake.told] == [1, 2, 3]
    assert intake.told == journal.page(0, 10)
    assert [life["edge"] for life in journal.lives()] == ["T2#1"]
    assert intake.counts["journaled"] == 3


def test_after_a_crash_it_goes_on_behind_what_is_journaled(redis, journal, open_intake):
    add(redis, alert(1), alert(2))
    open_intake().round()
    add(redis, alert(3))

    after = open_intake()
    after.round()

    assert [entry.seq for entry in after.told] == [3]
    assert after.counts["repeated"] == 0


def test_more_than_one_round_brings_is_brought_by_the_next(redis, journal, open_intake):
    pipe = redis.pipeline(transaction=False)
    for n in range(1203):
        pipe.xadd(ALERTS, {"alert": orjson.dumps(alert_as_dict(alert(n)))})
    pipe.execute()
    intake = open_intake()

    for _ in range(3):
        intake.round()

    assert journal.head() == 1203
    assert intake.counts["lost"] == 0


def test_a_redis_that_lost_its_data_is_noticed_and_nothing_is_told_twice(redis, journal, open_intake):
    add(redis, alert(1), alert(2), alert(3))
    intake = open_intake()
    intake.round()

    redis.flushall()
    intake.round()
    add(redis, alert(3), alert(4))  # an engine that went on from an older checkpoint
    intake.round()

    assert intake.counts["restarted"] == 1
    assert [entry.seq for entry in intake.told] == [1, 2, 3, 4]
    assert (intake.counts["repeated"], intake.counts["lost"]) == (1, 0)


def test_data_lost_while_it_was_away_is_noticed_even_if_ids_go_on(redis, journal, open_intake):
    add(redis, alert(1), alert(2), alert(3))
    open_intake().round()
    redis.flushall()
    add(redis, alert(3), alert(4), alert(5), alert(6))

    after = open_intake()
    after.round()
    after.round()

    assert after.counts["restarted"] == 1
    assert [entry.seq for entry in after.told] == [4, 5, 6]


def test_alerts_trimmed_before_they_were_read_are_counted_as_lost(redis, journal, open_intake):
    add(redis, alert(1))
    intake = open_intake()
    intake.round()
    add(redis, alert(2), alert(3), alert(4))
    redis.xtrim(ALERTS, maxlen=1, approximate=False)

    intake.round()

    assert ids(journal) == ["M1:process:1", "M1:process:4"]
    assert intake.counts["lost"] == 2


def test_what_is_no_alert_is_a_dead_letter_and_holds_up_nothing(redis, journal, open_intake):
    redis.xadd(ALERTS, {"alert": b"{broken" * 100})
    redis.xadd(ALERTS, {"something": "else"})
    redis.xadd(LIVES, {"life": orjson.dumps(life_as_dict(LIFE) | {"n_cuts": -1})})
    add(redis, alert(1))
    intake = open_intake()

    intake.round()

    assert ids(journal) == ["M1:process:1"]
    assert intake.dead == {"alert": 2, "life": 1}
    letters = [fields for _, fields in redis.xrange(DEAD)]
    assert [letter[b"reason"] for letter in letters] == [b"alert", b"alert", b"life"]
    assert len(letters[0][b"head"]) == 256
    assert b"n_cuts" in letters[2][b"error"]


def test_dead_letters_that_a_full_redis_refuses_are_counted(redis, journal, open_intake):
    redis.xadd(ALERTS, {"alert": b"{}"})
    add(redis, alert(1))
    intake = open_intake()
    redis.config_set("maxmemory", 1)

    intake.round()

    assert ids(journal) == ["M1:process:1"]
    assert (intake.dead["alert"], intake.counts["not_kept"]) == (1, 1)


def test_a_redis_that_is_gone_or_hangs_is_an_error_and_the_next_round_goes_on(
    redis_server, redis, journal, open_intake
):
    add(redis, alert(1))
    intake = open_intake()
    intake.round()
    redis_server.stop()
    with pytest.raises(RedisError):
        intake.round()
    redis_server.start()
    add(redis, alert(2))
    redis_server.process.send_signal(signal.SIGSTOP)
    with pytest.raises(RedisError):
        intake.round()
    redis_server.process.send_signal(signal.SIGCONT)

    intake.round()

    assert [entry.seq for entry in intake.told] == [1, 2]
    assert intake.counts["restarted"] == 0


def test_a_full_disk_is_an_error_and_nothing_counts_as_read(redis, journal, open_intake):
    add(redis, alert(1))
    intake = open_intake()
    intake.round()
    add(redis, alert(2), replace(alert(3), text_en="x" * 100_000))
    (n_pages,) = journal._writer.execute("PRAGMA page_count").fetchone()
    journal._writer.execute(f"PRAGMA max_page_count = {n_pages}")
    with pytest.raises(SpindlewatchError, match="full"):
        intake.round()

    journal._writer.execute("PRAGMA max_page_count = 1000000")
    intake.round()

    assert [entry.seq for entry in intake.told] == [1, 2, 3]


def test_a_key_that_is_no_stream_is_an_error_until_it_is_mended(redis, open_intake):
    redis.set(ALERTS, "no stream")
    intake = open_intake()
    with pytest.raises(RedisError):
        intake.round()

    redis.delete(ALERTS)
    add(redis, alert(1))
    intake.round()

    assert len(intake.told) == 1
