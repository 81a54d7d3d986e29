"""A child of the supervisor by itself: how long it is waited for."""

import sys
from contextlib import contextmanager

import pytest

from engine.service.children import HEALTHY_S, Child, Spec
from engine.service.health import HealthPipe

HANG_S = 2.0
# It gives one sign of life, and no more.
MUTE = f"""
import sys, time
from {HealthPipe.__module__} import HealthPipe, Metrics
HealthPipe(int(sys.argv[-1]), "mute").beat(Metrics(), True)
time.sleep(60)
"""


@contextmanager
def a_child():
    child = Child(Spec("mute", (sys.executable, "-c", MUTE)), HANG_S)
    yield child
    child.kill()


def heard(child, now_s):
    child.start(now_s)
    while not child.spoke:
        child.listen(now_s)
    return now_s


def patience_s(child, now_s):
    """For how long it may be silent, to the tenth of a second."""
    return next(tenths for tenths in range(1000) if child.hangs(now_s + tenths / 10)) / 10 - 0.1


def hang(child, now_s):
    child.kill()
    child.ended(now_s)
    child.wait_to_start(now_s, "hung")


def test_one_that_hangs_again_and_again_is_waited_for_longer_and_longer():
    waited = []
    with a_child() as child:
        for number in range(7):
            now_s = heard(child, 10.0 * number)
            waited.append(patience_s(child, now_s))
            hang(child, now_s + waited[-1])

    assert waited == pytest.approx([HANG_S * factor for factor in (1, 1, 1, 2, 4, 8, 8)])


def test_one_that_ran_for_long_is_as_a_new_one():
    with a_child() as child:
        for number in range(4):
            hang(child, heard(child, 10.0 * number))
        now_s = heard(child, 100.0)
        hang(child, now_s + HEALTHY_S)
        assert patience_s(child, heard(child, 200.0)) == pytest.approx(HANG_S)
