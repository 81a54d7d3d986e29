import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mtconnect_server import T0

from engine.config import parse_config
from engine.errors import ConfigError
from engine.feeders.base import Feed
from engine.feeders.mtconnect_documents import Document, Observation
from engine.feeders.mtconnect_mapping import Meaning
from engine.feeders.mtconnect_table import MtconnectTable
from engine.feeders.settings import feed_table

SITE = """
[[spindles]]
name = "M1"
[[spindles.groups]]
name = "load"
kind = "scalar"
sample_rate_hz = 10.0
channels = [{ name = "spindle_load" }]
[[spindles.groups]]
name = "vib"
kind = "waveform"
sample_rate_hz = 1000.0
channels = [{ name = "vib_x" }, { name = "vib_y" }]
[[feeds.mtconnect.agents]]
url = "http://mill:5000"
spindle = "M1"
"""


def meaning(more="", site=SITE):
    config = parse_config(site + more)
    table = feed_table(config, "mtconnect", MtconnectTable)
    return Meaning(table.agents[0], config.spindles[0], "feeds.mtconnect.agents[0]")


def seen(kind, value, s=0.0, item=None, name="", series=False, rate_hz=math.nan, device="VMC"):
    kind, _, sub = kind.partition("/")
    item = item or (kind + sub).lower()
    t_ns = T0 + round(s * 1e9)
    return Observation((device, "1"), ("Path", "p"), item, name, kind, sub, t_ns, 1, value, series, rate_hz)


def document(*observations, created_s=0.0):
    return Document("1", 1, 9, T0 + round(created_s * 1e9), observations, (), 0)


def told(meaning, document, snapshot=False):
    """Field or channel -> value, of each moment; and its time in seconds."""
    out = []
    for readings, _rate in meaning.readings(document, snapshot):
        values = {r.slot.context or r.slot.group.channel_names[r.slot.row]: r.value for r in readings}
        out.append(((readings[0].t_ns - T0) / 1e9, values))
    return out


def test_the_standards_data_items_are_the_context_without_a_word_in_the_configuration():
    snapshot = document(
        seen("ToolNumber", "12"),
        seen("ToolAssetId", "A-77"),
        seen("Program/ACTIVE", "O2"),
        seen("Program/MAIN", "O1001"),
        seen("RotaryVelocity/COMMANDED", "9999"),
        seen("RotaryVelocity/ACTUAL", "3000"),
        seen("PathFeedrate/ACTUAL", "UNAVAILABLE"),
    )
    [(_t, values)] = told(meaning(), snapshot, snapshot=True)
    assert values == {"tool": "12", "program": "O1001", "rpm": "3000", "feed_mm_min": None, "cutting": None}


def test_a_feed_rate_is_told_in_mm_per_min_though_the_standard_says_mm_per_s():
    [(readings, _rate)] = meaning("idle = false").readings(document(seen("PathFeedrate", "10")), True)
    assert [(reading.value, reading.slot.factor) for reading in readings] == [("10", 60.0)]


def test_what_a_snapshot_says_holds_when_it_was_made_and_changes_count_from_their_own_time():
    what = meaning("idle = false")
    first = document(seen("ToolNumber", "1", -500.0), seen("Program", "O1", -3.0), created_s=10.0)
    later = document(
        seen("ToolNumber", "2", 11.0), seen("Program", "O2", 11.0), seen("ToolNumber", "3", 12.5)
    )
    assert told(what, first, snapshot=True) == [(10.0, {"tool": "1", "program": "O1"})]
    assert told(what, later) == [(11.0, {"tool": "2", "program": "O2"}), (12.5, {"tool": "3"})]


def test_a_name_that_two_data_items_share_stands_for_neither_and_is_told_once(caplog):
    what = meaning('idle = false\nvalues = { Load = "spindle_load", S2 = { context = "rpm" } }')
    snapshot = document(
        seen("Load", "50", item="x_load"),
        seen("Load", "60", item="s_load"),
        seen("RotaryVelocity", "100", item="s1", name="S1"),
        seen("RotaryVelocity", "200", item="s2", name="S2"),
    )
    assert told(what, snapshot, snapshot=True) == [(0.0, {"rpm": "200"})]
    assert told(what, snapshot, snapshot=True) == [(0.0, {"rpm": "200"})]
    assert caplog.text.count("name one by its dataItemId: s_load, x_load") == 1


