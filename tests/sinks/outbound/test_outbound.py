from __future__ import annotations

import time

import msgspec
import pytest
from receiver import OK, Receiver, hang, status
from told import alert

from engine.clock import WallClock
from engine.config import load_config
from engine.errors import ConfigError
from engine.targets import WebhookTarget
from perf.real_redis import wait_until
from sinks.journal import Journal
from sinks.outbound.outbound import Outbound
from sinks.outbound.store import beside


@pytest.fixture
def journal(tmp_path):
    journal = Journal(tmp_path / "journal.sqlite3", durable=False)
    yield journal
    journal.close()


def outbound(journal, tmp_path, *targets):
    config = load_config()
    place = msgspec.structs.replace(config.journal, path=str(tmp_path / "journal.sqlite3"))
    return Outbound(msgspec.structs.replace(config, journal=place, notify=targets), journal, WallClock())


def webhook(name, receiver, **settings):
    return WebhookTarget(name=name, url=receiver.url, max_age_s=1e12, max_delay_s=0.1, **settings)


def test_without_targets_there_is_no_file_and_nothing_to_tell(journal, tmp_path):
    telling = outbound(journal, tmp_path)
    telling.start()
    telling.wake()
    telling.close()

    assert (telling.counts("sent"), telling.age_s, telling.trouble) == ({}, 0.0, "")
    assert not beside(tmp_path / "journal.sqlite3").exists()


def test_each_is_counted_and_heard_of_by_its_name(journal, tmp_path):
    with Receiver(OK) as good, Receiver(status(401, b"who?")) as deaf:
        telling = outbound(journal, tmp_path, webhook("good", good), webhook("deaf", deaf))
        telling.start()
        journal.append(alert(1))
        telling.wake()
        wait_until(lambda: telling.counts("failed")["deaf"] >= 2 and telling.counts("sent")["good"] == 1)

        assert telling.counts("sent") == {"good": 1, "deaf": 0}
        assert telling.trouble == "notify deaf: 127.0.0.1: answered 401: who?"
        assert telling.age_s > 0
        telling.close()


def test_many_that_hang_hold_up_the_end_for_a_second_and_no_longer(journal, tmp_path):
    with Receiver(hang) as receiver:
        telling = outbound(journal, tmp_path, *(webhook(f"t{n}", receiver, timeout_s=60) for n in range(8)))
        telling.start()
        journal.append(alert(1))
        telling.wake()
        receiver.wait(8)
        began_s = time.monotonic()
        telling.close()

        assert time.monotonic() - began_s < 2.0


def test_a_target_that_cannot_be_set_up_leaves_nothing_behind(journal, tmp_path):
    with Receiver(OK) as receiver, pytest.raises(ConfigError, match="secret_file"):
        outbound(journal, tmp_path, webhook("a", receiver), webhook("b", receiver, secret_file="none"))

    assert not beside(tmp_path / "journal.sqlite3").exists()
