from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
from milling import AIR, CURRENT, CUT, UNKNOWN, VIB, Windows, features, watch

from detectors.signatures.shock import Shock
from engine.config import load_config
from engine.declared import Channel, SensorGroup
from engine.records import Feature
from engine.verdicts import FaultClass, Tier, Why

OTHER = CUT._replace(program="O2", section="finish")


def shock(group=VIB):
    return Shock(features(group), group, load_config())


def experienced(group=VIB, seed=0):
    """A signature that has seen idling and a few cuts, and windows that go on from there."""
    own, windows = shock(group), Windows(group, seed=seed)
    assert not watch(own, windows.make(320, AIR) + windows.cut() + windows.cut())
    return own, windows


def test_a_blow_beyond_all_that_was_shown_is_a_collision_at_its_first_window():
    own, windows = experienced()
    blow = windows.make(1, peak=10.0, rms=4.0)

    ((vector, finding), *_) = watch(own, windows.make(5) + blow + windows.make(5))

    assert vector is blow[0]
    assert finding.fault is FaultClass.COLLISION
    assert finding.tier is Tier.DYNAMIC
    assert finding.onset_ns == vector.onset_ns
    assert finding.reasons[0].feature in ("vib_x.peak", "vib_y.peak")
    assert finding.reasons[0].value == pytest.approx(10.0 * finding.reasons[0].expected, rel=0.3)


@pytest.mark.parametrize(("factor", "found"), [(2.0, False), (4.0, True)])
def test_three_times_the_loudest_is_the_limit(factor, found):
    own, windows = experienced()

    assert bool(watch(own, windows.make(1, peak=factor, rms=1.2))) is found


def test_certainty_grows_with_the_size_of_the_blow():
    sizes = []
    for factor in (4.0, 7.0, 20.0):
        own, windows = experienced()
        ((_, finding), *_) = watch(own, windows.make(1, peak=factor, rms=1.5))
        sizes.append(finding.certainty)

    assert sizes == sorted(sizes)
    assert 0.5 <= sizes[0] < 0.7
    assert sizes[-1] == pytest.approx(0.9)


@pytest.mark.parametrize(("of_own", "sure"), [(20.0, False), (60.0, True)])
def test_a_blow_in_a_light_cut_may_be_an_edge_that_breaks_out_unless_it_is_beyond_all_that_was_shown(
    of_own, sure
):
    own, windows = experienced()
    assert not watch(own, windows.cut(regime=OTHER, peak=0.2, rms=0.2))

    ((_, finding), *_) = watch(own, windows.make(1, OTHER, peak=0.2 * of_own, rms=1.0))

    assert (finding.certainty > 0.8) is sure
    assert finding.certainty >= 0.75


def test_overload_of_the_drive_is_unmistakable():
    own, windows = experienced(CURRENT)

    found = watch(
        own, windows.make(1, mean=2.0, peak_to_peak=8.0) + windows.make(1, mean=3.0, peak_to_peak=13.0)
    )

    assert found[-1][1].certainty == pytest.approx(0.9)
    assert found[-1][1].reasons[0].feature == "current_u.peak_to_peak"


def test_overload_of_a_drive_is_found_though_its_first_cut_took_a_second_to_settle():
    own, windows = shock(CURRENT), Windows(CURRENT)
    entry = CUT._replace(section="entry")
    for _ in range(2):
        assert not watch(
            own, windows.make(160, AIR) + windows.make(12, entry, steady=False) + windows.make(40)
        )

    found = watch(own, windows.make(1, mean=3.0, peak_to_peak=13.0))

    assert [finding.fault for _, finding in found] == [FaultClass.COLLISION]


def test_a_drive_that_gives_less_than_while_accelerating_is_not_overloaded():
    own, windows = shock(CURRENT), Windows(CURRENT)
    accelerating = AIR._replace(section="spin_up")
    watch(own, windows.make(300, accelerating, mean=10.0, peak_to_peak=120.0) + windows.cut() + windows.cut())

    assert not watch(own, windows.make(1, mean=1.5, peak_to_peak=5.0))
    assert watch(own, windows.make(1, mean=3.0, peak_to_peak=13.0))


def test_currents_of_other_drives_and_other_quantities_are_passed_over():
    channels = ("current_sub_spindle", "x1_current", "position_error_x", "temperature")
    group = SensorGroup(
        "drives", "waveform", 1000.0, tuple(Channel(name, dc_coupled=True) for name in channels)
    )
    kinds = ("mean", "peak_to_peak")
    own = Shock(
        [Feature(f"{name}.{kind}", "", True) for name in channels for kind in kinds], group, load_config()
    )

    assert own.why_not(Windows().make(1)[0]) == Why.CHANNEL


