from __future__ import annotations

import msgspec
import pytest

from engine.config import load_config
from engine.errors import ConfigError
from engine.service.gateway import check_may_replace

DEFAULT = load_config()


def changed(table, **values):
    return msgspec.structs.replace(
        DEFAULT, **{table: msgspec.structs.replace(getattr(DEFAULT, table), **values)}
    )


@pytest.mark.parametrize(
    "new",
    [
        DEFAULT,
        changed("hub", write_buffer_bytes=70_000, page_size=5),
        changed("judge", on=1.5),
        changed("log", level="debug"),
    ],
)
def test_limits_of_subscribers_and_what_it_does_not_go_by_may_change(new):
    check_may_replace(DEFAULT, new)


@pytest.mark.parametrize(
    ("new", "told"),
    [
        (changed("hub", port=1), "hub"),
        (changed("hub", host="::1"), "hub"),
        (changed("redis", prefix="other"), "redis"),
        (changed("journal", path="other.sqlite3"), "journal"),
        (changed("service", shards=2), "service"),
    ],
)
def test_what_a_gateway_stands_on_may_not_change_while_it_runs(new, told):
    with pytest.raises(ConfigError, match=rf"{told}.*restart"):
        check_may_replace(DEFAULT, new)
