from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from detectors.signatures.speed import HeldSpeed, Memory, speed_class
from engine.records import Context

S = 1_000_000_000


def test_a_speed_is_held_since_it_was_first_told() -> None:
    speed = HeldSpeed()
    for t_s, rpm in ((1, 3000.0), (4, 3001.0)):
        speed.update(Context("M1", t_s * S, rpm=rpm))

    assert speed.held_s(Context("M1", 4 * S, rpm=3001.0), 6 * S) == 5.0
    assert speed.held_s(Context("M1", 5 * S, rpm=3300.0), 6 * S) == 1.0
    assert math.isnan(speed.held_s(Context("M1", 5 * S), 6 * S))


@given(rpm=st.floats(1.0, 60_000.0), ratio=st.floats(1.2, 10.0))
def test_speeds_that_differ_by_a_fifth_are_of_different_classes(rpm: float, ratio: float) -> None:
    assert speed_class(rpm * ratio) > speed_class(rpm)
    assert speed_class(rpm * 1.001) - speed_class(rpm) in (0, 1)


def test_memory_forgets_what_was_longest_not_asked_for() -> None:
    memory: Memory[str, int] = Memory(2)
    memory.keep("one", 1)
    memory.keep("two", 2)

    assert memory.recall("one") == 1
    memory.keep("three", 3)

    assert memory.recall("two") is None
    assert memory.save() == [("one", 1), ("three", 3)]
