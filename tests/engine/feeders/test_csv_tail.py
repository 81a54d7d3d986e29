import json
import re

import numpy as np
import pytest
from desk import T0, Desk
from hypothesis import given
from hypothesis import strategies as st
from mosquitto import Feeder

from engine import redis_keys
from engine.clock import NS_PER_S
from engine.config import parse_config
from engine.errors import ConfigError
from engine.feeders.csv_rows import CsvFeed, CsvRows
from engine.feeders.csv_tail import take
from engine.feeders.settings import feed_table
from engine.feeders.tail import Tail
from engine.records import Block, Context
from engine.wire import decode
from perf.real_redis import wait_until

SPINDLES = """
[[spindles]]
name = "M1"
[[spindles.groups]]
name = "load"
kind = "scalar"
sample_rate_hz = 10.0
channels = [{ name = "load" }, { name = "temp" }]
[[spindles.groups]]
name = "vib"
kind = "waveform"
sample_rate_hz = 1000.0
channels = [{ name = "vib_x" }, { name = "vib_y" }]
"""
VALUES = 'values = { Last = "load", "온도" = "temp", tool = { context = "tool" }, n = { context = "rpm" } }'
WAVES = 'values = { x = "vib_x", y = "vib_y", tool = { context = "tool" } }'
T0_S = T0 // NS_PER_S


class Shop(Desk):
    """Reads rows of one file's entry."""

    def __init__(self, settings, values=VALUES):
        text = f'[feeds.csv]\n[[feeds.csv.files]]\npath = "log.csv"\nspindle = "M1"\n{values}\n{settings}\n'
        config = parse_config(text + SPINDLES)
        super().__init__(config)
        self.rows = CsvRows(feed_table(config, "csv", CsvFeed).files[0], config, "feeds.csv.files[0]")
        self.s = 1000.0

    def read(self, *lines):
        self.rows.take([line if isinstance(line, bytes) else line.encode() for line in lines], self.feed)
        return self.data()


def told(items):
    return [
        [item.tool, item.rpm] if isinstance(item, Context) else item.samples[:, 0].tolist() for item in items
    ]


@pytest.mark.parametrize(
    ("settings", "lines"),
    [
        ("", ["t,Last,온도,tool,n", f"{T0_S},40.5,21,T1,3000", f"{T0_S + 1},41,21.5,T1,3000"]),
        ("", ["\ufefft;Last;온도;tool;n", f"{T0_S};40,5;21;T1;3000,0", f"{T0_S + 1};41;21,5;T1;3e3"]),
        ("", ["t\tLast\t온도\ttool\tn", f"{T0_S}\t40,5\t21\tT1\t3000", f"{T0_S + 1}\t41\t21.5\tT1\t3000"]),
        ('delimiter = "space"', ["t Last 온도 tool n", f"{T0_S} 40.5 21 T1 3000", f"{T0_S + 1} 41 21.5 T1 3000"]),
        ("skip_rows = 2", ["by", "x,", "t,Last,온도,tool,n", f"{T0_S},40.5,21,T1,3000", f"{T0_S + 1},41,21.5,T1,3000"]),
        ("", ["", 't,"Last","온도",tool,n', f'{T0_S},"40.5",21,"T1",3000', "", f"{T0_S + 1}, 41, 21.5, T1, 3000"]),
    ],
)  # fmt: skip
def test_tables_of_all_kinds_are_read(settings, lines):
    shop = Shop(f'time = "t"\n{settings}')
    items = shop.read(*lines)
    assert told(items) == [["T1", 3000.0], [40.5, 21.0], [41.0, 21.5]]
    assert [item.t_ns - T0 for item in items] == [0, 0, NS_PER_S]
    assert shop.letters == []


