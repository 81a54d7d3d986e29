"""Others' recordings turned into ours."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
@click.option("--show", is_flag=True, help="Print which column would become what, as TOML; write nothing.")
@json_option
def import_(
    format_: str, source: Path, dest: Path, options: tuple[str, ...], show: bool, as_json: bool
) -> None:
    """Turn others' recordings into ours.

    Formats: csv (tsv too), parquet, npz, mat, hdf5, wav, flac, tdms, uff; and the sets skab, cwru, femto, umich, mfpt,
    nasa_milling, lathe, nab, kamp_cnc, kamp_precision.
    """
    from replay.importers.registry import import_recording, show_mapping

    chosen = _parse_options(options)
    if show:
        click.echo(show_mapping(format_, source, **chosen), nl=False)
        return
    with _bar() as progress:
        report = import_recording(format_, source, dest, progress, **chosen)
    if as_json:
        print_json(report.as_dict())
    else:
        for line in report.lines():
            click.echo(line)


@contextmanager
def _bar() -> Iterator[Callable[[str, float | None], None] | None]:
    """Show on stderr how far an import is, where that is a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading", total=None)
        # Not every block: a scalar's is one sample.
        n_calls = 0

        def progress(name: str, share: float | None) -> None:
            nonlocal n_calls
            n_calls += 1
            if n_calls % 100 == 1:
                bar.update(
                    task, description=name, total=None if share is None else 1.0, completed=share or 0.0
                )

        yield progress


def _parse_options(options: tuple[str, ...]) -> dict[str, str]:
    pairs = [option.partition("=") for option in options]
    for key, equals, _value in pairs:
        if not (key and equals):
            raise UsageError(f"--option: got {key!r}, wanted KEY=VALUE")
    return {key: value for key, _, value in pairs}
