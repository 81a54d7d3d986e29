"""Barriers: what a step knows is taken out between two items, changes nothing, and goes on elsewhere."""

import logging
from typing import Any

import pytest
from barriers import live_items, messages, run_items

from engine.barriers import Reconfigure, Resume, Snapshot
from engine.config import load_config, parse_config
from engine.errors import RecordingError
from operators.state_codec import encode_state
from operators.step import STATE_VERSION, pass_barrier


class Count:
    """Counts its items."""

    def __init__(self, n: Any = 0) -> None:
        self.n = n

    def process(self, items):
        self.n += len(items)
        return list(items)

    def save(self):
        return self.n

    def restore(self, state):
        self.n = state + 0


@pytest.fixture(scope="module")
def live():
    shop, items = live_items(60.0)
    return shop, items, run_items(shop, items)


def test_alerts_after_a_snapshot_are_those_of_the_uninterrupted_run_byte_for_byte(live):
    shop, items, plain = live
    places = [round(len(items) * part) for part in (0.0, 0.41, 0.77, 0.9)]
    marked = list(items)
    for number in reversed(range(len(places))):
        marked.insert(places[number], Snapshot("M1", 0, number))

    seen = run_items(shop, marked)

    assert messages(seen) == messages(plain)
    assert len(messages(plain)) >= 6
    barriers = [position for position, record in enumerate(seen) if isinstance(record, Snapshot)]
    assert [seen[position].number for position in barriers] == list(range(len(places)))
    for position in barriers:
        snapshot = seen[position]
        again = run_items(shop, [Resume("M1", 0, dict(snapshot.states)), *items[places[snapshot.number] :]])
        assert messages(again) == messages(seen[position:])


def test_the_same_configuration_again_changes_no_alert(live):
    shop, items, plain = live
    place = round(len(items) * 0.6)

    seen = run_items(shop, [*items[:place], Reconfigure("M1", 0, load_config()), *items[place:]])

    assert messages(seen) == messages(plain)


@pytest.mark.parametrize(
    "site",
    [
        '[[limits]]\nfeature = "vib_x.rms"\nabove = 0.05\n',
        "[judge]\non = 0.6\noff = 0.5\n",
        "[learn]\nfalse_alerts_per_day = 500.0\n",
    ],
)
def test_another_configuration_goes_on_with_what_is_known_as_a_restart_under_it_would(live, site):
    shop, items, _ = live
    place, other = round(len(items) * 0.6), parse_config(site)

    marked = [*items[:place], Snapshot("M1", 0, 0), Reconfigure("M1", 0, other), *items[place:]]
    seen = run_items(shop, marked)

    at = next(i for i, record in enumerate(seen) if isinstance(record, Reconfigure))
    snapshot = next(record for record in seen if isinstance(record, Snapshot))
    restarted = run_items(shop, [Resume("M1", 0, dict(snapshot.states)), *items[place:]], other)
    assert messages(seen[at:]) == messages(restarted)
    opened = [message for message in messages(seen[at:]) if b'"state":"opened"' in message]
    assert opened
    assert all(other.hash.encode() in message for message in opened)
    assert not any(other.hash.encode() in message for message in messages(seen[:at]))


def test_a_snapshot_asks_every_step_for_its_state(live):
    shop, items, _ = live

    seen = run_items(shop, [*items[:200], Snapshot("M1", 0, 0)])

    (snapshot,) = (record for record in seen if isinstance(record, Snapshot))
    assert [step for step, _ in snapshot.states] == ["check", "slide", "detect", "judge"]
    assert sum(len(state) for _, state in snapshot.states) < 400_000


def test_a_step_counts_on_from_the_state_it_is_given():
    snapshot = pass_barrier("count", Count(5), Snapshot("M1", 0, 0))
    other = Count()

    pass_barrier("count", other, Resume("M1", 0, dict(snapshot.states)))

    assert other.n == 5


@pytest.mark.parametrize(
    ("state", "complaint"),
    [
        (encode_state((STATE_VERSION + 1, 5)), f"version {STATE_VERSION + 1}"),
        (encode_state((STATE_VERSION, "five")), "step 'count'"),
        (encode_state(5), "step 'count'"),
        (b"\xc1", "a saved state"),
    ],
)
def test_a_state_that_does_not_fit_is_one_clear_error(state, complaint):
    with pytest.raises(RecordingError, match=complaint):
        pass_barrier("count", Count(), Resume("M1", 0, {"count": state}))


def test_a_missing_state_is_named():
    with pytest.raises(RecordingError, match=r"step 'count': missing; there are \['detect'\]"):
        pass_barrier("count", Count(), Resume("M1", 0, {"detect": b""}))


def test_a_state_that_cannot_be_written_down_stops_nothing(caplog):
    with caplog.at_level(logging.WARNING):
        passed = pass_barrier("count", Count(object()), Snapshot("M1", 0, 7))

    assert (passed.number, passed.states) == (7, ())
    assert "step 'count' not kept" in caplog.text
