from __future__ import annotations

from collections import Counter

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.datastructures import Headers

from engine.errors import ConfigError
from sinks.access import LOCAL, OPEN, Failures, Gate, Lobby
from sinks.names import Names, peer
from sinks.tokens import Role, add_token, remove_token

ADDRESS = "10.0.0.7"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "tokens.json"


class Watched:
    """A gate, what it counted and noted, and its clock."""

    def __init__(self, path):
        self.counts, self.deeds, self.now_ns = Counter(), [], 1000
        access = msgspec.structs.replace(OPEN, tokens_file=str(path))
        self.gate = Gate(access, self.counts, self.deeds.append, lambda: self.now_ns)

    def told(self):
        return [(deed.who, deed.what, deed.subject, deed.outcome) for deed in self.deeds]


def test_right_token_is_let_in_under_its_name_and_noted(path):
    text = add_token(path, "hall", Role.OPERATOR, 0)
    watched = Watched(path)

    principal = watched.gate.admit(text, ADDRESS)

    assert (principal.name, principal.role, principal.address) == ("hall", Role.OPERATOR, ADDRESS)
    assert watched.told() == [("hall", "connect", "", "ok")]
    assert watched.gate.holds(principal)


@given(st.text(max_size=200))
def test_nothing_else_is_let_in(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "any.json"
    if not path.exists():
        add_token(path, "hall", Role.OPERATOR, 0)
    watched = Watched(path)

    assert watched.gate.admit(text, ADDRESS) is None
    assert watched.counts == {"refused_token": 1}


def test_expired_token_is_refused_and_the_trail_knows_whose_it_was(path):
    text = add_token(path, "guest", Role.VIEWER, 0, expires_ns=2000)
    watched = Watched(path)
    principal = watched.gate.admit(text, ADDRESS)

    watched.now_ns = 2000

    assert not watched.gate.holds(principal)
    assert watched.gate.admit(text, ADDRESS) is None
    assert watched.told()[-1] == ("guest", "connect", "", "token expired")


def test_tokens_are_followed_as_they_are_made_and_removed(path):
    first = add_token(path, "hall", Role.VIEWER, 0)
    watched = Watched(path)
    principal = watched.gate.admit(first, ADDRESS)

    second = add_token(path, "office", Role.VIEWER, 0)
    remove_token(path, "hall")
    watched.gate.refresh()

    assert not watched.gate.holds(principal)
    assert watched.gate.admit(second, ADDRESS).name == "office"
    assert ("", "token removed", "hall (viewer)", "ok") in watched.told()
    assert ("", "token added", "office (viewer)", "ok") in watched.told()


def test_token_of_the_same_name_is_another_token(path):
    text = add_token(path, "hall", Role.ADMIN, 0)
    watched = Watched(path)
    principal = watched.gate.admit(text, ADDRESS)

    remove_token(path, "hall")
    add_token(path, "hall", Role.ADMIN, 0)
    watched.gate.refresh()

    assert not watched.gate.holds(principal)


def test_file_that_is_gone_lets_nobody_in_and_nobody_stay(path):
    text = add_token(path, "hall", Role.VIEWER, 0)
    watched = Watched(path)
    principal = watched.gate.admit(text, ADDRESS)

    path.unlink()

    assert watched.gate.admit(text, ADDRESS) is None
    assert not watched.gate.holds(principal)


def test_file_that_cannot_be_used_changes_nothing_and_is_told_once(path, caplog):
    text = add_token(path, "hall", Role.VIEWER, 0)
    watched = Watched(path)

    path.write_text("{")
    watched.gate.refresh()
    watched.gate.refresh()

    assert watched.gate.admit(text, ADDRESS) is not None
    assert caplog.text.count("not read again") == 1


def test_gate_without_its_file_does_not_open(path):
    with pytest.raises(ConfigError, match="token add"):
        Watched(path)


def test_gate_without_tokens_asks_nobody():
    gate = Gate(OPEN, Counter(), lambda _: None)

    assert not gate.asks
    assert gate.holds(LOCAL)


def test_pauses_grow_with_each_failure_and_not_for_others():
    failures = Failures()

    pauses = [failures.pause_s(ADDRESS, n) for n in range(10)]

    assert pauses[:4] == pytest.approx([0.1, 0.2, 0.4, 0.8])
    assert pauses[-1] == 5.0
    assert failures.pause_s("10.0.0.8", 10.0) == pytest.approx(0.1)
    assert failures.pause_s(ADDRESS, 700.0) == pytest.approx(0.1)  # ten minutes later


def test_addresses_that_have_failed_are_forgotten_before_they_fill_the_memory():
    failures = Failures()
    failures.pause_s("first", 0.0)

    for n in range(5000):
        failures.pause_s(str(n), 1.0)

    assert failures.pause_s("first", 2.0) == pytest.approx(0.1)
    assert failures.pause_s("4999", 2.0) == pytest.approx(0.2)


def test_one_address_cannot_take_the_places_of_others():
    lobby: Lobby[int] = Lobby(strict=True)

    gone = [lobby.enter(n, ADDRESS) for n in range(100)]

    assert [one for one in gone if one is not None] == list(range(64, 100))
    assert lobby.enter(1000, "10.0.0.8") is None
    lobby.leave(3)
    assert lobby.enter(1001, ADDRESS) is None


def test_where_all_places_are_taken_the_oldest_goes():
    lobby: Lobby[int] = Lobby(strict=True)

    gone = [lobby.enter(n, f"10.0.{n // 50}.1") for n in range(600)]

    assert [one for one in gone if one is not None] == list(range(600 - 512))
    assert len(lobby) == 512


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5), st.sampled_from("ab")), max_size=100))
def test_places_are_given_back_whatever_the_order(steps):
    lobby: Lobby[int] = Lobby(strict=True)
    inside: dict[int, str] = {}
    for comes, who, address in steps:
        if comes and who not in inside:
            lobby.enter(who, address)
            inside[who] = address
        elif not comes:
            lobby.leave(who)
            inside.pop(who, None)

    assert len(lobby) == len(inside)
    for who in list(inside):
        lobby.leave(who)
    assert all(lobby.enter(100 + n, "a") is None for n in range(64))


