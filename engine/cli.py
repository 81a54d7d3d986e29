"""The command line. Heavy imports happen inside the commands, so that ``--help`` is instant."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from engine import __version__
from engine.errors import SpindlewatchError, UsageError

_PATH = click.Path(path_type=Path)
_config_option = click.option(
    "--config", "config_path", type=_PATH, help="Site configuration (TOML), laid over the defaults."
)
_json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON result on stdout, nothing else."
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="spindlewatch")
def cli() -> None:
    """Watch machine-tool spindles: current and vibration in, alerts a machinist believes out."""


@cli.command()
@click.option("--duration", type=click.FloatRange(min=1), help="End by itself after so many seconds.")
@click.option(
    "--spindles", type=click.IntRange(1, 64), default=4, show_default=True, help="Simulated spindles."
)
@click.option("--seed", type=int, default=1, show_default=True, help="Another shop, other faults.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port of the page; 0 = any free one.")
@click.option("--journal", type=_PATH, help="Where alerts are kept; default: a temporary folder.")
@click.option(
    "--redis", "redis_url", metavar="URL", help="Add alerts to the stream spindlewatch:alerts there too."
)
@_config_option
@_json_option
def demo(
    duration: float | None,
    spindles: int,
    seed: int,
    port: int | None,
    journal: Path | None,
    redis_url: str | None,
    config_path: Path | None,
    as_json: bool,
) -> None:
    """Watch a simulated shop live, with faults arriving, on a page in your browser."""
    from replay.demo import run_demo

    result = run_demo(
        duration_s=duration,
        n_spindles=spindles,
        seed=seed,
        port=port,
        journal_path=journal,
        redis_url=redis_url,
        config_path=config_path,
        quiet=as_json,
    )
    if as_json:
        _print_json(result.as_dict())
    elif duration is not None:
        result.print_table()


@cli.command()
@click.argument("recordings", nargs=-1, required=True, type=_PATH)
@click.option(
    "--out", "out", type=_PATH, required=True, help="Folder for summary.json, alerts.jsonl, scores.parquet."
)
@click.option("--pace", default="max", show_default=True, help="max, real, or a factor such as 10.")
@click.option(
    "--kpi", is_flag=True, help="Also kpi.json: tool changes in time, stops avoided, latency, false alerts."
)
@_config_option
@_json_option
def replay(
    recordings: tuple[Path, ...], out: Path, pace: str, kpi: bool, config_path: Path | None, as_json: bool
) -> None:
    """Run recordings through the very flow that runs live."""
    from engine.config import load_config
    from replay.session import replay_recordings

    summary = replay_recordings(
        recordings,
        out,
        load_config(config_path),
        pace=_parse_pace(pace),
        show_progress=not as_json,
        with_kpi=kpi,
    )
    if as_json:
        _print_json(summary.as_dict())
    else:
        summary.print_table()
        for line in summary.kpi.lines() if summary.kpi is not None else ():
            click.echo(line)


@cli.command()
@click.argument("dest", type=_PATH)
@click.option(
    "--preset",
    type=click.Choice(["shop", "demo", "everyday", "lives"]),
    default="shop",
    show_default=True,
    help="everyday: a healthy shop that varies; lives: edges of a tool that wear out.",
)
@click.option("--duration", type=click.FloatRange(min=1), default=300.0, show_default=True, help="Seconds.")
@click.option("--spindles", type=click.IntRange(1, 64), default=1, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same bytes.")
@click.option(
    "--fault", "faults", multiple=True, metavar="FAULT@START[-END]:SPINDLE[:SEVERITY]", help="Repeatable."
)
@_json_option
def simulate(
    dest: Path, preset: str, duration: float, spindles: int, seed: int, faults: tuple[str, ...], as_json: bool
) -> None:
    """Write recordings of simulated milling spindles with labelled faults, one folder per spindle."""
    from replay.simulate import plan_from_options
    from replay.simulate import simulate as write

    plan = plan_from_options(
        preset=preset, duration_s=duration, n_spindles=spindles, seed=seed, faults=faults
    )
    paths = write(plan, duration, dest)
    if as_json:
        _print_json({"recordings": [str(path) for path in paths]})
    else:
        for path in paths:
            click.echo(f"wrote {path}")


@cli.command()
@click.argument("recording", type=_PATH)
@click.argument("dest", type=_PATH)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    required=True,
    metavar="KIND@START[-END][:SEVERITY]",
    help="Repeatable; times in seconds, severity 1 = moderate.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of what is random in a fault.")
@_json_option
def inject(recording: Path, dest: Path, faults: tuple[str, ...], seed: int, as_json: bool) -> None:
    """Copy a healthy recording and superpose labelled faults: what is found is then known to be there.

    Kinds: collision, tool_breakage, missing_tool, chatter, bearing, bearing_inner, imbalance, tool_wear,
    sensor_flat_line, sensor_dropout, sensor_drift, sensor_clipping.
    """
    from replay.inject import inject as write
    from replay.inject import parse_order

    placed = write(recording, dest, [parse_order(fault) for fault in faults], seed=seed)
    if as_json:
        injected = [
            {"fault": str(f.kind), "start_s": f.start_s, "end_s": f.end_s, "severity": f.severity}
            for f in placed
        ]
        _print_json({"recording": str(dest), "injected": injected})
    else:
        for fault in placed:
            click.echo(
                f"{fault.kind} from {fault.start_s:g} s to {fault.end_s:g} s, severity {fault.severity:g}"
            )
        click.echo(f"wrote {dest}")


@cli.command(name="inject-bench")
@click.argument("recordings", nargs=-1, type=_PATH)
@click.option("--out", type=_PATH, required=True, help="Folder for bench.json, trials.csv, bench.html.")
@click.option(
    "--simulate",
    "n_simulated",
    type=click.IntRange(0),
    default=0,
    help="Simulated shops of four spindles, too.",
)
@click.option(
    "--trials",
    type=click.IntRange(1),
    default=8,
    show_default=True,
    help="Per fault, severity and recording (or shop).",
)
@click.option("--severities", default="0.25,0.5,1,2", show_default=True, help="1 = moderate.")
@click.option("--faults", help="Only these, such as chatter,bearing; default: all.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True, help="Processes.")
@_config_option
@_json_option
def inject_bench(
    recordings: tuple[Path, ...],
    out: Path,
    n_simulated: int,
    trials: int,
    severities: str,
    faults: str | None,
    seed: int,
    jobs: int,
    config_path: Path | None,
    as_json: bool,
) -> None:
    """Inject faults into healthy recordings and simulated spindles, and say how many are found.

    For each fault and severity: probability of detection, delay, right class; and false alerts meanwhile.
    """
    from engine.config import load_config
    from replay.inject.bench import run_bench
    from replay.inject.orders import parse_kinds, parse_severities
    from replay.inject.table import bench_progress, print_bench

    with bench_progress(not as_json) as tell:
        result = run_bench(
            recordings,
            load_config(config_path),
            n_simulated=n_simulated,
            n_trials=trials,
            severities=parse_severities(severities),
            kinds=parse_kinds(faults),
            seed=seed,
            n_jobs=jobs,
            on_progress=tell,
        )
    result.write(out)
    if as_json:
        _print_json(result.as_dict())
    else:
        print_bench(result)


@cli.command(name="import")
@click.argument("format_", metavar="FORMAT")
@click.argument("source", type=_PATH)
@click.argument("dest", type=_PATH)
@click.option(
    "--option", "-o", "options", multiple=True, metavar="KEY=VALUE", help="For the importer; repeatable."
)
@_json_option
def import_(format_: str, source: Path, dest: Path, options: tuple[str, ...], as_json: bool) -> None:
    """Turn others' recordings into ours: skab, cwru, femto, umich, mfpt, nasa_milling, lathe, nab, csv."""
    from replay.importers.registry import import_recording

    report = import_recording(format_, source, dest, **_parse_options(options))
    if as_json:
        _print_json(report.as_dict())
    else:
        for line in report.lines():
            click.echo(line)


