import logging

import pytest

from engine.config import parse_config
from engine.errors import UsageError
from engine.service.redis_check import check_redis


def _redis(url):
    return parse_config(f'[redis]\nurl = "{url}"\n').redis


def test_a_redis_that_keeps_everything_is_no_cause_for_words(redis_server, caplog):
    assert check_redis(_redis(redis_server.url)) == ()
    assert caplog.records == []


def test_a_redis_that_forgets_is_warned_of(redis_server, caplog):
    with redis_server.client() as redis:
        redis.config_set("appendonly", "no")
        redis.config_set("maxmemory-policy", "allkeys-lru")
    kept, memory = check_redis(_redis(redis_server.url))

    assert "DATA WILL BE LOST" in kept
    assert "appendonly" in kept
    assert "DATA MAY BE LOST" in memory
    assert "allkeys-lru" in memory
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 2


def test_a_redis_that_is_away_is_no_error_and_its_password_is_not_told(caplog):
    assert check_redis(_redis("unix://shop:hush@/nowhere/redis.sock")) == ()
    assert "does not answer yet" in caplog.text
    assert "hush" not in caplog.text


def test_a_wrong_password_is_one_error_without_it(redis_server):
    with redis_server.client() as redis:
        redis.config_set("requirepass", "right")
    url = redis_server.url.replace("unix://", "unix://:hush@")
    with pytest.raises(UsageError, match="lets nobody in") as found:
        check_redis(_redis(url))
    assert "hush" not in str(found.value)


def test_a_redis_that_may_not_be_asked_says_so(redis_server):
    with redis_server.client() as redis:
        redis.execute_command("ACL", "SETUSER", "shop", "on", ">hush", "~*", "+@all", "-info")
    (told,) = check_redis(_redis(redis_server.url.replace("unix://", "unix://shop:hush@")))
    assert "does not tell" in told
