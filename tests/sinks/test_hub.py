from __future__ import annotations

import math

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from told import SPINDLE, FakeLink, alert, block, hub_config, state, verdict

from sinks.alert_json import alert_as_dict
from sinks.hub import Hub, Subscriber
from sinks.journal import Entry
from sinks.mailbox import Mail, shown
from sinks.requests import Command, Wish
from sinks.watch import decode


class FakeHistory:
    """A journal in memory."""

    epoch = "abc"

    def __init__(self, first_seq: int = 1) -> None:
        self.entries: list[Entry] = []
        self._first = first_seq

    def append(self, alert_) -> Entry:
        json = orjson.dumps(alert_as_dict(alert_))
        self.entries.append(Entry(self.head() + 1, alert_.spindle, alert_.fault, json))
        return self.entries[-1]

    def head(self) -> int:
        return self._first + len(self.entries) - 1

    def oldest(self) -> int:
        return self._first

    def snapshot(self) -> tuple[int, list[Entry]]:
        return self.head(), list(self.entries)

    def page(self, after_seq: int, limit: int) -> list[Entry]:
        return [entry for entry in self.entries if entry.seq > after_seq][:limit]


@pytest.fixture
def history() -> FakeHistory:
    return FakeHistory()


@pytest.fixture
def hub(history) -> Hub:
    return Hub(hub_config(page_size=2), history, [SPINDLE])


def greet(hub: Hub, wish: Wish = Wish()) -> tuple[Subscriber, list[dict]]:  # noqa: B008 - frozen
    subscriber = Subscriber(FakeLink(), wish)
    return subscriber, [decode(message.decode()) for message in hub.greet(subscriber)]


def join(hub: Hub, wish: Wish = Wish()) -> FakeLink:  # noqa: B008 - frozen
    """A subscriber that has caught up; its link holds whatever it was told after the greeting."""
    subscriber, _ = greet(hub, wish)
    while (page := hub.catch_up(subscriber)) is not None:
        for message in page:
            subscriber.link.send(message, binary=False)
    return subscriber.link


def numbers(link: FakeLink) -> list[int]:
    return [message["seq"] for message in link.of("alert")]


def test_new_subscriber_gets_what_holds_now_and_no_history(hub, history):
    history.append(alert(1))
    hub.publish(Mail(states={"M1": state("alerting")}), 0.0, None)

    _, (hello, snapshot) = greet(hub)

    assert hello == {
        "type": "hello",
        "version": 1,
        "epoch": "abc",
        "head": 1,
        "oldest": 1,
        "recovered": False,
    }
    assert [one["alert"]["id"] for one in snapshot["alerts"]] == ["M1:process:1"]
    assert [one["condition"] for one in snapshot["states"]] == ["alerting"]
    assert snapshot["spindles"][0]["groups"][0]["channels"][0]["unit"] == "g"
    assert numbers(join(hub)) == []


def test_resuming_subscriber_gets_exactly_what_it_missed(hub, history):
    for n in range(1, 8):
        history.append(alert(n))

    _, (hello, _) = greet(hub, Wish(since=3, epoch="abc"))

    assert hello["recovered"] is True
    assert numbers(join(hub, Wish(since=3, epoch="abc"))) == [4, 5, 6, 7]


@pytest.mark.parametrize(
    ("since", "epoch"), [(3, "another"), (8, "abc"), (3, "")], ids=["epoch", "future", "empty"]
)
def test_position_that_means_nothing_here_is_not_recovered(hub, history, since, epoch):
    for n in range(1, 8):
        history.append(alert(n))

    _, (hello, snapshot) = greet(hub, Wish(since=since, epoch=epoch))

    assert (hello["recovered"], snapshot["seq"]) == (False, 7)


def test_position_older_than_the_journal_is_not_recovered():
    history = FakeHistory(first_seq=10)
    history.append(alert(1))
    hub = Hub(hub_config(), history)

    assert greet(hub, Wish(since=8, epoch="abc"))[1][0]["recovered"] is False
    assert greet(hub, Wish(since=9, epoch="abc"))[1][0]["recovered"] is True


def test_alert_stored_but_not_yet_published_when_a_subscriber_goes_live_comes_once(hub, history):
    link_before = join(hub)
    entry = history.append(alert(1))
    link = join(hub, Wish(since=0, epoch="abc"))

    hub.publish(Mail(alerts=[entry]), 0.0, None)

    assert numbers(link) == numbers(link_before) == [1]


