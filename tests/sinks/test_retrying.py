from __future__ import annotations

import logging
import threading

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from engine.errors import SpindlewatchError
from perf.real_redis import wait_until
from sinks.retrying import Retrying


class Work:
    """Rounds that fail as often as they are told to."""

    def __init__(self, *errors):
        self.errors, self.n_done = list(errors), 0
        self.gate = threading.Semaphore(0)

    def __call__(self):
        if self.errors:
            raise self.errors.pop(0)
        self.n_done += 1
        self.gate.acquire(timeout=0.01)


@pytest.fixture
def run():
    made = []

    def make(work):
        made.append(Retrying("work", work))
        made[-1].start()
        return made[-1]

    yield make
    for thread in made:
        assert thread.close(5.0)


def test_trouble_is_told_while_it_lasts_and_counted_by_whose_it_was(run, caplog):
    caplog.set_level(logging.INFO)
    work = Work(RedisConnectionError("away"), SpindlewatchError("disk full"))

    thread = run(work)

    wait_until(lambda: thread.trouble == "redis: away")
    wait_until(lambda: thread.trouble == "disk full")
    wait_until(lambda: thread.trouble is None)
    wait_until(lambda: work.n_done > 3)
    assert (thread.n_redis_errors, thread.n_errors) == (1, 1)
    assert [record.getMessage() for record in caplog.records] == [
        "work: trying again: redis: away",
        "work: at work",
    ]


@pytest.mark.parametrize("error", [ValueError("a bug"), MemoryError()])
def test_what_nobody_foresaw_ends_it_and_is_kept(run, error, caplog):
    thread = run(Work(error))

    wait_until(lambda: thread.failure is not None)

    assert thread.failure is error
    assert "ended by an error" in caplog.text


def test_asked_to_end_it_waits_for_no_pause(run):
    thread = run(Work(*[RedisConnectionError("away")] * 100))
    wait_until(lambda: thread.n_redis_errors >= 3)  # the next pause is most of a second

    assert thread.close(0.4)


def test_a_round_that_hangs_is_not_waited_for_longer_than_said():
    hung = threading.Event()
    thread = Retrying("work", hung.wait)
    thread.start()

    ended = thread.close(0.01)

    hung.set()
    assert not ended
    assert thread.close(5.0)
