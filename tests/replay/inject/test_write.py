from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
from healthy import (
    CUT_A,
    CUT_RMS_G,
    IDLE_A,
    IDLE_RMS_G,
    LOAD,
    RATE_HZ,
    RPM,
    SPINDLE,
    T0,
    samples_of,
    write_healthy,
)
from simulated import amplitude

from engine.clock import NS_PER_S
from engine.declared import Channel, SensorGroup, Spindle
from engine.errors import UsageError
from replay.inject import Injection, inject, parse_order
from replay.recording import Recording, validate
from replay.rows import GroupRows

ORDERS = {
    Injection.COLLISION: "collision@5",
    Injection.TOOL_BREAKAGE: "tool_breakage@5",
    Injection.MISSING_TOOL: "missing_tool@8",
    Injection.CHATTER: "chatter@5",
    Injection.BEARING: "bearing@5",
    Injection.BEARING_INNER: "bearing_inner@5",
    Injection.IMBALANCE: "imbalance@5",
    Injection.TOOL_WEAR: "tool_wear@5",
    Injection.SENSOR_FLAT_LINE: "sensor_flat_line@5",
    Injection.SENSOR_DRIFT: "sensor_drift@5",
    Injection.SENSOR_CLIPPING: "sensor_clipping@5",
}


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_healthy(tmp_path_factory.mktemp("healthy") / "M1")


def injected(healthy: Path, dest: Path, *orders: str) -> Path:
    inject(healthy, dest, [parse_order(order) for order in orders], seed=3)
    return dest


def part(path: Path, group: str, from_s: float, to_s: float, channel: int = 0) -> np.ndarray:
    rate_hz = SPINDLE.group(group).sample_rate_hz
    return samples_of(path, group)[channel, round(from_s * rate_hz) : round(to_s * rate_hz)].astype(float)


@pytest.mark.parametrize("kind", ORDERS, ids=str)
def test_samples_before_the_onset_are_bit_identical_and_something_changes_after(
    kind: Injection, healthy: Path, tmp_path: Path
) -> None:
    changed = injected(healthy, tmp_path / "f", ORDERS[kind])

    (label, *_) = Recording.open(changed).faults
    assert label.fault == kind
    differing = 0
    for group in SPINDLE.groups:
        before, after = samples_of(healthy, group.name), samples_of(changed, group.name)
        n = int(np.floor(label.start_s * group.sample_rate_hz))
        assert np.array_equal(before[:, :n], after[:, :n])
        differing += int(np.sum(before[:, n:] != after[:, n:]))
    assert differing > 0


@pytest.mark.parametrize("kind", ORDERS, ids=str)
def test_how_samples_were_cut_into_rows_changes_nothing(
    kind: Injection, healthy: Path, tmp_path: Path
) -> None:
    other = write_healthy(tmp_path / "other", block_s=0.0173)

    one = injected(healthy, tmp_path / "one", ORDERS[kind])
    two = injected(other, tmp_path / "two", ORDERS[kind])

    for group in SPINDLE.groups:
        assert np.array_equal(samples_of(one, group.name), samples_of(two, group.name))


def test_contexts_rates_notes_and_terms_are_kept_and_a_note_says_what_was_injected(
    healthy: Path, tmp_path: Path
) -> None:
    before = Recording.open(healthy)

    after = Recording.open(injected(healthy, tmp_path / "f", "chatter@5:2"))

    assert (after.spindle, after.start_ns, after.licence, after.labelled) == (
        before.spindle,
        before.start_ns,
        before.licence,
        True,
    )
    assert after.notes[0] == "a note"
    assert after.notes[1].startswith("Injected: chatter from 5 s to 8 s, severity 2")
    assert validate(after.path)[-3].startswith("4 contexts")


def test_chatter_is_a_line_between_orders_with_the_energy_that_its_severity_says(
    healthy: Path, tmp_path: Path
) -> None:
    changed = injected(healthy, tmp_path / "f", "chatter@3:0.5")

    added = part(changed, "vib", 6.0, 8.0) - part(healthy, "vib", 6.0, 8.0)
    tone_hz = (16 + 0.37) * RPM / 60
    assert amplitude(added, RATE_HZ, tone_hz) == pytest.approx(0.5 * np.sqrt(2) * CUT_RMS_G, rel=0.02)
    assert np.sqrt(np.mean(added**2)) == pytest.approx(0.5 * CUT_RMS_G, rel=0.02)