def test_alert_stored_between_two_pages_is_not_missed(hub, history):
    history.append(alert(1))
    subscriber, _ = greet(hub, Wish(since=0, epoch="abc"))
    first = hub.catch_up(subscriber)
    entry = history.append(alert(2))
    hub.publish(Mail(alerts=[entry]), 0.0, None)  # the subscriber is not live yet

    second = hub.catch_up(subscriber)

    assert [decode(m.decode())["seq"] for m in (*first, *second)] == [1, 2]
    assert hub.catch_up(subscriber) is None


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(["append", "publish", "step", "reconnect"]), max_size=60))
def test_however_things_interleave_every_alert_comes_once_in_order(steps):
    history = FakeHistory()
    hub = Hub(hub_config(page_size=2), history)
    unpublished: list[Entry] = []
    told: list[int] = []
    subscriber: Subscriber | None = None
    live = False

    def go_on() -> None:
        nonlocal live
        page = hub.catch_up(subscriber)
        live = page is None
        told.extend(decode(message.decode())["seq"] for message in page or ())

    def reconnect() -> None:
        nonlocal subscriber, live
        if subscriber is not None:
            told.extend(numbers(subscriber.link))
            hub.leave(subscriber)
        subscriber, live = greet(hub, Wish(since=told[-1] if told else 0, epoch="abc"))[0], False

    reconnect()
    for step in steps:
        if step == "append":
            unpublished.append(history.append(alert(history.head() + 1)))
        elif step == "publish":
            hub.publish(Mail(alerts=unpublished), 0.0, None)
            unpublished = []
        elif step == "step" and not live:
            go_on()
        elif step == "reconnect":
            reconnect()
    while not live:
        go_on()
    hub.publish(Mail(alerts=unpublished), 0.0, None)
    reconnect()

    assert told == list(range(1, history.head() + 1))


def test_filters_hold_for_snapshot_replay_and_live(hub, history):
    for n, spindle, fault in ((1, "M1", "process"), (2, "M2", "process"), (3, "M1", "collision")):
        history.append(alert(n, spindle=spindle, fault=fault))
    wish = Wish(since=0, epoch="abc", spindles=frozenset({"M1"}), faults=frozenset({"process"}))

    _, (_, snapshot) = greet(hub, wish)
    link = join(hub, wish)
    live = [history.append(alert(n, spindle=spindle)) for n, spindle in ((4, "M2"), (5, "M1"))]
    hub.publish(Mail(alerts=live, states={"M1": state(), "M2": state(spindle="M2")}), 0.0, None)

    assert [one["seq"] for one in snapshot["alerts"]] == [1]
    assert numbers(link) == [1, 5]
    assert [message["state"]["spindle"] for message in link.of("state")] == ["M1"]


def test_types_not_wanted_are_not_sent(hub, history):
    link = join(hub, Wish(types=frozenset({"alert"})))

    hub.publish(
        Mail([history.append(alert(1))], {"M1": state()}, {("M1", "vib"): shown(verdict(0.5))}), 0.0, None
    )

    assert [message["type"] for message in link.sent] == ["alert"]


def test_slow_subscriber_is_dropped_and_counted_and_others_are_told(hub, history):
    slow, quick = join(hub), join(hub)
    slow.unsent = hub_config().write_buffer_bytes + 1

    hub.publish(Mail(alerts=[history.append(alert(1))]), 0.0, None)
    hub.publish(Mail(alerts=[history.append(alert(2))]), 0.0, None)

    assert (slow.dropped, quick.dropped, hub.counts["dropped_subscribers"]) == (True, False, 1)
    assert (numbers(slow), numbers(quick)) == ([], [1, 2])
    assert hub.n_live == 1


def test_subscriber_at_the_limit_is_kept(hub, history):
    link = join(hub)
    link.unsent = hub_config().write_buffer_bytes

    hub.publish(Mail(alerts=[history.append(alert(1))]), 0.0, None)

    assert numbers(link) == [1]


def test_scores_and_waveforms_skip_who_has_something_unsent(hub):
    link = subscribed(hub, "M1/vib")
    link.unsent = 1

    hub.publish(
        Mail(scores={("M1", "vib"): shown(verdict(0.5))}, blocks={("M1", "vib"): block(np.ones((2, 10)))}),
        0.0,
        None,
    )

    assert link.of("scores") == link.of("waveform") == []
    assert hub.counts["skipped"] == 2
    assert not link.dropped


