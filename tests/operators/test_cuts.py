from __future__ import annotations

import math
import pickle
from dataclasses import replace

import pytest
from tool_vectors import CONFIG, FEATURES, IDLE, SPINDLE, Machine, S

from engine.declared import Channel, SensorGroup, Spindle
from operators.cut_columns import CutColumns
from operators.cuts import CutMeter
from operators.features import FeatureSet

COLUMNS = CutColumns(SPINDLE, FEATURES, CONFIG)


def metered(vectors, meter=None):
    meter = meter or CutMeter(COLUMNS, CONFIG.learn.settle_s)
    return [cut for vector in vectors if (cut := meter.take(vector)) is not None]


def load_of(part, name):
    return next(load for load in part.loads if load.name == name)


def test_a_cut_begins_and_ends_when_the_context_says_so():
    machine = Machine()
    air = machine.air()
    began_ns = machine.t_ns

    (cut,) = metered([*air, *machine.cut(length_s=3.0)])

    assert (cut.tool, cut.edge, cut.sound) == ("T1", "T1#1", True)
    assert (cut.began_ns, cut.ended_ns) == (began_ns, began_ns + 3 * S)
    assert cut.cutting_s == 3.0


def test_what_idling_takes_is_taken_off():
    machine = Machine()

    (cut,) = metered([*machine.air(4.0), *machine.cut(force=2.0)])

    (part,) = cut.parts
    assert load_of(part, "load_pct.value").net == pytest.approx(20.0, rel=0.03)
    assert load_of(part, "current_u.mean").net == pytest.approx(8.0, rel=0.03)
    assert part.noise - part.air == pytest.approx(2 * 0.2**2, rel=0.05)
    assert cut.work == pytest.approx(20.0 * 3.0, rel=0.05)


def test_the_teeth_need_no_idling():
    (cut,) = metered(Machine().cut())

    (part,) = cut.parts
    assert load_of(part, "vib_x.tooth_1").net == pytest.approx(0.3, rel=0.02)
    assert math.isnan(load_of(part, "load_pct.value").net)
    assert math.isnan(part.air)


def test_idling_at_another_speed_is_not_comparable():
    machine = Machine()
    vectors = machine.air(4.0)
    machine.rpm = 3500.0

    cuts = metered([*vectors, *machine.cut(), *machine.cut()])

    assert math.isnan(cuts[0].parts[0].air)
    assert cuts[1].parts[0].air == pytest.approx(2 * IDLE["noise"] ** 2, rel=0.05)


def test_a_spindle_that_still_speeds_up_does_not_idle():
    machine = Machine()
    slow = machine.air(1.0)  # told its speed a second ago

    (cut,) = metered([*slow, *machine.cut()])

    assert math.isnan(cut.parts[0].air)


def test_entry_and_exit_are_not_measured():
    machine = Machine()
    vectors = [*machine.air(4.0), *machine.cut(length_s=3.0)]
    cutting = [vector for vector in vectors if vector.regime.cutting]
    early_ns = cutting[0].onset_ns + round(0.3 * S)
    # Loads are wild while the tool enters; nobody should see it.
    wild = [
        replace(v, values=50.0 * v.values) if v.regime.cutting and v.t_ns <= early_ns else v for v in vectors
    ]

    assert [cut.parts for cut in metered(wild)] == [cut.parts for cut in metered(vectors)]


def test_sections_of_a_cut_are_measured_apart():
    machine = Machine()
    vectors = machine.air(4.0)
    first = machine.cut(force=1.0)[: -len(machine.air())]
    machine.t_ns = first[-1].t_ns
    machine.section = "corner"

    (cut,) = metered([*vectors, *first, *machine.cut(force=3.0)])

    assert [part.key[2] for part in cut.parts] == ["rough", "corner"]
    assert cut.cutting_s == pytest.approx(6.0)
    loads = [load_of(part, "load_pct.value").net for part in cut.parts]
    assert loads[1] == pytest.approx(3.0 * loads[0], rel=0.03)


def test_a_change_of_tool_or_edge_ends_a_cut_even_without_a_pause():
    machine = Machine()
    first = machine.cut()[: -len(machine.air())]
    machine.t_ns = first[-1].t_ns
    machine.edge = "T1#2"

    assert [cut.edge for cut in metered([*first, *machine.cut()])] == ["T1#1", "T1#2"]


def test_a_sensor_in_trouble_measures_nothing_of_a_cut_and_the_others_do():
    machine = Machine()
    vectors = [*machine.air(4.0), *machine.cut()]
    spoilt = [i for i, v in enumerate(vectors) if v.regime.cutting and v.long][15]
    vectors[spoilt] = replace(vectors[spoilt], usable=False)

    (cut,) = metered(vectors)

    (part,) = cut.parts
    assert math.isnan(part.noise)
    assert math.isnan(load_of(part, "vib_x.tooth_1").net)
    assert load_of(part, "current_u.mean").net == pytest.approx(4.0, rel=0.05)


def test_a_cut_that_was_disturbed_is_a_cut_but_not_sound():
    machine, meter = Machine(), CutMeter(COLUMNS, CONFIG.learn.settle_s)
    vectors = machine.cut()
    assert metered(vectors[:40], meter) == []

    meter.disturb()

    assert [cut.sound for cut in metered(vectors[40:], meter)] == [False]
    assert [cut.sound for cut in metered(machine.cut(), meter)] == [True]


def test_a_stream_that_breaks_off_ends_the_cut_where_it_broke_off():
    machine = Machine()
    first = machine.cut()[: -len(machine.air())]
    last_ns = first[-1].t_ns
    machine.t_ns += 3600 * S

    cut = metered([*first, *machine.air()])[0]

    assert cut.ended_ns == last_ns


def test_a_tool_without_a_name_has_no_cuts():
    machine = Machine(tool=None)

    assert metered(machine.cut()) == []


def test_saved_in_the_middle_of_a_cut_it_goes_on_as_if_nothing_had_happened():
    machine = Machine()
    vectors = [*machine.air(4.0), *machine.cut(), *machine.cut(), *machine.cut()]
    whole = metered(vectors)

    for split in (10, 130, 170, 300, 400):
        first, second = (CutMeter(COLUMNS, CONFIG.learn.settle_s) for _ in range(2))
        cuts = metered(vectors[:split], first)
        second.restore(pickle.loads(pickle.dumps(first.save())))
        assert cuts + metered(vectors[split:], second) == whole


def test_only_what_follows_the_force_is_a_load():
    spindle = Spindle(
        "M1",
        (
            SensorGroup(
                "slow",
                "scalar",
                2.0,
                tuple(
                    Channel(name, unit, dc_coupled=True)
                    for name, unit in (
                        ("load_pct", "%"),
                        ("humidity", "%"),
                        ("power", "kW"),
                        ("torque", "Nm"),
                        ("coolant", "°C"),
                        ("current_u", "A"),
                    )
                ),
            ),
        ),
    )
    columns = CutColumns(spindle, FeatureSet.for_shop([spindle], CONFIG), CONFIG)

    assert list(columns.loads) == ["load_pct.value", "power.value", "torque.value", "current_u.value"]