def test_a_configured_data_item_that_the_agent_has_not_is_told(caplog):
    told(meaning('values = { nothing = "spindle_load" }'), document(seen("ToolNumber", "1")), snapshot=True)
    assert "nothing: the agent has no such data item" in caplog.text


@pytest.mark.parametrize(
    ("observations", "cutting"),
    [
        ({"RotaryVelocity/ACTUAL": "0", "Execution": "ACTIVE"}, False),
        ({"RotaryVelocity/ACTUAL": "3000", "Execution": "READY", "ControllerMode": "AUTOMATIC"}, None),
        ({"RotaryVelocity/ACTUAL": "0", "RotaryMode": "CONTOUR"}, None),
        ({"RotaryVelocity/ACTUAL": "0", "RotaryMode": "SPINDLE"}, False),
        ({"Execution": "PROGRAM_COMPLETED", "ControllerMode": "AUTOMATIC"}, False),
        ({"Execution": "READY", "ControllerMode": "MANUAL"}, None),
        ({"Execution": "READY"}, None),
        ({"Execution": "ACTIVE", "ControllerMode": "AUTOMATIC"}, None),
        ({"Execution": "FEED_HOLD", "ControllerMode": "AUTOMATIC"}, None),
        ({"Execution": "INTERRUPTED", "ControllerMode": "AUTOMATIC"}, None),
        ({"RotaryVelocity/ACTUAL": "UNAVAILABLE", "Execution": "ACTIVE"}, None),
    ],
)
def test_idling_is_told_where_it_is_certain_and_cutting_never(observations, cutting):
    [(_t, values)] = told(meaning(), document(*(seen(*one) for one in observations.items())), snapshot=True)
    assert values["cutting"] is cutting


def test_a_cutting_bit_of_the_machine_is_used_instead():
    what = meaning('values = { Cutting = { context = "cutting" } }')
    [(_t, values)] = told(what, document(seen("Cutting", "TRUE"), seen("SpindleSpeed", "0")), snapshot=True)
    assert values["cutting"] == "TRUE"


def test_sections_are_ranges_of_line_numbers():
    what = meaning(
        'idle = false\nsections = [{ of = "LineNumber/ABSOLUTE", from = 100, to = 199, is = "rough" },'
        ' { of = "LineNumber/ABSOLUTE", from = 200, is = "finish" }]'
    )
    lines = [50, 100, 199, 200, 70_000]
    seen_all = [
        told(what, document(seen("LineNumber/ABSOLUTE", str(line), line)), snapshot=not number)
        for number, line in enumerate(lines)
    ]
    assert [moments[0][1]["section"] for moments in seen_all] == [None, "rough", "rough", "finish", "finish"]


def test_a_section_found_in_the_text_of_blocks_holds_until_the_next_or_another_program():
    what = meaning(
        'idle = false\nsections = [{ of = "Block", matches = "ROUGH", is = "rough" },'
        ' { of = "Block", matches = "FINISH", is = "finish" }]'
    )
    told(what, document(seen("Block", "%"), seen("Program", "O1")), snapshot=True)
    blocks = ["(ROUGH)", "G1 X10", "(FINISH)", "G0 Z50"]
    sections = [told(what, document(seen("Block", block)))[0][1]["section"] for block in blocks]
    assert sections == ["rough", "rough", "finish", "finish"]
    assert told(what, document(seen("Program", "O2"))) == [(0.0, {"program": "O2", "section": None})]
    told(what, document(seen("Block", "(ROUGH)")))
    assert told(what, document(seen("Block", "UNAVAILABLE"))) == [(0.0, {"section": None})]


