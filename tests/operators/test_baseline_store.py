from __future__ import annotations

import numpy as np
import pytest
from shop import SPINDLE, SPINDLES, T0

from detectors.baseline import Baseline
from detectors.budget import Budget
from detectors.registry import DETECTORS
from engine.config import DetectorConfig, parse_config
from engine.records import Context, Feature, FeatureVector, Regime
from engine.verdicts import Score
from operators.baseline_store import FORMAT, Unreadable, pack, unpack
from operators.detect import Detect
from operators.features import FeatureSet

CONFIG = parse_config("[learn]\nn_vectors_waveform = 40\nmax_regimes = 3\n")
FEATURES = FeatureSet.for_shop([SPINDLE], CONFIG)
HOP_NS = 100_000_000
REGIMES = [Regime(f"T{i}", "O1", "rough", True) for i in range(4)]
ROOMY = parse_config("[learn]\nn_vectors_waveform = 40\nmax_regimes = 64\n")
"""As CONFIG, which keeps three regimes, but with room for all."""


def usual(n, first=0, regime=REGIMES[0]):
    """Healthy vectors; their noise depends on the hop only."""
    found = []
    for hop in range(first, first + n):
        t_ns = T0 + hop * HOP_NS
        values = np.exp(np.random.default_rng(hop).normal(0.0, 0.05, len(FEATURES["M1", "vib"].names)))
        context = Context("M1", T0)
        found.append(
            FeatureVector("M1", "vib", t_ns, t_ns - HOP_NS, values, context, regime, True, True, True, None)
        )
    return found


class Memory(dict):
    """A store that is a dictionary."""

    def put(self, key, value):
        self[key] = value


def tour(n=5):
    """Vectors of four regimes, each seen ``n`` times for 45 vectors."""
    return [v for k in range(4 * n) for v in usual(45, 45 * k, regime=REGIMES[k % 4])]


def judged(detect, items):
    """Scores without what is told of tool lives."""
    return [item for item in detect.process(items) if isinstance(item, Score)]


def scores(detect, items):
    return [score.score for score in judged(detect, items)]


def test_a_state_of_plain_values_comes_back_whole():
    state = {
        "version": 3,
        "rows": np.arange(6.0, dtype=np.float32).reshape(2, 3),
        "none": np.empty((0, 4)),
        "flags": np.array([True, False]),
        "numbers": [1, -2.5, float("inf"), None, "word", True],
        "of_numpy": np.float64(0.1),
        "nested": {"tuple": (1, 2)},
    }
    back = unpack(pack(state))

    for name in ("rows", "none", "flags"):
        assert back[name].dtype == state[name].dtype
        np.testing.assert_array_equal(back[name], state[name])
    assert back["numbers"] == state["numbers"]
    assert back["of_numpy"] == 0.1
    assert back["nested"] == {"tuple": [1, 2]}


@pytest.mark.parametrize("value", [object(), np.array(["text"]), np.array([object()]), {1 + 2j}])
def test_what_is_not_plain_is_not_written(value):
    with pytest.raises(TypeError):
        pack({"value": value})


@pytest.mark.parametrize(
    "damage",
    [
        lambda _packed: b"",
        lambda packed: packed[:-1],
        lambda packed: bytes([FORMAT + 1]) + packed[1:],
        lambda packed: packed[:20] + bytes([packed[20] ^ 1]) + packed[21:],
        lambda _packed: b"\x80\x04\x95 a pickle is not read",
        lambda _packed: pack([1, 2, 3]),
    ],
)
def test_what_is_damaged_cut_off_or_of_another_format_is_refused(damage):
    with pytest.raises(Unreadable):
        unpack(damage(pack({"rows": np.arange(20.0)})))


@pytest.mark.parametrize("name", sorted(DETECTORS))
def test_a_baseline_of_every_detector_goes_on_from_its_written_state_to_the_last_bit(name):
    features = [Feature(f"vib_x.band_{i}", "g", True) for i in range(6)]
    rows = np.exp(0.1 * np.random.default_rng(1).normal(size=(400, 6)))

    def make():
        return Baseline(features, [DetectorConfig(name=name)], 60, budget=Budget(rate=0.01))

    one, other = make(), make()
    for row in rows[:300]:
        one.score(row)
        one.learn(row)
        one.observe()
    other.restore(unpack(pack(one.save())))
    for row in rows[300:]:
        assert other.score(row).score == one.score(row).score
        for baseline in (one, other):
            baseline.learn(row)
            baseline.observe()


def test_a_regime_that_had_to_make_room_comes_back_as_if_it_had_stayed():
    with_store = judged(Detect(SPINDLES, FEATURES, CONFIG, Memory()), tour())
    with_room = judged(Detect(SPINDLES, FEATURES, ROOMY), tour())
    forgetful = judged(Detect(SPINDLES, FEATURES, CONFIG), tour())

    np.testing.assert_array_equal([s.score for s in with_store], [s.score for s in with_room])
    assert all(score.ready for score in with_store[540:])
    assert not any(score.ready for score in forgetful[540::45])


@pytest.mark.parametrize("at", [1, 44, 45, 170, 333])
def test_how_vectors_are_batched_and_a_restart_in_between_change_nothing(at):
    whole = scores(Detect(SPINDLES, FEATURES, CONFIG, Memory()), tour())
    store, items = Memory(), tour()
    first, second = Detect(SPINDLES, FEATURES, CONFIG, store), Detect(SPINDLES, FEATURES, CONFIG, store)

    before = scores(first, items[:at])
    second.restore(first.save())
    np.testing.assert_array_equal(before + scores(second, items[at:]), whole)


def test_an_idle_regime_makes_room_before_one_that_cuts():
    store = Memory()
    idle = Regime("T9", "O1", "approach", False)
    detect = Detect(SPINDLES, FEATURES, CONFIG, store)
    for regime in (*REGIMES[:2], idle, REGIMES[2]):
        detect.process(usual(3, regime=regime))

    (key,) = store
    assert "approach" in key


def test_what_is_stored_is_asked_for_by_spindle_group_regime_and_what_was_measured():
    class Asked(Memory):
        def get(self, key):
            asked.append(key)

    asked = []
    for config in (CONFIG, ROOMY, parse_config("[learn]\nn_vectors_waveform = 41\n")):
        Detect(SPINDLES, FEATURES, config, Asked()).process(usual(1))

    first, second, third = asked
    assert first == second  # room is nothing that was learned
    assert first != third
    assert first.startswith('["M1","vib",')
    assert "rough" in first


def test_an_entry_that_cannot_be_read_is_relearned_and_counted(caplog):
    store = Memory()
    Detect(SPINDLES, FEATURES, CONFIG, store).process(tour(1))
    store.update({key: b"rubbish" for key in store})

    found = Detect(SPINDLES, FEATURES, CONFIG, store).process(usual(41))
    assert [score.learned for score in found] == list(range(41))
    assert "1 so far" in caplog.text


def test_an_entry_of_another_version_of_a_baseline_is_relearned():
    store = Memory()
    Detect(SPINDLES, FEATURES, CONFIG, store).process(tour(1))
    for key, packed in store.items():
        state = unpack(packed)
        state["baseline"]["version"] = 99
        store[key] = pack(state)

    found = Detect(SPINDLES, FEATURES, CONFIG, store).process(usual(1))
    assert found[0].learned == 0


def test_a_regime_never_seen_asks_once_and_learns():
    detect = Detect(SPINDLES, FEATURES, CONFIG, Memory())

    assert [score.learned for score in detect.process(usual(3))] == [0, 1, 2]