def headers(**fields):
    return Headers([(name, value) for name, values in fields.items() for value in values])


@pytest.mark.parametrize(
    ("host", "asked", "ours"),
    [
        ("127.0.0.1", "127.0.0.1:8765", True),
        ("127.0.0.1", "localhost", True),
        ("127.0.0.1", "[::1]:8765", True),
        ("127.0.0.1", "mill.example:8765", True),  # an origin that is known
        ("127.0.0.1", "10.0.0.7", False),
        ("127.0.0.1", "evil.example", False),
        ("127.0.0.1", "localhost.evil.example", False),
        ("127.0.0.1", "127.0.0.1.evil.example", False),
        ("127.0.0.1", "", False),
        ("127.0.0.1", "[broken", False),
        ("0.0.0.0", "10.0.0.7:8765", True),
        ("0.0.0.0", "evil.example", False),
    ],
)
def test_names_that_a_page_could_have_made_lead_here_are_foreign(host, asked, ours):
    names = Names(host, msgspec.structs.replace(OPEN, origins=("https://mill.example",)))

    assert names.are_ours(headers(Host=[asked])) is ours


@pytest.mark.parametrize(
    ("origins", "hosts", "may"),
    [
        ([], ["127.0.0.1:1"], True),
        (["http://127.0.0.1:1"], ["127.0.0.1:1"], True),
        (["https://mill.example"], ["127.0.0.1:1"], True),  # an origin that is known, through a proxy
        (["http://mill.example"], ["127.0.0.1:1"], False),
        (["https://mill.example.evil.example"], ["127.0.0.1:1"], False),
        (["http://127.0.0.1:2"], ["127.0.0.1:1"], False),
        (["null"], ["127.0.0.1:1"], False),
        ([""], [""], False),
        (["file://127.0.0.1:1"], ["127.0.0.1:1"], False),
        (["http://127.0.0.1:1", "http://127.0.0.1:1"], ["127.0.0.1:1"], False),
        (["http://127.0.0.1:1"], ["127.0.0.1:1", "127.0.0.1:1"], False),
    ],
)
def test_only_pages_from_here_or_known_ones_listen(origins, hosts, may):
    names = Names("127.0.0.1", msgspec.structs.replace(OPEN, origins=("https://mill.example",)))

    assert names.let_listen(headers(Origin=origins, Host=hosts)) is may


def test_owner_of_an_ipv6_network_is_one_address():
    assert peer(("2001:db8:1:2::3", 1, 0, 0)) == peer(("2001:db8:1:2:ffff::4", 2, 0, 0))
    assert peer(("::ffff:10.0.0.7", 1, 0, 0)) == "10.0.0.7"
    assert peer("/run/socket") == ""


def test_principal_of_this_machine_may_operate_and_not_administer():
    assert LOCAL.role is Role.OPERATOR
    assert LOCAL.token is None
