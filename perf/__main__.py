"""``python -m perf``: measure, compare with the budgets, exit 1 if one does not hold."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from perf import (  # noqa: F401 - importing registers
    bench_bearing,
    bench_calibration,
    bench_capacity,
    bench_checkpoint,
    bench_delivery,
    bench_demo,
    bench_detectors,
    bench_ensemble,
    bench_flow,
    bench_healthy,
    bench_injection,
    bench_kernels,
    bench_machining,
    bench_recordings,
    bench_replay,
    bench_service,
    bench_start,
    bench_tool_life,
    bench_tune,
    bench_wire,
)
from perf.budgets import load_budgets
from perf.figures import FIGURES, Bench
from perf.machine import describe_machine
from perf.processes import ROOT
from perf.report import Result, measure_all, print_table


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Returns
    -------
    int
        0 all that could be measured is within budget; 1 something is not; 2 wrong usage.
    """
    wanted = _parser().parse_args(arguments)
    if wanted.list:
        print("\n".join(FIGURES))
        return 0
    ids = wanted.only or list(FIGURES)
    if unknown := [id for id in ids if id not in FIGURES]:
        print(f"no figure is called {unknown[0]!r}; known: {', '.join(FIGURES)}", file=sys.stderr)
        return 2
    machine = describe_machine()
    results = _measure(ids, _traces(wanted.traces), wanted.full)
    if wanted.json:
        report = {"machine": machine, "results": results}
        print(msgspec.json.format(msgspec.json.encode(report), indent=2).decode())
    else:
        print_table(results, machine)
    return int(any(result.ok is False for result in results))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m perf", description=__doc__)
    parser.add_argument("--only", nargs="+", metavar="ID", help="these figures only")
    parser.add_argument(
        "--json", action="store_true", help="one JSON object on stdout and nothing else there"
    )
    parser.add_argument("--list", action="store_true", help="print the ids and stop")
    parser.add_argument("--full", action="store_true", help="shares from a hundred trials and more: an hour")
    parser.add_argument(
        "--traces", type=Path, metavar="DIR", help="real recordings (default: ../shared/traces)"
    )
    return parser


def _traces(asked: Path | None) -> Path | None:
    folder = asked or ROOT.parent / "shared" / "traces"
    return folder.resolve() if folder.is_dir() else None


def _measure(ids: Sequence[str], traces: Path | None, full: bool) -> list[Result]:
    budgets = load_budgets(Path(__file__).with_name("budgets.toml"))
    results = []
    with tempfile.TemporaryDirectory(prefix="spindlewatch-perf-") as work:
        for result in measure_all([FIGURES[id] for id in ids], budgets, Bench(Path(work), traces, full)):
            print(f"{result.id}: {result.value} {result.unit} {result.note}".rstrip(), file=sys.stderr)
            results.append(result)
    return results


if __name__ == "__main__":
    sys.exit(main())
