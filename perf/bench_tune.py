"""How long a tuning takes, and whether what it hands over is better on recordings that did not choose it.

All SKAB recordings there are, the default space, a hundred trials, two processes: the command that a user gives, start
of Python and of both processes included. The default configuration was made with these very recordings in view, so
there is little to gain; what counts is that a tuning does not lose, and does not claim what it has not.
"""

from __future__ import annotations

from typing import Any

from perf.figures import Bench, Measured, NotMeasurableError, figure

_N_TRIALS = 100
_N_JOBS = 2


def _tuned(bench: Bench) -> tuple[float, dict[str, Any]]:
    """Wall seconds and what the command told."""

    def run() -> tuple[float, dict[str, Any]]:
        if bench.traces is None or not (bench.traces / "skab").is_dir():
            raise NotMeasurableError("no folder skab with real recordings (--traces DIR)")
        imported, out = bench.work / "skab-tune", bench.work / "skab-tuned"
        bench.spindlewatch("import", "skab", bench.traces / "skab", imported, "--json")
        folders = sorted(path.parent for path in imported.rglob("recording.toml"))
        options = ("--trials", str(_N_TRIALS), "--jobs", str(_N_JOBS), "--out", out, "--json")
        finished = bench.spindlewatch("tune", *folders, *options)
        return finished.wall_s, finished.json

    return bench.once("skab-tuned", run)


@figure("tune_100_s", unit="s")
def tune_100(bench: Bench) -> Measured:
    wall_s, told = _tuned(bench)
    return Measured(wall_s, note=f"{len(told['recordings'])} SKAB recordings, {_N_JOBS} processes")


@figure("tune_oos_gain", unit="")
def tune_oos_gain(bench: Bench) -> Measured:
    _, told = _tuned(bench)
    base, outside, difference = told["base"]["cost"], told["out_of_sample"]["cost"], told["difference"]
    claims_too_much = told["beats"] and difference["high"] >= 0
    return Measured(
        value=1.0 - outside / base,
        note=f"{told['says']} In sample: {told['in_sample']['cost']:.0f}",
        wrong="says that it beats the default, within chance" if claims_too_much else "",
    )