def test_another_encoding_and_columns_without_headings():
    shop = Shop('encoding = "cp949"')
    assert told(shop.read("Last,온도,tool,n".encode("cp949"), "1,2,드릴,".encode("cp949"))) == [
        ["드릴", None],
        [1, 2],
    ]
    shop = Shop("header = false", 'values = { column_2 = "load", column_1 = "temp" }')
    assert told(shop.read("7,8")) == [[8, 7]]


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ('time_zone = "Asia/Seoul"', "2023-11-15 07:13:20.5"),
        ("", "2023-11-14 22:13:20,500"),
        ("", "2023-11-15T07:13:20.5+09:00"),
        ('time_format = "%d.%m.%Y %H:%M:%S.%f"\ntime_zone = "Europe/Berlin"', "14.11.2023 23:13:20.5"),
        ("", "1700000000,5"),
        ('time_unit = "ms"', "1700000000500"),
    ],
)
def test_times_are_read_as_they_are_written(settings, text):
    shop = Shop(f'time = "t"\n{settings}')
    (block,) = shop.read("t;Last;온도", f"{text};1;2")
    assert block.t_ns == T0 + NS_PER_S // 2


def test_a_cell_that_is_blank_is_unknown():
    shop = Shop("")
    assert told(shop.read("Last,온도,tool,n", "1,2,T1,5")) == [["T1", 5.0], [1, 2]]
    shop.s += 1.0
    np.testing.assert_equal(told(shop.read(",NaN,,")), [[None, None], [np.nan, np.nan]])
    assert shop.letters == []


@pytest.mark.parametrize(
    "line",
    [
        "yesterday,1,2",
        f"{T0_S},1",
        f"{T0_S},1,2,3",
        b"\xff\xfe,1,2",
        "a\0b,1,2",
        f'{T0_S},"1,2',
        ",1,2",
        f"{T0_S},hot,2",
    ],
)
def test_a_row_that_cannot_be_used_is_one_dead_letter_and_the_next_is_read(line):
    shop = Shop('time = "t"', 'values = { Last = "load", "온도" = "temp" }')
    shop.read("t,Last,온도")
    shop.read(line)
    assert [letter.reason for letter in shop.letters] == ["malformed"]
    assert shop.letters[0].origin == ":2"
    assert told(shop.read(f"{T0_S + 9},1,2"))[-1] == [1, 2]


def test_headings_that_come_again_are_none_and_missing_ones_are_told():
    shop = Shop("")
    assert told(shop.read("Last,온도", "1,2", "Last,온도")) == [[1, 2]]
    assert [(letter.reason, letter.error) for letter in shop.letters] == [
        ("unknown", f"wanted the heading {name!r}, got Last, 온도") for name in ("tool", "n")
    ]