def test_a_new_program_is_covered_from_its_first_window():
    own, windows = experienced()

    assert watch(own, windows.make(1, OTHER, steady=False, peak=20.0, rms=6.0))


def test_a_new_program_that_is_four_times_as_loud_is_no_collision():
    own, windows = experienced()

    assert not watch(own, windows.cut(40, OTHER, peak=4.0, rms=4.0))


def test_what_grows_from_window_to_window_is_no_blow():
    own, windows = experienced()
    growing = [windows.make(1, peak=level, rms=2.2 * level)[0] for level in (1.5, 3.0, 6.0, 12.0, 12.0)]

    assert not watch(own, growing)


def test_entry_into_material_under_an_idle_flag_is_no_collision():
    own, windows = experienced()
    late = windows.make(3, AIR, peak=1.5 / 0.2, rms=0.4 / 0.05)

    assert not watch(own, windows.make(5, AIR) + late + windows.make(10))


def test_a_collision_while_idling_is_found():
    own, windows = experienced()

    assert watch(own, windows.make(5, AIR) + windows.make(1, AIR, peak=60.0, rms=40.0))


def test_without_context_only_what_decays_is_a_blow():
    own, windows = shock(), Windows()
    idle = {"peak": 0.1, "rms": 0.1}
    watch(own, windows.make(60, UNKNOWN, **idle))

    assert not watch(own, windows.make(30, UNKNOWN))  # the first entry
    watch(own, windows.make(200, UNKNOWN))
    found = watch(own, windows.make(2, UNKNOWN, peak=8.0, rms=3.0) + windows.make(3, UNKNOWN))

    assert len(found) == 1


@pytest.mark.parametrize(("times", "told"), [(12.0, True), (6.0, False)])
def test_in_the_second_second_without_context_a_blow_must_be_eight_times_the_loudest(times, told):
    own, windows = shock(), Windows()
    watch(own, windows.make(18, UNKNOWN))

    blow = windows.make(2, UNKNOWN, peak=times, rms=3.0) + windows.make(3, UNKNOWN)

    assert bool(watch(own, blow)) is told


def test_before_anything_is_known_only_the_full_scale_counts():
    own, windows = shock(), Windows()

    assert own.why_not(windows.make(1)[0]) == Why.LEARNING
    assert not watch(own, windows.make(1, peak=10.0, rms=2.0))
    ((_, finding), *_) = watch(own, windows.make(1) + windows.make(1, peak=30.0, rms=5.0))
    assert finding.tier is Tier.ABSOLUTE
    assert finding.reasons[0].high == pytest.approx(40.0)


def test_cutting_is_covered_after_a_second_of_it():
    own, windows = shock(), Windows()
    watch(own, windows.make(16))

    assert own.why_not(windows.make(1)[0]) == ""
    assert own.why_not(windows.make(1, AIR)[0]) == Why.LEARNING


def test_one_blow_does_not_deafen_for_the_next():
    own, windows = experienced()
    once = windows.make(2, peak=10.0, rms=4.0)
    assert watch(own, once + windows.make(60))

    assert watch(own, windows.make(1, peak=6.0, rms=2.0))


def test_what_led_to_a_fault_that_others_found_raises_no_reference():
    own, windows = experienced()
    for vector in windows.make(1, peak=2.5, rms=1.5) + windows.make(4):
        own.assess(vector)
        own.learn(vector, allowed=True)
    own.learn(windows.make(1)[0], allowed=False)
    (highest,) = [highest for kind, highest, *_ in own.save()["loudest"]["kinds"] if kind is True]

    watch(own, windows.make(20))

    assert max(highest) < math.log(1.2 * 1.5)


def test_nothing_is_said_of_windows_without_numbers():
    own, windows = experienced()
    (vector,) = windows.make(1)
    missing = np.full_like(vector.values, math.nan)

    assert (
        own.assess(
            type(vector)(*[missing if f == "values" else getattr(vector, f) for f in vector.__slots__])
        )
        is None
    )
    assert own.assess(windows.make(1)[0]) is None


@pytest.mark.parametrize("group", [VIB, CURRENT])
def test_restored_in_mid_stream_goes_on_as_if_nothing_happened(group):
    own, windows = experienced(group)
    first = windows.make(1, peak=6.0, peak_to_peak=12.0, mean=2.0)
    watch(own, first)
    heir = shock(group)
    heir.restore(pickle.loads(pickle.dumps(own.save())))
    rest = (
        windows.make(5)
        + windows.make(1, peak=9.0, rms=2.0, peak_to_peak=20.0, mean=2.0)
        + windows.cut(20, OTHER)
    )

    assert watch(heir, rest) == watch(own, rest)
    assert heir.save() == own.save()


def test_state_of_another_version_is_refused():
    with pytest.raises(ValueError, match="version"):
        shock().restore({**shock().save(), "version": 0})
