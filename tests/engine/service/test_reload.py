import logging
import os
import re
import signal

import pytest

from engine.barriers import Reconfigure
from engine.clock import WallClock
from engine.config import load_config, parse_config
from engine.service.reload import Reload
from engine.sources.redis_streams import RedisStreams
from perf.service_process import shop_items
from replay.feed import site_text

LIMIT = '[[limits]]\nfeature = "vib_x.rms"\nabove = 1.0\n'


@pytest.fixture
def site(tmp_path):
    """A site's file that can be written anew, and what reads it again."""
    spindles, _items = shop_items(0.25, 2)
    declared = site_text(spindles, "redis://127.0.0.1:6379/0", "p")

    class Site:
        path = tmp_path / "site.toml"

        def write(self, more=""):
            self.path.write_text(declared + "\n" + more)

        def reloaded(self):
            os.kill(os.getpid(), signal.SIGHUP)
            return self.reload.take()

    made = Site()
    made.write()
    config = load_config(made.path)
    made.reload = Reload(made.path, config, config.spindles)
    with made.reload.on_signal():
        yield made


def test_another_limit_takes_its_place_once_for_each_signal(site):
    site.write(LIMIT)

    assert site.reload.take() is None  # nobody asked
    assert site.reloaded().limits[0].above == 1.0
    assert site.reload.take() is None
    assert site.reloaded() is None  # nothing differs
    assert site.reload.counts == {"done": 2}


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("[judge]\non = \n", r"site.toml: not valid TOML: .*line \d+"),
        ("[judge]\non = -1.0\n", r"\$\.judge\.on"),
        ("[judge]\nonn = 1.0\n", "onn"),
        ("[learn]\nn_cuts = 5\n", "needs a restart"),
        ("[redis]\n", "not valid TOML"),
        (LIMIT.replace("vib_x.rms", "vib_x.nothing"), "vib_x.nothing"),
    ],
)
def test_a_file_that_cannot_take_its_place_changes_nothing_and_is_one_clear_line(site, caplog, more, told):
    site.write(more)

    with caplog.at_level(logging.ERROR):
        assert site.reloaded() is None

    (line,) = caplog.messages
    assert line.startswith("configuration not reloaded, all stays as it was: ")
    assert re.search(told, line)
    assert site.reload.counts == {"refused": 1}
    site.write(LIMIT)
    assert site.reloaded() is not None


def test_a_spindle_more_or_less_needs_a_restart(site, caplog):
    text = site.path.read_text()
    site.path.write_text(text.replace('name = "M2"', 'name = "M9"'))

    assert site.reloaded() is None

    assert "'M2'" in caplog.messages[-1]


def test_a_file_that_is_gone_changes_nothing(site, caplog):
    site.path.unlink()
    assert site.reloaded() is None
    assert "cannot be read" in caplog.messages[-1]


def test_every_spindle_is_told_once_all_have_begun(redis_server):
    spindles, _items = shop_items(0.25, 2)
    site = f'[redis]\nurl = "{redis_server.url}"\nprefix = "p"\n'
    waiting = [parse_config(site + LIMIT)]
    source = RedisStreams(
        spindles, parse_config(site), WallClock(), replaced=lambda: waiting.pop() if waiting else None
    )
    part = source.build_part("source", "redis", None)

    assert part.next_batch() == []  # they begin
    told = part.next_batch()
    part.close()

    assert [(name, type(item)) for name, item in told] == [(s.name, Reconfigure) for s in spindles]
    assert {item.config.limits[0].above for _name, item in told} == {1.0}
