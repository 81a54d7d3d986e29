"""Who may connect: the tokens of a site."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.commands.options import PATH, config_option, json_option, print_json

if TYPE_CHECKING:
    from sinks.tokens import Token

_ROLES = ("viewer", "operator", "admin")
_NS_PER_DAY = 86_400_000_000_000

file_option = click.option(
    "--file", "path", type=PATH, help="File of tokens; default: access.tokens_file of the configuration."
)


@click.group()
def token() -> None:
    """Make, list and remove tokens for page and stream; a running service follows within seconds."""


@token.command()
@click.argument("name")
@click.option("--role", type=click.Choice(_ROLES), required=True, help="See; also change; also administer.")
@click.option(
    "--expires",
    "expires_days",
    type=click.FloatRange(min=0, min_open=True, max=36_500),
    help="After so many days.",
)
@file_option
@config_option
@json_option
def add(
    name: str,
    role: str,
    expires_days: float | None,
    path: Path | None,
    config_path: Path | None,
    as_json: bool,
) -> None:
    """Make a token for NAME and print it, this once: only its hash is kept."""
    from engine.clock import WallClock
    from sinks.tokens import Role, add_token

    now_ns = WallClock.system_ns()
    expires_ns = None if expires_days is None else now_ns + round(expires_days * _NS_PER_DAY)
    text = add_token(_file(path, config_path), name, Role(role), now_ns, expires_ns)
    if as_json:
        print_json({"name": name, "role": role, "token": text, "expires_ns": expires_ns})
    else:
        click.echo(text)
        click.echo(f"Token of {name} ({role}). It is shown this once; whoever has it may connect.", err=True)


@token.command("list")
@file_option
@config_option
@json_option
def list_(path: Path | None, config_path: Path | None, as_json: bool) -> None:
    """List the tokens there are; neither they nor their hashes are shown."""
    from engine.clock import WallClock
    from sinks.tokens import read_tokens

    now_ns = WallClock.system_ns()
    tokens = read_tokens(_file(path, config_path))
    if as_json:
        print_json({"tokens": [_told(one, now_ns) for one in tokens]})
        return
    for one in tokens:
        until = "no end" if one.expires_ns is None else f"until {_day(one.expires_ns)}"
        expired = "" if one.holds_at(now_ns) else " (expired)"
        click.echo(f"{one.role:8} {one.name}  from {_day(one.created_ns)}, {until}{expired}")


@token.command()
@click.argument("name")
@file_option
@config_option
def remove(name: str, path: Path | None, config_path: Path | None) -> None:
    """Remove NAME's token: whoever is connected with it is cut off."""
    from sinks.tokens import remove_token

    remove_token(_file(path, config_path), name)


def _file(path: Path | None, config_path: Path | None) -> Path:
    from engine.config import load_config
    from engine.errors import UsageError

    if path is not None:
        return path
    configured = load_config(config_path).access.tokens_file
    if not configured:
        raise UsageError("wanted --file, or a --config that says access.tokens_file; got neither")
    return Path(configured)


def _told(token: Token, now_ns: int) -> dict[str, object]:
    return {
        "name": token.name,
        "role": str(token.role),
        "created_ns": token.created_ns,
        "expires_ns": token.expires_ns,
        "expired": not token.holds_at(now_ns),
    }


def _day(t_ns: int) -> str:
    from engine.clock import to_datetime

    return f"{to_datetime(t_ns):%Y-%m-%d %H:%M} UTC"
