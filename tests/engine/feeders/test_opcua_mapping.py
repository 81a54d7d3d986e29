from datetime import datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.config import parse_config
from engine.feeders.opcua_mapping import Nodes, Told
from engine.feeders.settings import Target, find_slots

SITE = """
[[spindles]]
name = "M1"
[[spindles.groups]]
name = "load"
kind = "scalar"
sample_rate_hz = 10.0
channels = [{ name = "load" }]
[[spindles.groups]]
name = "vib"
kind = "waveform"
sample_rate_hz = 1000.0
channels = [{ name = "vib_x" }]
"""
SLOTS = find_slots(
    {"l": "load", "v": "vib_x", "t": Target(context="tool")}, parse_config(SITE).spindles[0], "values"
)
T0 = 1_700_000_000_000_000_000
AT = datetime(2023, 11, 14, 22, 13, 20)  # noqa: DTZ001 - as asyncua tells it
GOOD, UNCERTAIN, BAD = 0, 0x40900000, 0x80050000


def later(s):
    return AT + timedelta(seconds=s)


def test_a_value_has_its_sources_time_to_the_nanosecond():
    nodes = Nodes(SLOTS, "end")
    reading = nodes.reading(Told("l", 12.5, GOOD, later(0.000001), picoseconds=12_300), None)
    assert (reading.value, reading.t_ns) == (12.5, T0 + 1000 + 123)


def test_what_is_told_first_holds_when_the_server_told_it_and_changes_count_from_their_own_time():
    nodes = Nodes(SLOTS, "end")
    server_ns = T0 + 5 * 10**9
    assert nodes.reading(Told("t", "T1", GOOD, later(-900)), server_ns).t_ns == server_ns
    assert nodes.reading(Told("t", "T2", GOOD, later(3)), server_ns).t_ns == T0 + 3 * 10**9
    nodes.begin()
    assert nodes.reading(Told("t", "T2", GOOD, later(3)), server_ns).t_ns == server_ns


@pytest.mark.parametrize("moment", [None, datetime(1601, 1, 1)])  # noqa: DTZ001 - as asyncua tells it
def test_without_a_sources_time_the_servers_counts_and_without_both_the_arrival(moment):
    nodes = Nodes(SLOTS, "end")
    assert nodes.reading(Told("l", 1.0, GOOD, moment, later(1)), None).t_ns == T0 + 10**9
    assert nodes.reading(Told("l", 1.0, GOOD, moment, moment), None).t_ns is None


def test_bad_is_unknown_and_uncertain_is_used_and_counted():
    nodes = Nodes(SLOTS, "end")
    values = [
        nodes.reading(Told("l", 7.0, status, AT), None).value for status in (GOOD, UNCERTAIN, BAD, 0xC0000000)
    ]
    assert values == [7.0, 7.0, None, None]
    assert nodes.counts == {"uncertain": 1, "bad": 2}


def test_values_that_the_server_dropped_are_counted():
    nodes = Nodes(SLOTS, "end")
    nodes.reading(Told("l", 7.0, 0x0480, AT), None)
    assert nodes.counts == {"overflowed": 1}


@pytest.mark.parametrize(("stamp", "began_s"), [("end", 1.0), ("begin", 2.0), ("arrival", None)])
def test_an_arrays_stamp_is_what_the_site_says_it_is(stamp, began_s):
    nodes = Nodes(SLOTS, stamp)
    nodes.reading(Told("v", [0.0] * 1000, GOOD, later(1)), None)
    reading = nodes.reading(Told("v", [1.0] * 1000, GOOD, later(2)), None)
    assert reading.t_ns == (None if began_s is None else T0 + round(began_s * 1e9))
    assert isinstance(reading.value, np.ndarray)


def test_an_array_that_was_there_before_or_is_bad_is_no_block():
    nodes = Nodes(SLOTS, "end")
    assert nodes.reading(Told("v", [1.0], GOOD, AT), None) is None
    assert nodes.reading(Told("v", None, BAD, AT), None) is None


@given(st.lists(st.floats(-0.04, 0.04), min_size=2, max_size=50))
def test_arrays_follow_each_other_whatever_their_stamps_jitter_and_a_lost_one_is_a_gap(jitter_s):
    nodes = Nodes(SLOTS, "end")
    nodes.reading(Told("v", [0.0] * 100, GOOD, AT), None)
    ends_ns = []
    n = len(jitter_s)
    for number, off_s in enumerate([*jitter_s, 0.0], 1):
        lost = number == n + 1
        told = Told("v", [1.0] * 100, GOOD, later(0.1 * (number + lost) + off_s / 2))
        began_ns = nodes.reading(told, None).t_ns
        if ends_ns and not lost:
            assert abs(began_ns - ends_ns[-1]) <= 500_000  # half a sample
        elif lost:
            assert began_ns - ends_ns[-1] > 50_000_000
        ends_ns.append(began_ns + 100_000_000)


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (SimpleNamespace(Text="T4", Locale="en"), "T4"),
        (True, True),
        (None, None),
        (12, 12),
        ([[1.0], [1.0, 2.0]], [[1.0], [1.0, 2.0]]),
        (["a"], ["a"]),
    ],
)
def test_values_lose_the_protocols_types(value, plain):
    assert Nodes(SLOTS, "end").reading(Told("t", value, GOOD, AT), None).value == plain
