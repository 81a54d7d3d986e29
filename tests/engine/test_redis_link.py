import pytest

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