@cli.command()
@click.argument("url", default="ws://127.0.0.1:8765/v1/stream")
@click.option("--spindle", "spindles", multiple=True, help="Only these spindles; repeatable.")
@click.option("--json", "as_json", is_flag=True, help="One JSON line per alert on stdout.")
def watch(url: str, spindles: tuple[str, ...], as_json: bool) -> None:
    """Subscribe to a running engine in the terminal; resumes where it was after any disconnection."""
    from sinks.watch import watch as run

    run(url, spindles=spindles, as_json=as_json)


@cli.command()
@click.option(
    "--journal",
    type=_PATH,
    default=Path("spindlewatch.sqlite3"),
    show_default=True,
    help="Where tool lives are kept.",
)
@click.option("--spindle", help="Only this spindle's.")
@click.option("--all", "with_old", is_flag=True, help="Edges that have been changed, too.")
@_json_option
def tools(journal: Path, spindle: str | None, with_old: bool, as_json: bool) -> None:
    """List the cutting edges: cuts, wear, cuts left, and which to change."""
    from sinks.tool_table import print_tools, read_tools

    lives = read_tools(journal, spindle, with_old=with_old)
    if as_json:
        _print_json({"journal": str(journal), "tools": lives})
    else:
        print_tools(lives)


@cli.command()
@click.argument("path", type=_PATH)
@_config_option
@_json_option
def check(path: Path, config_path: Path | None, as_json: bool) -> None:
    """Validate a configuration (a .toml file) or a recording (a folder).

    With --config, a recording is also asked which of the configured features it cannot give, and why.
    """
    from engine.config import load_config

    if path.is_dir():
        from replay.recording import Recording, validate

        lines = validate(path)
        if config_path is not None:
            from replay.coverage import missing_features

            lines += missing_features(Recording.open(path), load_config(config_path))
    else:
        from detectors.registry import check_detectors
        from operators.features import check_config

        config = load_config(path)
        check_config(config)
        check_detectors(config.detectors)
        lines = [f"{path}: valid configuration, hash {config.hash}"]
    if as_json:
        _print_json({"path": str(path), "valid": True, "lines": lines})
    else:
        for line in lines:
            click.echo(line)


def _parse_pace(text: str) -> float | None:
    """None = as fast as possible."""
    if text == "max":
        return None
    try:
        pace = 1.0 if text == "real" else float(text.removeprefix("x").removeprefix("×"))
    except ValueError:
        pace = 0.0
    if not 0.0 < pace < float("inf"):
        raise UsageError(f"--pace: got {text!r}, wanted max, real, or a factor greater than 0 such as 10")
    return pace


def _parse_options(options: tuple[str, ...]) -> dict[str, str]:
    pairs = [option.partition("=") for option in options]
    for key, equals, _value in pairs:
        if not (key and equals):
            raise UsageError(f"--option: got {key!r}, wanted KEY=VALUE")
    return {key: value for key, _, value in pairs}


def _print_json(result: Any) -> None:
    import json

    click.echo(json.dumps(result, ensure_ascii=False, allow_nan=False))


def main() -> None:
    """Entry point: one line per error, never a traceback for what the user can mend.

    Exit status: 0 done, 1 failed, 2 wrong usage or configuration, 130 interrupted.
    """
    try:
        cli.main(standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except SpindlewatchError as error:
        click.echo(f"spindlewatch: {error}", err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)


if __name__ == "__main__":
    main()
