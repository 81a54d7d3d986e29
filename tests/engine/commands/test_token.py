import json

import pytest
from click.testing import CliRunner

from engine.cli import cli
from engine.errors import UsageError
from sinks.tokens import matching, read_tokens


@pytest.fixture
def site(tmp_path):
    path = tmp_path / "site.toml"
    path.write_text(f'[access]\ntokens_file = "{tmp_path}/tokens.json"\n')
    return path


def _run(*options):
    result = CliRunner().invoke(cli, ["token", *map(str, options)])
    if result.exception:
        raise result.exception
    return result


def test_token_is_printed_once_and_lets_its_owner_in(site, tmp_path):
    text = _run("add", "hall", "--role", "operator", "--config", site).stdout.strip()

    assert matching(read_tokens(tmp_path / "tokens.json"), text).role == "operator"
    assert text not in _run("list", "--config", site).output
    assert _run("list", "--config", site).output.startswith("operator hall  from 20")


def test_list_says_which_have_expired(site, tmp_path):
    _run("add", "guest", "--role", "viewer", "--expires", "1e-12", "--config", site)
    _run("add", "hall", "--role", "viewer", "--expires", "30", "--file", tmp_path / "tokens.json")

    told = json.loads(_run("list", "--config", site, "--json").stdout)["tokens"]

    assert [(one["name"], one["expired"]) for one in told] == [("guest", True), ("hall", False)]
    assert set(told[0]) == {"name", "role", "created_ns", "expires_ns", "expired"}  # and no hash


def test_removed_token_is_listed_no_more(site):
    _run("add", "hall", "--role", "viewer", "--config", site)

    _run("remove", "hall", "--config", site)

    assert _run("list", "--config", site).output == ""


def test_where_tokens_are_kept_must_be_said():
    with pytest.raises(UsageError, match=r"access\.tokens_file"):
        _run("list")
