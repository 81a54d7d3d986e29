"""Timing, with a clock that moves only when the work moves it."""

import threading

import pytest

from perf.timing import LEAST_SAMPLE_S, thread_s, time_paired, time_work


class Machine:
    """Work takes the seconds it is told, on a clock of its own."""

    def __init__(self):
        self.now_s = 0.0
        self.calls = []

    def clock(self):
        return self.now_s

    def work(self, name, *seconds):
        """Work of so many seconds; several: one after the other, the last one for ever."""
        costs = list(seconds)

        def work():
            self.calls.append(name)
            self.now_s += costs.pop(0) if len(costs) > 1 else costs[0]

        return work


def test_time_of_one_call_does_not_depend_on_how_often_it_was_repeated():
    machine = Machine()

    assert time_work(machine.work("short", 1e-6), clock=machine.clock) == pytest.approx(1e-6)
    assert time_work(machine.work("long", 3.0), clock=machine.clock) == pytest.approx(3.0)


def test_short_work_is_repeated_until_a_sample_is_long_enough():
    machine = Machine()

    time_work(machine.work("short", 1e-4), n_rounds=1, clock=machine.clock)

    n_last = len(machine.calls) - 1 - sum(2**i for i in range(7))  # but for the first call and the doubling
    assert n_last * 1e-4 >= LEAST_SAMPLE_S
    assert n_last == 64


def test_long_work_is_called_once_per_sample():
    machine = Machine()

    time_work(machine.work("long", 1.0), n_rounds=3, clock=machine.clock)

    assert len(machine.calls) == 1 + 1 + 3


def test_first_call_may_compile_without_counting():
    machine = Machine()

    assert time_work(machine.work("compiled", 10.0, 0.01), clock=machine.clock) == pytest.approx(0.01)


def test_ours_and_the_peer_take_turns():
    machine = Machine()

    time_paired(machine.work("a", 1.0), machine.work("b", 2.0), n_rounds=3, clock=machine.clock)

    assert "".join(machine.calls[-6:]) == "ababab"


def test_ratio_is_how_much_longer_the_peer_takes():
    machine = Machine()

    paired = time_paired(machine.work("a", 0.5), machine.work("b", 2.0), clock=machine.clock)

    assert (paired.ours_s, paired.peer_s, paired.ratio) == pytest.approx((0.5, 2.0, 4.0))


def test_a_machine_that_slows_down_halfway_does_not_move_the_ratio():
    machine = Machine()
    slowing = [0.1, 0.1, 1.0, 2.0, 4.0, 8.0, 16.0]

    paired = time_paired(
        machine.work("a", *slowing), machine.work("b", *(3 * s for s in slowing)), 5, machine.clock
    )

    assert paired.ratio == pytest.approx(3.0)


def test_another_threads_work_is_not_charged_to_this_one():
    def compute():
        return sum(range(2_000_000))

    start_s = thread_s()
    other = threading.Thread(target=compute)
    other.start()
    other.join()
    waited_s = thread_s() - start_s
    compute()
    computed_s = thread_s() - start_s - waited_s

    assert waited_s < computed_s / 2
