"""A mapping says which column is what; what is shown can be given back and changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from signal_files import WRITERS

from engine.errors import UsageError
from engine.records import Block, Context
from replay.faults import Fault
from replay.importers.mapping import (
    NORMAL,
    ChannelSpec,
    ContextSpec,
    GroupSpec,
    LabelSpec,
    Mapping,
    TimeSpec,
    mapping_toml,
    read_mapping,
)
from replay.importers.registry import import_recording, show_mapping
from replay.recording import Recording

TABLE = """시간 [ms],vib x [g],전류 [A],Spindle Speed [rpm],공구번호,cut,feed,state
0,0.1,5,3000,1,0,10,normal
1,0.2,5,3001,1,0,10,normal
2,0.3,6,3002,1,1,10,chatter
3,0.4,6,3002,1,1,10,chatter
4,0.5,7,1500,2,1,20,0
5,0.6,7,1500,2,0,20,
"""
MAPPING = """
[[channels]]
column = "vib x [g]"
group = "vibration"
full_scale = 50.0

[[channels]]
column = "전류 [A]"
name = "motor_current"
unit = "mA"
group = "drive"

[[groups]]
name = "drive"
kind = "scalar"
max_gap_s = 2.0

[time]
column = "시간 [ms]"
unit = "ms"
start = "2024-01-01T09:00:00"

[context]
rpm = "Spindle Speed [rpm]"
tool = "공구번호"
cutting = "cut"
feed = "feed"
feed_to_mm_min = 60.0

