"""Faults put into healthy recordings, once or a hundred times."""

from __future__ import annotations

from pathlib import Path

import click

from engine.commands.options import PATH, config_option, json_option, print_json


@click.command()
@click.argument("recording", type=PATH)
@click.argument("dest", type=PATH)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    required=True,
    metavar="FAULT@START[-END][:SEVERITY]",
    help="Repeatable; times in seconds, severity 1 = moderate.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of what is random in a fault.")
@json_option
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
        print_json({"recording": str(dest), "injected": injected})
    else:
        for fault in placed:
            click.echo(
                f"{fault.kind} from {fault.start_s:g} s to {fault.end_s:g} s, severity {fault.severity:g}"
            )
        click.echo(f"wrote {dest}")


@click.command(name="inject-bench")
@click.argument("recordings", nargs=-1, type=PATH)
@click.option("--out", type=PATH, required=True, help="Folder for bench.json, trials.csv, bench.html.")
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
@config_option
@json_option
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
        print_json(result.as_dict())
    else:
        print_bench(result)
