import logging
import sys

import orjson
import pytest

from engine.service.logs import JsonLines, TextLines


def _record(message, *args, fields=None, exc_info=None):
    record = logging.LogRecord("engine.x", logging.WARNING, __file__, 1, message, args, exc_info)
    if fields is not None:
        record.fields = fields
    return record


def test_a_line_says_when_how_bad_who_and_what():
    told = orjson.loads(JsonLines("shard-1").format(_record("%d of %d", 1, 2, fields={"n": 3, 4: {5}})))

    assert (told["level"], told["process"], told["logger"]) == ("warning", "shard-1", "engine.x")
    assert told["message"] == "1 of 2"
    assert told["fields"] == {"n": 3, "4": "{5}"}
    assert told["t"].endswith("+00:00")


def test_one_record_is_one_line_whatever_is_in_it():
    line = JsonLines().format(_record('a\nb "c" \x00 é %s', {"d": object}))
    assert "\n" not in line
    assert orjson.loads(line)["message"].startswith('a\nb "c" \x00 é')


@pytest.mark.parametrize("lines", [JsonLines("p"), TextLines("p")])
@pytest.mark.parametrize(
    "url", ["redis://shop:hush@h/0", "rediss://:hu/sh@hush@h:1/0", "unix://u:hush@/run/r.sock"]
)
def test_no_password_of_an_address_gets_into_a_log(lines, url):
    try:
        raise ValueError(f"no connection to {url!r}")
    except ValueError:
        written = lines.format(_record("trying %s again", url, fields={"url": url}, exc_info=sys.exc_info()))

    assert "hush" not in written
    assert "hu/sh" not in written
    assert written.count("***@") >= 2


def test_an_e_mail_address_is_no_password():
    assert (
        orjson.loads(JsonLines().format(_record("ask shop@example.org")))["message"] == "ask shop@example.org"
    )
