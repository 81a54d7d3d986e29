from __future__ import annotations

import msgspec
import pytest

from engine import redis_keys
from engine.errors import SpindlewatchError
from operators.baseline_store import BaselineStore
from perf.real_redis import wait_until
from sinks.redis_baselines import RedisBaselines
from sinks.streams import RedisAlerts


def key(section: int, spindle: str = "M1") -> str:
    return msgspec.json.encode([spindle, "vib", "T1", section]).decode()


def opened(server, max_entries=3, patient=lambda: True):
    out = RedisAlerts(server.url, "alerts")
    store = RedisBaselines(out, server.url, "shop", patient, max_entries)
    return store, out


def test_what_one_process_kept_another_is_given(redis_server):
    first, out = opened(redis_server)
    kept: BaselineStore = first
    kept.put(key(1), b"old")
    kept.put(key(1), b"new\x00\xff")
    out.close()

    second, _out = opened(redis_server)

    assert second.get(key(1)) == b"new\x00\xff"
    assert second.get(key(2)) is None
    assert second.get(key(1, "M2")) is None


def test_a_redis_that_is_away_is_waited_for_and_nothing_is_forgotten(redis_server):
    first, out = opened(redis_server)
    first.put(key(1), b"known")
    out.close()
    asked = []

    def patient():
        asked.append(True)
        if len(asked) == 3:
            redis_server.start()
        return True

    store, _out = opened(redis_server, patient=patient)
    redis_server.stop()

    assert store.get(key(1)) == b"known"
    assert store.n_failed == len(asked) == 3


def test_who_is_to_end_waits_for_no_redis(redis_server):
    store, _out = opened(redis_server, patient=lambda: False)
    redis_server.stop()

    with pytest.raises(SpindlewatchError, match="ended while a baseline was waited for"):
        store.get(key(1))


def test_what_waits_for_a_redis_that_is_away_is_given_back_all_the_same(redis_server):
    store, out = opened(redis_server)
    redis_server.stop()
    store.put(key(1), b"value")

    assert store.get(key(1)) == b"value"
    assert store.n_failed == 0

    redis_server.start()
    wait_until(lambda: out.counts["baselines"] == 1)
    out.close()


def test_the_one_kept_longest_ago_makes_room_and_other_spindles_keep_theirs(redis_server):
    store, out = opened(redis_server)
    store.put(key(0, "M2"), b"other")
    for section in (0, 1, 2, 0, 3):
        store.put(key(section), b"%d" % section)
    out.close()

    again, _out = opened(redis_server)

    assert [again.get(key(section)) for section in range(4)] == [b"0", None, b"2", b"3"]
    assert again.get(key(0, "M2")) == b"other"
    with redis_server.client() as redis:
        assert redis.hlen(redis_keys.baselines("shop", "M1")) == 3
