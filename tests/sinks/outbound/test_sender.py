from __future__ import annotations

import threading
from contextlib import contextmanager, suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from told import S, alert

from engine.targets import WebhookTarget
from perf.real_redis import wait_until
from sinks.journal import Journal
from sinks.outbound.base import AwayError, Plain, RefusedError
from sinks.outbound.sender import Sender
from sinks.outbound.store import MAX_DEAD, DeadLetter, PositionFile, Told


class Clock:
    now_s = 0

    def now_ns(self):
        return self.now_s * S


class Courier(Plain):
    """Notes what it brings; fails as it is told to: exceptions by turn, then never again."""

    def __init__(self, *failures):
        self.failures = list(failures)
        self.tried, self.brought, self.notes = [], [], []
        self.closed = False

    def bring(self, delivery, note):
        self.tried.append(delivery.key)
        if self.failures:
            failure = self.failures.pop(0)
            if callable(failure):
                failure = failure(delivery)
            if failure is not None:
                raise failure
        self.brought.append(delivery.key)
        self.notes.append(note)
        return f"note {delivery.alert.fault}"

    def close(self):
        self.closed = True


def key(number, state="opened", fault="process"):
    one = alert(number, state, fault=fault)
    return f"{one.id}|{one.state}|{one.t_ns}"


class Shop:
    """A journal, positions in it, and senders, one after the other."""

    def __init__(self, folder):
        self.journal = Journal(folder / "journal.sqlite3", durable=False)
        self.positions = PositionFile(folder / "positions.sqlite3")
        self.clock = Clock()

    def add(self, *alerts):
        for one in alerts:
            self.journal.append(one)

    @contextmanager
    def sender(self, courier, name="shop", **filters):
        target = WebhookTarget(name=name, url="http://x", max_delay_s=0.1, **filters)
        sender = Sender(target, courier, self.journal, self.positions, self.clock)
        sender.start()
        yield sender
        sender.ask_to_end()
        assert sender.join(20.0)

    def tell(self, courier, until, **filters):
        """Run a sender until it has dealt with number ``until``; the sender."""
        with self.sender(courier, **filters) as sender:
            wait_until(lambda: self.positions.position("shop").seq >= until)
        return sender

    def begun(self):
        """A target that is known from the beginning of the journal."""
        self.positions.begin("shop", self.journal.epoch, 0)
        return self

    def close(self):
        self.journal.close()
        self.positions.close()


@pytest.fixture
def shop(tmp_path):
    shop = Shop(tmp_path)
    yield shop
    shop.close()


def test_alerts_arrive_in_the_order_of_the_journal_and_new_ones_wake_the_sender(shop):
    courier = Courier()
    with shop.sender(courier) as sender:
        for number in range(1, 250):
            shop.add(alert(number))
        sender.wake()
        wait_until(lambda: len(courier.brought) == 249)

    assert courier.brought == [key(number) for number in range(1, 250)]
    assert courier.closed
    assert (sender.counts, sender.trouble, sender.age_s) == ({"sent": 249}, "", 0.0)


def test_a_new_target_begins_where_the_journal_ends_and_an_old_one_goes_on_where_it_was(shop):
    shop.add(alert(1), alert(2))
    with shop.sender(Courier()):
        pass
    shop.add(alert(3), alert(4))
    courier = Courier()
    shop.tell(courier, 4)

    assert courier.brought == [key(3), key(4)]


def test_what_fails_is_tried_again_before_anything_else_is(shop):
    shop.begun().add(alert(1), alert(2))
    courier = Courier(
        AwayError("gone"), RefusedError("no"), AwayError("gone"), None, ValueError("a fault of ours")
    )
    sender = shop.tell(courier, 2)

    assert courier.tried == [key(1)] * 4 + [key(2)] * 2
    assert courier.brought == [key(1), key(2)]
    assert (sender.counts["sent"], sender.counts["failed"], sender.trouble) == (2, 3, "")


def test_what_is_refused_again_and_again_is_given_up_and_kept_and_the_rest_goes_on(shop):
    shop.begun().add(alert(1), alert(2))
    courier = Courier(*[RefusedError("not that one")] * 3)
    sender = shop.tell(courier, 2, max_tries=3)

    assert courier.tried == [key(1)] * 3 + [key(2)]
    [letter] = shop.positions.dead_letters("shop")
    assert (letter.seq, letter.error, letter.json) == (1, "not that one", shop.journal.page(0, 1)[0].json)
    assert shop.positions.position("shop")[2:] == (1, 1, 0)
    assert sender.counts == {"failed": 3, "given_up": 1, "sent": 1}


