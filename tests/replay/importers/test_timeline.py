"""Times that come in batches are what they are at once: rate, gaps, repeats and spreading."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from replay.importers.rows import Rows, forward, spread
from replay.importers.timeline import Clock, Stamps, Steps

TIMES = st.lists(st.integers(0, 50), min_size=1, max_size=60)
CUTS = st.lists(st.integers(1, 10), min_size=1, max_size=60)


def cut(times_ns: np.ndarray, cuts: list[int]) -> list[Rows]:
    bounds = [0, *[b for b in np.cumsum(cuts).tolist() if b < len(times_ns)], len(times_ns)]
    samples = np.arange(len(times_ns), dtype=np.float32)[np.newaxis]
    return [Rows(times_ns[a:b], samples[:, a:b], {}) for a, b in pairwise(bounds)]


def together(parts: list[Rows]) -> tuple[list[int], list[float]]:
    return (
        [t for part in parts for t in part.times_ns.tolist()],
        [x for part in parts for x in part.samples[0].tolist()],
    )


@given(TIMES, CUTS, st.booleans())
def test_rows_that_go_back_are_left_out_as_if_they_came_at_once(
    times: list[int], cuts: list[int], repeated: bool
) -> None:
    kept: list[tuple[int, float]] = []
    for index, t in enumerate(times):
        if not kept or t > max(k for k, _ in kept) or (repeated and t == max(k for k, _ in kept)):
            kept.append((t, float(index)))

    got = together(list(forward(cut(np.array(times, np.int64), cuts), repeated=repeated)))

    assert got == ([t for t, _ in kept], [x for _, x in kept])


def spread_at_once(times: np.ndarray, clock: Clock) -> list[int]:
    """The slow twin: every stamp's rows by themselves."""
    out: list[int] = []
    stamps = sorted(set(times.tolist()))
    for stamp in stamps:
        n = times.tolist().count(stamp)
        n_slots = max(n, clock.n_usual) if stamp in (stamps[0], stamps[-1]) else n
        moved = (n_slots - n) / n_slots if stamp == stamps[0] else 0.0
        out += [stamp + int(np.floor((moved + i / n_slots) * clock.tick_ns)) for i in range(n)]
    return out


@given(st.lists(st.integers(1, 9), min_size=2, max_size=20), CUTS)
def test_rows_of_coarse_stamps_are_spread_as_if_they_came_at_once(counts: list[int], cuts: list[int]) -> None:
    times = np.repeat(np.arange(len(counts)) * 1000, counts)
    usual = float(np.median(counts[1:-1])) if len(counts) > 2 else 0.0
    clock = Clock(0, True, True, len(counts), len(times), 1000.0, usual, 1.0, 1.0)

    got, samples = together(list(spread(cut(times, cuts), clock, Path())))

    assert got == spread_at_once(times, clock)
    assert samples == list(range(len(times)))
    assert all(a < b for a, b in pairwise(got))


def test_a_first_stamp_of_few_rows_lies_at_its_end() -> None:
    times = np.array([0, 0, 10, 10, 10, 10, 20, 20])
    clock = Clock(0, True, True, 3, 8, 10.0, 4.0, 2.5, 4e8)

    assert together(list(spread([Rows(times, np.zeros((1, 8), np.float32), {})], clock, Path())))[0] == [
        5, 7, 10, 12, 15, 17, 20, 22,
    ]  # fmt: skip


@given(TIMES, CUTS)
def test_usual_counts_are_those_of_all_stamps_at_once(times: list[int], cuts: list[int]) -> None:
    ordered = np.sort(np.array(times, np.int64))
    stamps = Stamps()
    new = [t for part in cut(ordered, cuts) for t in stamps.add(part.times_ns).tolist()]
    _, counts = np.unique(ordered, return_counts=True)

    assert new == np.unique(ordered).tolist()
    assert stamps.n_stamps == len(counts)
    assert stamps.n_usual() == (float(np.median(counts[1:-1])) if len(counts) > 2 else 0.0)


@settings(max_examples=50)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=60), CUTS)
def test_steps_in_batches_give_the_rate_outside_gaps_of_all_at_once(
    steps: list[int], cuts: list[int]
) -> None:
    times = np.cumsum([0, *steps])
    seen = Steps()
    for part in cut(times, cuts):
        seen.add(part.times_ns)
    median = float(np.median(steps))
    inside = [step for step in steps if step <= 2.5 * median]

    assert seen.usual_ns() == median
    assert seen.rate_hz() == len(inside) * 1e9 / sum(inside)