def test_an_outer_race_shows_at_its_own_frequency_and_as_loud_as_the_floor(
    healthy: Path, tmp_path: Path
) -> None:
    changed = injected(healthy, tmp_path / "f", "bearing@3")

    added = part(changed, "vib", 6.0, 11.0) - part(healthy, "vib", 6.0, 11.0)
    outer_hz = SPINDLE.groups[0].channels[0].bearing.orders[0] * RPM / 60
    squared = added**2 - np.mean(added**2)
    line, beside = (amplitude(squared, RATE_HZ, f) for f in (outer_hz, 1.17 * outer_hz))
    assert line > 10 * beside
    assert np.sqrt(np.mean(added**2)) == pytest.approx(IDLE_RMS_G, rel=0.15)


def test_an_inner_race_has_sidebands_of_the_shaft(healthy: Path, tmp_path: Path) -> None:
    changed = injected(healthy, tmp_path / "f", "bearing_inner@3")

    added = part(changed, "vib", 6.0, 11.0) - part(healthy, "vib", 6.0, 11.0)
    inner_hz = SPINDLE.groups[0].channels[0].bearing.orders[1] * RPM / 60
    squared = added**2 - np.mean(added**2)
    beside = amplitude(squared, RATE_HZ, inner_hz + 0.5 * RPM / 60)
    assert amplitude(squared, RATE_HZ, inner_hz) > 10 * beside
    assert amplitude(squared, RATE_HZ, inner_hz - RPM / 60) > 5 * beside
    assert np.sqrt(np.mean(added**2)) == pytest.approx(IDLE_RMS_G, rel=0.15)


def test_an_imbalance_is_a_line_once_per_revolution_of_the_velocity_that_it_says(
    healthy: Path, tmp_path: Path
) -> None:
    changed = injected(healthy, tmp_path / "f", "imbalance@3")

    added = part(changed, "vib", 4.0, 8.0) - part(healthy, "vib", 4.0, 8.0)
    mm_s = amplitude(added, RATE_HZ, RPM / 60) / np.sqrt(2) * 9.80665 / (2 * np.pi * RPM / 60) * 1000
    assert mm_s == pytest.approx(2.8, rel=0.01)


def test_a_broken_tooth_modulates_the_cut_once_per_revolution(healthy: Path, tmp_path: Path) -> None:
    changed = injected(healthy, tmp_path / "f", "tool_breakage@3")

    energy = part(changed, "vib", 4.0, 8.0) ** 2
    calm = part(healthy, "vib", 4.0, 8.0) ** 2
    assert amplitude(energy, RATE_HZ, RPM / 60) > 10 * amplitude(calm, RATE_HZ, RPM / 60)
    load = part(changed, "current", 4.0, 8.0).mean() - IDLE_A
    assert load == pytest.approx(1.1 * (CUT_A - IDLE_A), rel=0.01)


def test_a_broken_tool_is_whole_again_with_the_next_one(healthy: Path, tmp_path: Path) -> None:
    changed = injected(healthy, tmp_path / "f", "tool_breakage@3")

    assert Recording.open(changed).faults[0].end_s == 8.0
    assert np.array_equal(part(changed, "vib", 8.0, 12.0), part(healthy, "vib", 8.0, 12.0))


def test_a_missing_tool_reads_as_in_air_from_its_first_cut_on(healthy: Path, tmp_path: Path) -> None:
    changed = injected(healthy, tmp_path / "f", "missing_tool@3")

    assert Recording.open(changed).faults[0].start_s == 9.0
    assert part(changed, "vib", 9.0, 12.0).std() == pytest.approx(IDLE_RMS_G, rel=0.1)
    assert part(changed, "current", 9.0, 12.0).mean() == pytest.approx(IDLE_A, rel=0.02)
    assert part(changed, "load", 9.5, 12.0).mean() == pytest.approx(IDLE_A, rel=0.05)


def test_wear_grows_with_cutting_time_and_its_limit_is_labelled(healthy: Path, tmp_path: Path) -> None:
    changed = injected(healthy, tmp_path / "f", "tool_wear@2-12:2")

    wear, limit = Recording.open(changed).faults
    assert (wear.fault, limit.fault, limit.note) == ("tool_wear", "wear_limit", "tool=T1 edge=")
    assert limit.start_s == pytest.approx(5.0)  # half of the six seconds that T1 cuts
    load = part(changed, "current", 4.9, 5.1).mean() - IDLE_A
    assert load == pytest.approx(1.25 * (CUT_A - IDLE_A), rel=0.02)
    assert np.array_equal(part(changed, "current", 9.0, 12.0), part(healthy, "current", 9.0, 12.0))