def test_a_target_that_is_away_is_never_given_up(shop):
    shop.begun().add(alert(1))
    courier = Courier(*[AwayError("gone")] * 12)
    shop.tell(courier, 1, max_tries=2)

    assert courier.brought == [key(1)]


def test_the_end_while_a_target_is_away_loses_nothing(shop):
    shop.begun().add(alert(1), alert(2))
    courier = Courier(None, *[AwayError("gone")] * 1000)
    with shop.sender(courier):
        wait_until(lambda: len(courier.tried) == 3)
    again = Courier()
    shop.tell(again, 2)

    assert courier.brought + again.brought == [key(1), key(2)]


def test_what_waited_too_long_is_left_out_but_for_what_is_open_and_how_it_ends(shop):
    long_ago, day_s = range(1, 6), 86400
    shop.begun().add(alert(1), *(alert(number) for number in long_ago[1:]))
    shop.add(alert(2, "closed"), alert(3, "updated"), alert(4, "closed"), alert(day_s * 2))
    shop.clock.now_s = day_s * 2 + 1
    first = Courier()
    sender = shop.tell(first, 9)

    # 1 and 5 are open; 3 is, as its update says; 2 and 4 began and ended meanwhile.
    assert first.brought == [key(1), key(5), key(3, "updated"), key(day_s * 2)]
    assert (sender.counts["left_out"], shop.positions.position("shop").n_left_out) == (5, 5)

    shop.add(alert(3, "closed"))
    last = Courier()
    shop.tell(last, 10)
    assert last.brought == [key(3, "closed")]


def test_who_heard_of_an_alert_hears_how_it_goes_on_whatever_it_is_called(shop):
    shop.begun().add(alert(1), alert(2, fault="chatter"))
    renamed = alert(1, "updated").__class__(
        **{field: getattr(alert(1, "updated"), field) for field in alert(1).__slots__}
        | {"fault": "collision"}
    )
    shop.add(renamed, alert(2, "closed", fault="chatter"), alert(1, "closed", fault="process"))
    courier = Courier()
    shop.tell(courier, 5, faults=("process",))

    assert courier.brought == [key(1), key(1, "updated"), key(1, "closed")]
    assert courier.notes == [None, "note process", "note collision"]
    assert shop.positions.told("shop") == {}


def test_filters_hold_back_and_what_cannot_be_said_is_not_below(shop):
    shop.begun().add(alert(1), alert(2, spindle="M2"), alert(3, "updated"), alert(4))
    courier = Courier()
    shop.tell(courier, 4, spindles=("M1",), states=("opened",), min_score=2.5, min_certainty=0.9)
    assert courier.brought == [key(1), key(4)]

    shop.begun()
    courier = Courier()
    shop.tell(courier, 4, min_score=2.6)
    assert courier.brought == []


def test_of_alerts_whose_end_is_not_wanted_nothing_is_remembered(shop):
    shop.begun().add(*(alert(n, state) for n in range(1, 20) for state in ("opened", "closed")))
    shop.tell(Courier(), 38, states=("opened",))

    assert shop.positions.told("shop") == {}


def test_another_journal_is_told_from_its_beginning(shop, tmp_path):
    shop.positions.begin("shop", "another", 1000)
    shop.positions.arrived("shop", "old", Told(1000, ""), 1000)
    shop.add(alert(1))
    courier = Courier()
    shop.tell(courier, 1)

    assert courier.brought == [key(1)]
    assert set(shop.positions.told("shop")) == {alert(1).id}


def test_an_older_copy_of_the_journal_hides_no_alert_that_comes_after_it(shop):
    shop.positions.begin("shop", shop.journal.epoch, 1000)
    shop.add(alert(1))
    courier = Courier()
    with shop.sender(courier) as sender:
        shop.add(alert(2))
        sender.wake()
        wait_until(lambda: courier.brought)

    assert courier.brought == [key(2)]


