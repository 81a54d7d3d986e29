import numpy as np
import pytest
import shop

from engine.config import load_config
from engine.declared import Channel, DutyCycle, SensorGroup
from engine.records import CheckedBlock
from operators.blocks import BlockCheck
from operators.cutting_gate import CuttingGate, load_channels
from operators.group_check import Hop
from operators.kernels.time_domain import N_PARTIALS, P_COUNT, P_MEAN, P_SUM2

HOP_NS = 100_000_000
VIB = SensorGroup("vib", "waveform", 12_800.0, (Channel("vib_x", "g"),))
CURRENT = SensorGroup("current", "waveform", 2_000.0, (Channel("current_u", "A", dc_coupled=True),))
# Standstill, starting, air cut, cut, air cut, stopping: seconds, then vibration and current at both ends.
PART = (
    (5.0, (0.01, 0.1), (0.01, 0.1)),
    (1.0, (0.02, 9.0), (0.09, 9.0)),
    (1.5, (0.10, 7.5), (0.10, 7.5)),
    (6.0, (0.25, 9.0), (0.25, 9.0)),
    (1.0, (0.10, 7.5), (0.10, 7.5)),
    (0.5, (0.08, 10.0), (0.02, 10.0)),
)
CUT = 3  # of those


def shift(n_parts, seed=0, part=PART):
    """Levels of vibration and current, hop by hop, and whether it cuts."""
    rng = np.random.default_rng(seed)
    levels, truth = [], []
    for phase, (length_s, before, after) in list(enumerate(part)) * n_parts:
        n_hops = round(10 * length_s)
        ramp = np.linspace(before, after, n_hops) * np.exp(rng.standard_normal((n_hops, 2)) * (0.05, 0.005))
        levels.extend(ramp)
        truth.extend([phase == CUT] * n_hops)
    return levels, truth


def hop(group, number, level):
    partials = np.zeros((1, N_PARTIALS))
    partials[0, P_COUNT], partials[0, P_MEAN], partials[0, P_SUM2] = 100.0, 0.0, 100.0 * level**2
    if group is CURRENT:
        partials[0, P_MEAN], partials[0, P_SUM2] = level, 0.0
    samples = np.full((1, 1), level, np.float32)
    start_ns = number * HOP_NS
    return Hop(group.name, start_ns, start_ns + HOP_NS, samples, partials, 1.0, True, True, True, None)


def answers(gate, levels, first=0, groups=(VIB, CURRENT)):
    said = []
    for number, pair in enumerate(levels, first):
        for group, level in zip((VIB, CURRENT), pair, strict=True):
            if group in groups:
                gate.observe(hop(group, number, level))
        said.append(gate.cutting)
    return said


def test_nothing_is_said_before_three_cuts_have_come_and_gone():
    levels, _ = shift(6)

    said = answers(CuttingGate((VIB, CURRENT)), levels)

    began = next(i for i, cutting in enumerate(said) if cutting is not None)
    n_part = round(10 * sum(length_s for length_s, *_ in PART))
    assert 2 * n_part < began < 4 * n_part
    assert None not in said[began:]


@pytest.mark.parametrize("seed", range(4))
def test_cuts_are_told_from_air_cuts_and_standstill(seed):
    levels, truth = shift(12, seed)

    said = answers(CuttingGate((VIB, CURRENT)), levels)

    known = [one == two for one, two in zip(said, truth, strict=True) if one is not None]
    assert np.mean(known) > 0.93  # four changes in 15 s, each two or three hops late


def test_a_faster_air_cut_that_is_louder_than_a_slow_cut_is_no_cut():
    fast = tuple(
        (length_s, np.multiply(one, (3.0, 1.2)), np.multiply(two, (3.0, 1.2)))
        for length_s, one, two in PART[1:]
    )
    slow, fast = shift(6), shift(6, 1, (PART[0], *fast))
    levels, truth = slow[0] + fast[0], slow[1] + fast[1]

    said = answers(CuttingGate((VIB, CURRENT)), levels)

    known = [one == two for one, two in zip(said, truth, strict=True) if one is not None]
    assert np.mean(known) > 0.93  # four changes in 15 s, each two or three hops late


def test_a_current_alone_is_not_believed_as_it_takes_acceleration_for_a_cut():
    gate = CuttingGate((CURRENT,))

    said = answers(gate, shift(8)[0], groups=(CURRENT,))

    assert set(said) == {None}
    assert gate.guess is not None