def test_a_time_series_is_an_array_whose_last_number_is_as_old_as_its_time_stamp():
    what = meaning('idle = false\nvalues = { ax = "vib_x", ay = "vib_y" }')
    both = [
        seen("Acceleration", "1 2 3", 1.0, item="ax", series=True, rate_hz=500.0),
        seen("Acceleration", "4 5 6", 1.0, item="ay", series=True, rate_hz=500.0),
    ]
    assert not told(
        what, document(seen("Acceleration", "UNAVAILABLE", item="ax", series=True)), snapshot=True
    )
    told(what, document(*both), snapshot=True)
    [(readings, rate_hz)] = what.readings(document(*both), False)
    assert rate_hz == 500.0
    assert [reading.t_ns for reading in readings] == [T0 + 996_000_000] * 2
    assert np.array_equal([reading.value for reading in readings], [[1, 2, 3], [4, 5, 6]])


def test_numbers_that_are_none_are_left_to_be_refused():
    what = meaning('idle = false\nvalues = { ax = "vib_x" }')
    [(readings, _rate)] = what.readings(document(seen("A", "1 zwei 3", item="ax", series=True)), True)
    assert readings[0].value == "1 zwei 3"


@pytest.mark.parametrize(
    ("more", "told_path"),
    [
        ('values = { a = "nope" }', "feeds.mtconnect.agents[0].values.a"),
        ('sections = [{ of = "Block", is = "x" }]', "feeds.mtconnect.agents[0].sections[0]"),
        (
            'sections = [{ of = "Block", is = "x", matches = "(" }]',
            "feeds.mtconnect.agents[0].sections[0].matches",
        ),
        ('sections = [{ of = "Block", is = "x", match = "a" }]', "feeds.mtconnect.agents[0].sections[0]"),
        ("heartbeat_s = 0.0", "feeds.mtconnect.agents[0].heartbeat_s"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_path(more, told_path):
    with pytest.raises(ConfigError) as error:
        meaning(more)
    assert f"`$.{told_path}`" in str(error.value)


VALUES = st.one_of(
    st.tuples(st.just("ToolNumber"), st.sampled_from(["1", "2", "UNAVAILABLE"])),
    st.tuples(st.just("Program"), st.sampled_from(["O1", "O2"])),
    st.tuples(st.just("RotaryVelocity/ACTUAL"), st.sampled_from(["0", "1500", "UNAVAILABLE"])),
    st.tuples(st.just("Block"), st.sampled_from(["(ROUGH)", "G1", "(FINISH)"])),
    st.tuples(st.just("Execution"), st.sampled_from(["READY", "ACTIVE"])),
)


CONFIG = parse_config(
    SITE
    + 'sections = [{ of = "Block", matches = "ROUGH", is = "rough" },'
    + ' { of = "Block", matches = "FINISH", is = "finish" }]'
)
TABLE = feed_table(CONFIG, "mtconnect", MtconnectTable).agents[0]


def contexts(documents):
    """What holds after each moment."""
    what = Meaning(TABLE, CONFIG.spindles[0], "agents[0]")
    items = []
    feed = Feed(CONFIG, items.append, None)
    first = document(
        *(seen(kind, "UNAVAILABLE") for kind in ("ToolNumber", "Program", "RotaryVelocity/ACTUAL"))
    )
    first = document(*first.observations, seen("Block", "%"), seen("Execution", "READY"))
    for number, one in enumerate([first, *documents]):
        for readings, rate_hz in what.readings(one, number == 0):
            feed.take("M1", readings, "mill", rate_hz)
    return {item.t_ns: item for item in items}


@given(st.lists(st.tuples(VALUES, st.integers(0, 1)), max_size=20), st.lists(st.integers(0, 20), max_size=6))
def test_how_observations_were_cut_into_documents_changes_no_context(told, places):
    s, observations = 1, []
    for (kind, value), step_s in told:
        s += step_s
        observations.append(seen(kind, value, s))
    edges = [0, *sorted(min(place, len(observations)) for place in places), len(observations)]
    cut = [document(*observations[a:b]) for a, b in pairwise(edges)]
    assert contexts(cut) == contexts([document(*observations)])