[label]
column = "state"
"""


def imported(tmp_path: Path, text: str = TABLE, mapping: str = MAPPING, **options: Any) -> Recording:
    (tmp_path / "a.csv").write_text(text)
    (tmp_path / "map.toml").write_text(mapping)
    import_recording(
        "csv", tmp_path / "a.csv", tmp_path / "dest", mapping=str(tmp_path / "map.toml"), **options
    )
    return Recording.open(tmp_path / "dest")


def test_channels_go_to_their_groups_with_name_unit_and_scale(tmp_path: Path) -> None:
    groups = imported(tmp_path).spindle.groups

    assert [(g.name, g.kind, g.sample_rate_hz, g.max_gap_s) for g in groups] == [
        ("vibration", "waveform", 1000.0, None),
        ("drive", "scalar", 1000.0, 2.0),
    ]
    channels = [channel for group in groups for channel in group.channels]
    assert [(c.name, c.unit, c.full_scale, c.dc_coupled) for c in channels] == [
        ("vib_x", "g", 50.0, False),
        ("motor_current", "mA", None, True),
    ]


def test_context_changes_where_a_column_does_but_not_where_a_speed_trembles(tmp_path: Path) -> None:
    recording = imported(tmp_path)
    contexts = [item for item in recording.items(1.0) if isinstance(item, Context)]

    told = [
        ((c.t_ns - recording.start_ns) // 1_000_000, c.rpm, c.tool, c.cutting, c.feed_mm_min)
        for c in contexts
    ]

    assert told == [
        (0, 3000.0, "1", False, 600.0),
        (2, 3002.0, "1", True, 600.0),
        (4, 1500.0, "2", True, 1200.0),
        (5, 1500.0, "2", False, 1200.0),
    ]


def test_runs_of_labels_are_faults_and_a_blank_one_is_no_verdict(tmp_path: Path) -> None:
    recording = imported(tmp_path)

    assert recording.faults == (Fault(0.002, 0.003, "chatter", "label chatter"),)
    assert not recording.labelled
    assert "1 rows have no label; the labels are not complete." in recording.notes


def test_labels_of_every_row_are_complete(tmp_path: Path) -> None:
    assert imported(tmp_path, TABLE.removesuffix(",\n") + ",OK\n").labelled


def test_labels_that_reach_the_last_row_have_no_end_whatever_the_batches(tmp_path: Path) -> None:
    n = 300_000
    text = "t_ms,load,label\n" + "".join(
        f"{i},{i % 7},{int(50_000 <= i < 250_000 or i > 299_000)}\n" for i in range(n)
    )
    (tmp_path / "a.csv").write_text(text)

    import_recording("csv", tmp_path / "a.csv", tmp_path / "dest")

    assert [(f.start_s, f.end_s, f.fault) for f in Recording.open(tmp_path / "dest").faults] == [
        (50.0, 249.999, "anomaly"),
        (299.001, None, "anomaly"),
    ]


def test_context_and_labels_are_guessed_and_told(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        "t_s,load,rpm,tool,anomaly\n0,1,3000,T1,0\n1,2,3000,T1,1\n2,3,3000,T2,0\n"
    )

    import_recording("csv", tmp_path / "a.csv", tmp_path / "dest")
    recording = Recording.open(tmp_path / "dest")

    assert recording.spindle.groups[0].channel_names == ("load",)
    assert [f.fault for f in recording.faults] == ["anomaly"]
    assert "Context: rpm from rpm, tool from tool." in recording.notes


@pytest.mark.parametrize("kind", WRITERS)
def test_what_is_shown_changes_nothing_when_given_back(tmp_path: Path, kind: str) -> None:
    format_, name, write = WRITERS[kind]
    values = np.random.default_rng(1).uniform(-0.5, 0.5, 500).astype(np.float32)
    write(tmp_path / name, {"acc_x": values, "load": values[::-1].copy()}, 1000.0)
    shown = show_mapping(format_, tmp_path / name)
    (tmp_path / "map.toml").write_text(shown)

    import_recording(format_, tmp_path / name, tmp_path / "guessed", spindle="M")
    import_recording(
        format_, tmp_path / name, tmp_path / "told", spindle="M", mapping=str(tmp_path / "map.toml")
    )
    guessed, told = Recording.open(tmp_path / "guessed"), Recording.open(tmp_path / "told")

    assert [g.channel_names for g in guessed.spindle.groups] == [g.channel_names for g in told.spindle.groups]
    assert guessed.spindle.groups[0].sample_rate_hz == told.spindle.groups[0].sample_rate_hz
    for one, other in zip(blocks(guessed), blocks(told), strict=True):
        assert one.t_ns == other.t_ns
        np.testing.assert_array_equal(one.samples, other.samples)


def blocks(recording: Recording) -> list[Block]:
    return [item for item in recording.items(1.0) if isinstance(item, Block)]


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=12)
NUMBERS = st.none() | st.floats(1e-6, 1e9)


@settings(max_examples=40, deadline=None)
@given(
    column=TEXTS,
    name=TEXTS,
    unit=TEXTS,
    full_scale=NUMBERS,
    rate_hz=NUMBERS,
    normal=st.lists(TEXTS),
    rpm=TEXTS,
)
def test_any_mapping_is_read_back_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory,
    column: str,
    name: str,
    unit: str,
    full_scale: float | None,
    rate_hz: float | None,
    normal: list[str],
    rpm: str,
) -> None:
    mapping = Mapping(
        (ChannelSpec(column, name, unit, "", full_scale),),
        rate_hz,
        TimeSpec(name, "ms"),
        (GroupSpec("g", "scalar", full_scale),),
        ContextSpec(rpm),
        LabelSpec(unit, tuple(normal) or NORMAL),
    )
    path = tmp_path_factory.getbasetemp() / "map.toml"
    path.write_text(mapping_toml(mapping, Path("any\nfile")), encoding="utf-8")

    assert read_mapping(path) == mapping


@pytest.mark.parametrize(
    ("mapping", "options", "said"),
    [
        ("", {}, "channels"),
        ("channels = []", {}, "length >= 1"),
        ('[[channels]]\ncolumn = "no"', {}, "wanted column 'no'"),
        (MAPPING.replace('"state"', '"stat"'), {}, "wanted column 'stat'"),
        (MAPPING.replace("rpm =", "rmp ="), {}, "unknown field `rmp`"),
        (MAPPING, {"units": "vib x=g"}, "got units beside it"),
        ('[[channels]]\ncolumn = "feed"', {}, "found no column of times"),
    ],
)
def test_a_mapping_that_does_not_fit_is_named(
    tmp_path: Path, mapping: str, options: dict[str, str], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        imported(tmp_path, mapping=mapping, **options)
    assert not (tmp_path / "dest").exists()


def test_a_missing_mapping_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(TABLE)
    with pytest.raises(UsageError, match=r"nowhere\.toml: cannot be read"):
        import_recording("csv", tmp_path / "a.csv", tmp_path / "dest", mapping=str(tmp_path / "nowhere.toml"))


def test_formats_of_fixed_columns_have_nothing_to_show(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="its columns are fixed"):
        show_mapping("skab", tmp_path)