def test_one_that_hangs_makes_no_other_wait(shop):
    shop.begun().positions.begin("other", shop.journal.epoch, 0)
    let_go = threading.Event()

    class Hanging(Courier):
        def bring(self, delivery, note):
            let_go.wait()
            return super().bring(delivery, note)

    hanging, other = Hanging(), Courier()
    with shop.sender(hanging) as stuck, shop.sender(other, "other") as free:
        for number in range(1, 51):
            shop.add(alert(number))
            stuck.wake()
            free.wake()
        wait_until(lambda: len(other.brought) == 50)
        assert hanging.brought == []
        shop.clock.now_s = 100
        assert (stuck.age_s, free.age_s) == (pytest.approx(99.0), 0.0)
        let_go.set()
        wait_until(lambda: len(hanging.brought) == 50)

    assert hanging.brought == other.brought


def test_what_is_open_is_brought_again_with_what_was_remembered_of_it(shop):
    shop.begun().add(alert(1), alert(2), alert(1, "closed"), alert(2, "updated"), alert(3, fault="chatter"))
    repeated = []

    class Repeating(Courier):
        repeat_s = 0.05

        def repeat(self, deliveries):
            repeated.append([(delivery.key, note) for delivery, note in deliveries])
            if len(repeated) == 1:
                raise AwayError("gone")

    with shop.sender(Repeating(), faults=("process",), states=("opened", "closed")) as sender:
        wait_until(lambda: len(repeated) >= 3)

    assert repeated[0] == repeated[2] == [(key(2, "updated"), "note process")]
    assert (sender.counts["failed"], sender.trouble) == (1, "")


def test_a_message_that_cannot_be_read_is_given_up(shop):
    shop.begun().add(alert(1), alert(2))
    with shop.journal._writer as connection:
        connection.execute("UPDATE alerts SET json = x'7b7d' WHERE seq = 1")
    courier = Courier()
    shop.tell(courier, 2)

    assert courier.brought == [key(2)]
    assert shop.positions.dead_letters("shop")[0].seq == 1


def test_a_full_disk_makes_nobody_hear_the_same_twice(shop):
    shop.begun().add(alert(1), alert(2), alert(3))
    shop.positions._connection.execute("PRAGMA query_only = 1")
    courier = Courier()
    with shop.sender(courier) as sender:
        wait_until(lambda: len(courier.brought) == 3)
        wait_until(lambda: "cannot be written" in sender.trouble)

    assert courier.brought == [key(1), key(2), key(3)]


class Dying(Courier):
    """Its process is killed after so many, before or just after the next one arrived."""

    def __init__(self, n_before, is_late):
        super().__init__()
        self.n_before, self.is_late = n_before, is_late

    def bring(self, delivery, note):
        if len(self.brought) < self.n_before:
            return super().bring(delivery, note)
        if self.is_late:
            super().bring(delivery, note)
        raise SystemExit


@settings(max_examples=25, deadline=None)
@given(
    messages=st.lists(
        st.tuples(st.integers(1, 6), st.sampled_from(["opened", "updated", "closed"])),
        unique=True,
        max_size=14,
    ),
    kills=st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=6),
)
def test_killed_whenever_it_brings_every_message_in_order_and_again_only_what_may_have_arrived(
    tmp_path_factory, messages, kills
):
    shop = Shop(tmp_path_factory.mktemp("shop")).begun()
    target, brought = WebhookTarget(name="shop", url="http://x"), []
    shop.add(*(alert(number, state) for number, state in messages))
    for kill in kills:
        dying = Dying(*kill)
        sender = Sender(target, dying, shop.journal, shop.positions, shop.clock)
        with suppress(SystemExit):
            if shop.positions.position("shop").seq < len(messages):
                sender._round()
        brought += dying.brought
    last = Courier()
    shop.tell(last, len(messages))
    brought += last.brought
    shop.close()

    assert list(dict.fromkeys(brought)) == [key(number, state) for number, state in messages]
    n_again = len(brought) - len(messages)
    assert n_again <= sum(is_late for _, is_late in kills)


def test_only_the_newest_dead_letters_are_kept_and_of_each_target_its_own(tmp_path):
    positions = PositionFile(tmp_path / "positions.sqlite3")
    for target, n in (("a", MAX_DEAD + 30), ("b", 3)):
        positions.begin(target, "epoch", 0)
        for number in range(1, n + 1):
            positions.give_up(target, DeadLetter(number, 5, "no", b"{}"))

    kept = [letter.seq for letter in positions.dead_letters("a")]
    assert kept == list(range(MAX_DEAD + 30, 30, -1))
    assert len(positions.dead_letters("b")) == 3
    assert positions.position("a").n_given_up == MAX_DEAD + 30
    positions.close()
