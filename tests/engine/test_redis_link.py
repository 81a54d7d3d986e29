import pytest
from redis.exceptions import RedisError

from engine.config import parse_config
from engine.errors import UsageError
from engine.redis_link import connect


@pytest.mark.parametrize(
    "url",
    ["redis://shop:hush@host:port/0", "redis://shop:hu/sh@host/0", "http://shop:hush@host", "hush:x@host"],
)
def test_an_address_that_is_none_is_one_error_without_its_password(url):
    with pytest.raises(UsageError, match="wanted redis://host:port/db") as found:
        connect(url)
    assert "hu" not in str(found.value)


def _configured(**keys):
    return parse_config("[redis]\n" + "".join(f"{key} = {value!r}\n" for key, value in keys.items())).redis


def test_a_password_in_a_file_opens_a_redis_that_wants_one(redis_server, tmp_path):
    with redis_server.client() as redis:
        redis.config_set("requirepass", "hush")
    (tmp_path / "password").write_text("hush\n")

    with connect(redis_server.url) as without, pytest.raises(RedisError):
        without.ping()
    with connect(_configured(url=redis_server.url, password_file=str(tmp_path / "password"))) as redis:
        assert redis.ping()
        assert "hush" not in str(redis)


@pytest.mark.parametrize(
    ("content", "told"), [(b"", "empty"), (b"\xff\xfehush", "no UTF-8"), (None, "No such")]
)
def test_a_password_that_cannot_be_read_is_one_error_without_it(tmp_path, content, told):
    if content is not None:
        (tmp_path / "password").write_bytes(content)
    redis = _configured(url="redis://127.0.0.1/0", password_file=str(tmp_path / "password"))
    with pytest.raises(UsageError, match=told) as found:
        connect(redis)
    assert "hush" not in str(found.value)
    assert found.value.__context__ is None or found.value.__suppress_context__  # nor does a traceback


def test_a_file_of_certificates_that_is_missing_is_one_error(tmp_path):
    redis = _configured(url="rediss://127.0.0.1/0", ca_file=str(tmp_path / "ca.pem"))
    with pytest.raises(UsageError, match=r"ca\.pem: wanted a file of certificates"):
        connect(redis)