def test_a_collision_rings_and_pushes_the_drive(healthy: Path, tmp_path: Path) -> None:
    changed = injected(healthy, tmp_path / "f", "collision@5")

    assert np.abs(part(changed, "vib", 5.0, 5.1)).max() == pytest.approx(10.0, rel=0.25)
    assert part(changed, "current", 5.0, 5.1).mean() == pytest.approx(2.5 * CUT_A, rel=0.02)
    assert np.array_equal(part(changed, "vib", 6.0, 7.0), part(healthy, "vib", 6.0, 7.0))


def test_a_dropout_leaves_a_gap_of_its_length(healthy: Path, tmp_path: Path) -> None:
    changed = injected(healthy, tmp_path / "f", "sensor_dropout@5.03-6")

    rows = list(GroupRows(changed / "vib.parquet", "M1", SPINDLE.groups[0]).blocks(1.0))
    inside = [b for b in rows if T0 + 5.03 * NS_PER_S <= b.t_ns < T0 + 6 * NS_PER_S]
    assert inside == []
    assert samples_of(changed, "vib").shape[1] == round(RATE_HZ * (12.0 - 0.97))


def test_a_clipped_channel_meets_its_full_scale_or_its_own_rms(healthy: Path, tmp_path: Path) -> None:
    changed = injected(healthy, tmp_path / "f", "sensor_clipping@5-6")

    clipped = np.abs(part(changed, "vib", 5.0, 6.0))
    assert np.mean(clipped > 0.95 * clipped.max()) == pytest.approx(0.32, abs=0.03)


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ("chatter@5", "chatter needs at least 429 Hz, got 250 Hz"),
        ("bearing@5", "bearing needs the geometry of a bearing: none is declared for vib_x"),
        ("missing_tool@3", "missing_tool: no cut between 3 s and 12 s"),
        ("collision@20", "collision at 20 s: the recording ends at 12 s"),
    ],
)
def test_what_a_recording_cannot_carry_is_refused_in_one_sentence(
    order: str, said: str, tmp_path: Path
) -> None:
    slow = Spindle("M1", (SensorGroup("vib", "waveform", 250.0, (Channel("vib_x", "g"),)),))
    source = write_healthy(tmp_path / "slow", slow, phases=((2.0, "T1", True),))

    with pytest.raises(UsageError, match=said):
        injected(source, tmp_path / "f", order)

    assert not (tmp_path / "f").exists()


def test_a_load_meter_alone_carries_no_fault_of_the_rotor(tmp_path: Path) -> None:
    source = write_healthy(tmp_path / "slow", msgspec.structs.replace(SPINDLE, groups=(LOAD,)))

    with pytest.raises(UsageError, match="imbalance needs a channel of vibration, got load_pct"):
        injected(source, tmp_path / "f", "imbalance@5")


def test_without_a_number_of_teeth_a_breakage_shows_in_the_level_alone(tmp_path: Path) -> None:
    source = write_healthy(tmp_path / "turning", n_teeth=None)

    changed = injected(source, tmp_path / "f", "tool_breakage@3")

    load = part(changed, "current", 4.0, 8.0).mean() - IDLE_A
    assert load == pytest.approx(0.5 * (CUT_A - IDLE_A), rel=0.01)
    assert part(changed, "vib", 4.0, 8.0).std() == pytest.approx(1.5 * CUT_RMS_G, rel=0.01)
    energy = part(changed, "vib", 4.0, 8.0) ** 2
    assert amplitude(energy, RATE_HZ, RPM / 60) < 0.05 * energy.mean()


def test_a_cut_that_no_channel_shows_cannot_be_missed(tmp_path: Path) -> None:
    source = write_healthy(tmp_path / "light", cut_share=0.0)

    with pytest.raises(UsageError, match="in no channel does the cut stand out from idle running"):
        injected(source, tmp_path / "f", "missing_tool@3")


def test_two_faults_at_once_are_refused(healthy: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="one fault at a time"):
        injected(healthy, tmp_path / "f", "chatter@5", "collision@5.5")
