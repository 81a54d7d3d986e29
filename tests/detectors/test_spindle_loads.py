import numpy as np
import pytest

from detectors.spindle_loads import LoadFeatures, SpindleLoads

HOP_NS = 100_000_000
WHERE = LoadFeatures((0,), (1,))
NO_SPREAD = 0.0


def fed(*levels, group="current", loads=None):
    """Loads whose level was so high, ten times a second from 0 on."""
    loads = loads or SpindleLoads()
    for hop, level in enumerate(levels):
        loads.add(group, WHERE, hop * HOP_NS, np.array([level, NO_SPREAD]))
    return loads


def step(before, after, at=20):
    """A load that steps from one level to another at the so manieth vector, and stays for a second and more."""
    return [before] * at + [after] * 12


SINCE_NS = 20 * HOP_NS


def test_a_step_that_stays_is_the_spindles_work():
    assert fed(*step(1.0, 1.5)).rose(SINCE_NS)


@pytest.mark.parametrize("after", [1.0, 1.05, 0.5])
def test_what_stays_falls_or_moves_as_friction_does_is_none(after):
    assert not fed(*step(1.0, after)).rose(SINCE_NS)


def test_a_blow_that_is_over_within_the_second_is_none():
    blow = step(1.0, 1.0)
    blow[20:23] = [8.0, 5.0, 2.0]

    assert not fed(*blow).rose(SINCE_NS)


def test_a_rise_long_before_the_change_does_not_explain_it():
    assert not fed(*step(1.0, 1.5, at=5), *[1.5] * 20).rose(SINCE_NS)


def test_all_groups_must_have_risen():
    both = fed(*step(1.0, 1.5), loads=fed(*step(2.0, 3.0), group="power"))
    one = fed(*step(1.0, 1.5), loads=fed(*step(2.0, 2.0), group="power"))

    assert both.rose(SINCE_NS)
    assert not one.rose(SINCE_NS)


def test_without_loads_on_both_sides_nothing_is_explained():
    assert not SpindleLoads().any
    assert not SpindleLoads().rose(SINCE_NS)
    assert not fed(*step(1.0, 1.5)).rose(0)
    assert not fed(*[0.0] * 20, *[1.5] * 12).rose(SINCE_NS)  # no load at all before: nothing to compare with


def test_a_load_of_nan_is_passed_over():
    gaps = step(1.0, 1.5)
    gaps[15] = gaps[27] = float("nan")

    assert fed(*gaps).rose(SINCE_NS)


def test_restored_loads_say_the_same_and_go_on():
    levels = step(1.0, 1.5)
    other = SpindleLoads()
    other.restore(fed(*levels[:22]).save())
    for hop, level in enumerate(levels[22:], 22):
        other.add("current", WHERE, hop * HOP_NS, np.array([level, NO_SPREAD]))

    assert other.any
    assert other.save() == fed(*levels).save()
    assert other.rose(SINCE_NS)