def test_rows_of_a_waveform_are_blocks_that_end_where_a_row_is_missing():
    shop = Shop('time = "t"', WAVES)
    rows = [f"{T0 // 1000 + 1000 * n},{n},{-n},T1" for n in [*range(300), *range(310, 320)]]
    shop.read("t,x,y,tool")
    context, *blocks = shop.read(*rows)
    assert context.tool == "T1"
    assert [block.samples.shape[1] for block in blocks] == [250, 50, 10]
    assert [(block.t_ns - T0) // 10**6 for block in blocks] == [0, 250, 310]
    assert np.concatenate([block.samples[0] for block in blocks]).tolist() == [*range(300), *range(310, 320)]
    (block,) = shop.read(f"{T0 // 1000 + 320_000},hot,1,T1")
    np.testing.assert_equal(block.samples, [[np.nan], [1]])
    assert shop.feed.counts["malformed"] == 1


@given(st.lists(st.binary(max_size=30), max_size=6), st.sampled_from([VALUES, WAVES]))
def test_no_line_whatever_it_holds_raises(lines, values):
    shop = Shop('time = "t"', values)
    shop.read("t;Last;온도;tool;n;x;y".encode(), *lines, *(f"{T0_S};".encode() + line for line in lines))


@pytest.mark.parametrize(
    ("settings", "where"),
    [
        ('time_zone = "Mars/Base"', "files[0].time_zone"),
        ('time_zone = "../x"', "files[0].time_zone"),
        ('encoding = "utf-16"', "files[0].encoding"),
        ('encoding = "hex"', "files[0].encoding"),
        ('encoding = "none"', "files[0].encoding"),
        ('delimiter = "ab"', "files[0].delimiter"),
        ('decimal = ";"', "files[0].decimal"),
    ],
)
def test_an_entry_that_cannot_be_used_is_told_with_its_path(settings, where):
    with pytest.raises(ConfigError, match=re.escape(f"at `$.feeds.csv.{where}`")):
        Shop(settings)


def test_a_rotated_file_has_headings_of_its_own_and_a_cut_line_is_a_dead_letter(tmp_path):
    shop, log = Shop(""), tmp_path / "log.csv"
    log.write_text("Last,온도\n1,2\n3,")
    tail = Tail(str(log), "start", 1)
    take(tail, shop.rows, shop.feed)
    take(tail, shop.rows, shop.feed)
    log.rename(tmp_path / "log.1")
    log.write_text("온도,Last\n20,10\n")
    shop.s += 1.0
    while take(tail, shop.rows, shop.feed):
        pass
    tail.close()
    assert told(shop.data()) == [[1, 2], [10, 20]]
    assert [letter.head for letter in shop.letters if letter.reason == "malformed"] == [b"3,"]


def test_every_row_is_in_redis_once_though_the_feeder_was_away_for_some(redis_server, tmp_path):
    site, log = tmp_path / "site.toml", tmp_path / "log.csv"
    site.write_text(
        f'[redis]\nurl = "{redis_server.url}"\nprefix = "shop"\n[feeds.csv]\n'
        f'position_file = "{tmp_path}/positions.json"\n[[feeds.csv.files]]\nbegin = "start"\n'
        f'path = "{log}"\nspindle = "M1"\n{VALUES}\ntime = "t"\n{SPINDLES}'
    )

    def stored():
        with redis_server.client() as client:
            items = [
                decode(fields[b"d"]) for _id, fields in client.xrange(redis_keys.stream_in("shop", "M1"))
            ]
        return [item.samples[0, 0] for item in items if isinstance(item, Block)]

    def write(*numbers):
        with log.open("a") as file:
            file.writelines(f"{T0_S + n};{n},5;2;T1;3000\n" for n in numbers)

    log.write_text("t;Last;온도;tool;n\n")
    for round_ in range(2):
        write(*range(10 * round_, 10 * round_ + 5))
        feeder = Feeder("csv", "--config", site, "--json")
        try:
            wait_until(lambda round_=round_: len(stored()) == 10 * round_ + 5)
            write(*range(10 * round_ + 5, 10 * round_ + 10))
            wait_until(lambda round_=round_: len(stored()) == 10 * round_ + 10)
        finally:
            status, out, words = feeder.end()
        assert (status, json.loads(out)["feed"]["rows"]) == (0, 11), words
    assert stored() == [n + 0.5 for n in range(20)]


def test_a_dry_run_shows_what_stands_in_a_file_already(tmp_path):
    (tmp_path / "log.csv").write_text(f"t;Last;온도;tool;n\n{T0_S};1,5;2;T1;3000\n")
    (tmp_path / "site.toml").write_text(
        f'[feeds.csv]\nposition_file = "{tmp_path}/none/positions.json"\n[[feeds.csv.files]]\n'
        f'path = "{tmp_path}/*.csv"\nspindle = "M1"\n{VALUES}\ntime = "t"\n{SPINDLES}'
    )
    status, out, told = Feeder("csv", "--config", tmp_path / "site.toml", "--dry-run", "2").wait()
    context, block = map(json.loads, out.splitlines())
    assert (status, context["tool"], block["first"]) == (0, "T1", [[1.5], [2.0]]), told
