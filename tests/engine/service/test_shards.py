import random

from hypothesis import given
from hypothesis import strategies as st

from engine.declared import Channel, DutyCycle, SensorGroup, Spindle
from engine.service.shards import assign, load_of


def _spindle(name, rate_hz, n_channels=1, duty=None):
    channels = tuple(Channel(f"x{index}") for index in range(n_channels))
    return Spindle(name, (SensorGroup("vib", "waveform", rate_hz, channels, duty),))


_SHOPS = st.lists(st.floats(1.0, 1e6), max_size=40).map(
    lambda rates: [_spindle(f"M{index}", rate) for index, rate in enumerate(rates)]
)


@given(_SHOPS, st.integers(1, 9), st.randoms())
def test_every_spindle_has_one_process_whatever_the_order_of_the_declarations(shop, n_shards, chance):
    parts = assign(shop, n_shards)
    shuffled = shop.copy()
    chance.shuffle(shuffled)

    assert len(parts) == n_shards
    assert sorted(spindle.name for part in parts for spindle in part) == sorted(one.name for one in shop)
    assert assign(shuffled, n_shards) == parts


@given(_SHOPS, st.integers(1, 9))
def test_no_process_has_more_than_its_share_and_one_spindle(shop, n_shards):
    loads = [sum(map(load_of, part)) for part in assign(shop, n_shards)]
    heaviest = max(map(load_of, shop), default=0.0)

    assert max(loads) <= sum(loads) / n_shards + heaviest + 1e-6


def test_a_shop_of_equal_machines_is_spread_evenly():
    shop = [_spindle(f"M{index}", 25_600.0, 3) for index in range(10)]
    random.Random(1).shuffle(shop)
    assert sorted(len(part) for part in assign(shop, 4)) == [2, 2, 3, 3]


def test_a_sensor_that_sleeps_is_less_to_do():
    awake, sleepy = _spindle("A", 1000.0, 2), _spindle("B", 1000.0, 2, DutyCycle(1.0, 10.0))
    assert load_of(awake) == 2000.0
    assert load_of(sleepy) == 200.0
