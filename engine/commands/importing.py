"""Others' recordings turned into ours."""

from __future__ import annotations

from pathlib import Path

import click

from engine.commands.options import PATH, json_option, print_json
from engine.errors import UsageError


@click.command(name="import")
@click.argument("format_", metavar="FORMAT")
@click.argument("source", type=PATH)
@click.argument("dest", type=PATH)
@click.option(
    "--option", "-o", "options", multiple=True, metavar="KEY=VALUE", help="For the importer; repeatable."
)
@json_option
def import_(format_: str, source: Path, dest: Path, options: tuple[str, ...], as_json: bool) -> None:
    """Turn others' recordings into ours: skab, cwru, femto, umich, mfpt, nasa_milling, lathe, nab, csv."""
    from replay.importers.registry import import_recording

    report = import_recording(format_, source, dest, **_parse_options(options))
    if as_json:
        print_json(report.as_dict())
    else:
        for line in report.lines():
            click.echo(line)


def _parse_options(options: tuple[str, ...]) -> dict[str, str]:
    pairs = [option.partition("=") for option in options]
    for key, equals, _value in pairs:
        if not (key and equals):
            raise UsageError(f"--option: got {key!r}, wanted KEY=VALUE")
    return {key: value for key, _, value in pairs}
