"""A replay as a page to hand over."""

from __future__ import annotations

from pathlib import Path

import click

from engine.commands.options import PATH, config_option, json_option, print_json


@click.command()
@click.argument("out", type=PATH)
@click.option(
    "--recordings",
    "recordings",
    type=PATH,
    multiple=True,
    help="A recording that was replayed, for its samples, contexts and labels; repeatable.",
)
@click.argument("more", nargs=-1, type=PATH)
@click.option("--bench", type=PATH, help="Folder that inject-bench wrote, for the curves of injected faults.")
@click.option("--lang", "language", type=click.Choice(["en", "ko"]), help="In which it opens.")
@click.option("--output", type=PATH, help="The page; default: report.html in OUT.")
@click.option(
    "--signals", default=60, show_default=True, type=click.IntRange(0, 1000), help="Alerts with waveforms."
)
@config_option
@json_option
def report(
    out: Path,
    recordings: tuple[Path, ...],
    more: tuple[Path, ...],
    bench: Path | None,
    language: str | None,
    output: Path | None,
    signals: int,
    config_path: Path | None,
    as_json: bool,
) -> None:
    """Write what a replay found, as one HTML file that loads nothing.

    OUT is the folder that `replay --out` wrote; recordings may also follow it, or --recordings, as a list.
    """
    from replay.report import gather, write_report

    data = gather(out, (*recordings, *more), config=config_path, bench=bench, n_pictures=signals)
    path = output or out / "report.html"
    write_report(data, path, language)
    result = {"report": str(path), "alerts": data["n_alerts"], "with_signals": data["n_pictures"]}
    if as_json:
        print_json(result)
    else:
        click.echo(f"{path}: {data['n_alerts']} alerts, {data['n_pictures']} of them with signals")
