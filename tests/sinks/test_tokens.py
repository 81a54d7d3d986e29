from __future__ import annotations

import os
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import ConfigError, UsageError
from sinks.tokens import Role, Token, add_token, matching, read_tokens, remove_token


@pytest.fixture
def path(tmp_path):
    return tmp_path / "tokens.json"


def test_token_is_recognised_and_no_other(path):
    first = add_token(path, "hall", Role.VIEWER, 5)
    second = add_token(path, "이순신", Role.OPERATOR, 6, 60)

    tokens = read_tokens(path)

    assert [(one.name, one.role, one.created_ns, one.expires_ns) for one in tokens] == [
        ("hall", Role.VIEWER, 5, None),
        ("이순신", Role.OPERATOR, 6, 60),
    ]
    assert matching(tokens, first).name == "hall"
    assert matching(tokens, second).name == "이순신"
    assert matching(tokens, first[:-1]) is None
    assert matching((), first) is None


@given(st.text(max_size=300))
def test_what_is_shown_may_be_anything(text):
    assert matching([Token("hall", Role.VIEWER, "0" * 64, 0)], text) is None


def test_file_holds_no_token_and_is_its_owners_only(path):
    text = add_token(path, "hall", Role.VIEWER, 5)

    assert text.removeprefix("sw_").encode() not in path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["tokens.json"]


def test_file_that_the_services_group_may_read_stays_so(path):
    add_token(path, "hall", Role.VIEWER, 5)
    os.chmod(path, 0o644)

    add_token(path, "office", Role.VIEWER, 5)

    assert path.stat().st_mode & 0o777 == 0o640


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_file_is_its_folders_owners_and_stays_whose_it_was(path):
    os.chown(path.parent, 12345, 54321)
    add_token(path, "hall", Role.VIEWER, 5)
    assert (path.stat().st_uid, path.stat().st_gid) == (12345, 54321)

    os.chown(path, 23456, 65432)
    remove_token(path, "hall")

    assert (path.stat().st_uid, path.stat().st_gid) == (23456, 65432)


def test_tokens_are_long_random_and_never_the_same(path):
    made = {add_token(path, f"screen {n}", Role.VIEWER, n) for n in range(20)}

    assert len(made) == 20
    assert min(map(len, made)) >= 3 + 43  # 256 bits in base 64


def test_token_expires_at_its_time_and_not_before():
    token = Token("hall", Role.VIEWER, "0" * 64, 0, 100)

    assert token.holds_at(99)
    assert not token.holds_at(100)


def test_removed_token_is_known_no_more(path):
    text = add_token(path, "hall", Role.VIEWER, 5)
    add_token(path, "office", Role.VIEWER, 5)

    remove_token(path, "hall")

    assert matching(read_tokens(path), text) is None
    assert [one.name for one in read_tokens(path)] == ["office"]


def test_name_is_given_once(path):
    add_token(path, "hall", Role.VIEWER, 5)
    before = path.read_bytes()

    with pytest.raises(UsageError, match="there is a token named 'hall'"):
        add_token(path, "hall", Role.ADMIN, 6)
    with pytest.raises(UsageError, match="no token named 'yard'"):
        remove_token(path, "yard")
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["", " hall", "a\nb", "x" * 65, "\x1b[31m"])
def test_name_that_could_forge_a_line_is_refused(path, name):
    with pytest.raises(UsageError, match="printable"):
        add_token(path, name, Role.VIEWER, 5)

    assert not path.exists()


def test_of_many_made_at_a_time_none_is_lost(path):
    threads = [threading.Thread(target=add_token, args=(path, f"t{n}", Role.VIEWER, n)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(read_tokens(path)) == 8


def test_file_that_others_could_write_is_refused(path):
    add_token(path, "hall", Role.VIEWER, 5)
    os.chmod(path, 0o620)

    with pytest.raises(ConfigError, match="0620"):
        read_tokens(path)


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"version": 2, "tokens": []}', '{"version": 1, "tokens": [{"name": "a"}]}']
)
def test_file_that_holds_no_tokens_is_one_clear_error(path, text):
    path.write_text(text)

    with pytest.raises(ConfigError, match=r"tokens\.json: no file of tokens"):
        read_tokens(path)


def test_file_that_is_not_there_says_how_one_is_made(path):
    with pytest.raises(ConfigError, match="token add"):
        read_tokens(path)
    with pytest.raises(ConfigError, match="cannot be kept there"):
        add_token(path / "below" / "tokens.json", "hall", Role.VIEWER, 5)


def test_each_role_may_do_what_those_below_it_may():
    assert [[one.includes(other) for other in Role] for one in Role] == [
        [True, False, False],
        [True, True, False],
        [True, True, True],
    ]