def test_a_machine_that_never_stands_still_or_never_cuts_is_not_judged():
    air = PART[:3] + PART[5:]
    for part in ((PART[3],), (PART[2], PART[3]), air):
        assert set(answers(CuttingGate((VIB, CURRENT)), shift(60 // len(part), part=part)[0])) == {None}


def test_after_a_gap_nothing_is_said_until_the_spindle_has_stood_still():
    levels, truth = shift(8)
    gate = CuttingGate((VIB, CURRENT))
    answers(gate, levels)
    cut = truth.index(True)

    said = answers(gate, levels[cut : cut + 40], first=len(levels) + 600)
    still = answers(gate, levels[:10], first=len(levels) + 640)

    assert set(said) == {None}
    assert still[-1] is False


@pytest.mark.parametrize(("alive", "answer"), [(CURRENT, None), (VIB, False)])
def test_a_dead_sensor_says_nothing_any_more_instead_of_freezing_the_answer(alive, answer):
    levels, truth = shift(8)
    gate = CuttingGate((VIB, CURRENT))
    in_cut = truth.index(True) + 30
    answers(gate, levels + levels[:in_cut])
    assert gate.cutting is True

    said = answers(gate, levels[in_cut:] + levels[:40], first=len(levels) + in_cut, groups=(alive,))

    assert said[-1] is answer


def test_samples_that_cannot_be_judged_are_no_level():
    levels, _ = shift(8)
    gate = CuttingGate((VIB, CURRENT))
    answers(gate, levels)

    assert set(answers(gate, [(np.nan, np.nan)] * 5, first=len(levels))) == {None}


def test_a_restored_gate_goes_on_as_if_nothing_had_happened():
    levels, _ = shift(9)
    one, other = CuttingGate((VIB, CURRENT)), CuttingGate((VIB, CURRENT))
    for cut in (1, 250, 777):
        answers(one, levels[:cut])
        other.restore(one.save())
        assert answers(one, levels[cut:], cut) == answers(other, levels[cut:], cut)


def test_loads_are_known_by_unit_or_name_and_the_spindles_own_are_preferred():
    def group(*channels, **fields):
        return SensorGroup("drives", "waveform", 1000.0, channels, **fields)

    current, error = Channel("current_main_spindle", "counts"), Channel("position_error_x", "mm")
    assert load_channels(group(error, current, Channel("temperature_c", "°C"))) == [1]
    assert load_channels(group(Channel("x1_output_current", "A"), Channel("s1_output_current", "A"))) == [1]
    assert load_channels(group(Channel("vib_x", "g"), Channel("vib_y", "g"))) == [0, 1]
    assert load_channels(group(Channel("vib_x", "g"), duty_cycle=DutyCycle(0.1, 10.0))) == []
    assert load_channels(SensorGroup("load", "scalar", 1.0, (Channel("load_pct", "%"),))) == []


def test_scalars_count_only_where_no_waveform_shows_a_load():
    load = SensorGroup("load", "scalar", 10.0, (Channel("load_pct", "%", dc_coupled=True),))
    levels, _ = shift(8)
    gate = CuttingGate((load,))
    for number, (_, level) in enumerate(levels):
        gate.observe(hop(CURRENT, number, level)._replace(group="load", partials=None))
    assert gate.guess is not None

    both = CuttingGate((load, VIB, CURRENT))
    said = answers(both, levels)
    for number, (_, level) in enumerate(levels):
        assert both.observe(hop(CURRENT, number, level)._replace(group="load", partials=None)) is said[-1]


def test_how_samples_were_cut_into_blocks_changes_nothing_about_what_is_inferred():
    levels, _ = shift(5)
    pieces = {}
    for group, column in ((shop.VIB, 0), (shop.CURRENT, 1)):
        n_hop = round(group.sample_rate_hz / 10)
        rms = np.repeat(np.array(levels)[:, column], n_hop).astype(np.float32)
        shape = shop.noise(group, len(levels) / 10) if column == 0 else 1.0
        pieces[group.name] = np.broadcast_to(shape * rms, (len(group.channels), rms.size)).astype(np.float32)

    def stream(seed):
        lengths = np.random.default_rng(seed).integers(1, 251, 600).tolist() if seed else []
        blocks = shop.cut(shop.VIB, pieces["vib"], lengths) + shop.cut(
            shop.CURRENT, pieces["current"], lengths
        )
        out = BlockCheck(shop.SPINDLES, load_config()).process(shop.with_ticks(blocks))
        return [
            (item.block.group, item.block.t_ns, item.regime) for item in out if isinstance(item, CheckedBlock)
        ]

    whole = stream(0)

    assert {regime.label for *_, regime in whole} == {"-", "-/-/-/idle~", "-/-/-/cutting~"}
    assert stream(1) == stream(2) == whole