def test_scores_come_ten_times_a_second_at_most_and_keep_the_worst(hub):
    link = join(hub)
    publish = [(0.0, 0.2), (0.02, 3.0), (0.05, 0.1), (0.09, math.nan), (0.1, 0.3), (0.15, 0.4)]

    for now_s, score in publish:
        hub.publish(Mail(scores={("M1", "vib"): shown(verdict(score))}), now_s, None)

    assert [message["scores"][0]["score"] for message in link.of("scores")] == [0.2, 3.0]


def test_score_that_cannot_be_said_is_null(hub):
    link = join(hub)

    hub.publish(Mail(scores={("M1", "vib"): shown(verdict(math.nan))}), 0.0, None)

    assert link.of("scores")[0]["scores"][0]["score"] is None


def subscribed(hub: Hub, waveform: str | None) -> FakeLink:
    subscriber, _ = greet(hub)
    assert hub.catch_up(subscriber) is None
    hub.command(subscriber, Command("subscribe", waveform))
    return subscriber.link


def test_waveform_comes_only_to_who_asked_with_names_and_units(hub):
    asked, silent = subscribed(hub, "M1/vib"), join(hub)
    samples = np.arange(20, dtype=np.float32).reshape(2, 10)

    hub.publish(Mail(blocks={("M1", "vib"): block(samples), ("M1", "current"): block(samples)}), 0.0, None)

    (message,) = asked.of("waveform")
    assert (message["channels"], message["units"]) == (["vib_x", "vib_y"], ["g", "g"])
    assert (message["n"], message["step_s"], message["envelope"]) == (10, 0.001, False)
    np.testing.assert_array_equal(message["points"], samples)
    assert silent.of("waveform") == []


def test_waveforms_come_twenty_times_a_second_at_most(hub):
    link = subscribed(hub, "M1/vib")

    for now_s in (0.0, 0.02, 0.04, 0.05, 0.06, 0.11):
        hub.publish(Mail(blocks={("M1", "vib"): block(np.ones((2, 4)))}), now_s, None)

    assert len(link.of("waveform")) == 3


def test_subscribing_again_replaces_and_unsubscribing_ends(hub):
    subscriber, _ = greet(hub)
    hub.catch_up(subscriber)
    blocks = {("M1", "vib"): block(np.ones((2, 4))), ("M1", "load"): block(np.ones((1, 1)), group="load")}

    hub.command(subscriber, Command("subscribe", "M1/vib"))
    hub.command(subscriber, Command("subscribe", "M1/load"))
    hub.publish(Mail(blocks=blocks), 0.0, None)
    hub.command(subscriber, Command("unsubscribe"))
    hub.publish(Mail(blocks=blocks), 1.0, None)

    assert [message["group"] for message in subscriber.link.of("waveform")] == ["load"]


def test_state_that_changed_while_catching_up_is_told(hub):
    subscriber, _ = greet(hub)

    hub.publish(Mail(states={"M1": state("sensor")}), 0.0, None)
    hub.catch_up(subscriber)

    assert [message["state"]["condition"] for message in subscriber.link.of("state")] == ["sensor"]


def test_heartbeat_tells_the_head(hub, history):
    link = join(hub)
    history.append(alert(1))

    hub.beat(17)

    assert link.sent == [{"type": "heartbeat", "head": 1, "t_ns": 17}]


def test_who_watches_which_declared_waveform_is_told_when_it_changes(history):
    told = []
    hub = Hub(hub_config(), history, [SPINDLE], told.append)
    first, second, other = (greet(hub)[0] for _ in range(3))
    for subscriber in (first, second, other):
        hub.catch_up(subscriber)

    hub.command(other, Command("subscribe", "M9/vib"))
    hub.command(first, Command("subscribe", "M1/vib"))
    hub.command(second, Command("subscribe", "M1/vib"))
    hub.command(first, Command("unsubscribe"))
    hub.leave(second)

    assert told == [frozenset({("M1", "vib")}), frozenset()]


def test_other_limits_hold_from_the_next_message_on(hub, history):
    link = join(hub)
    link.unsent = 1000

    hub.publish(Mail(alerts=[history.append(alert(1))]), 0.0, None)
    hub.config = hub_config(write_buffer_bytes=999)
    hub.publish(Mail(alerts=[history.append(alert(2))]), 0.0, None)

    assert (numbers(link), link.dropped) == ([1], True)
