"""Whether the engine knows what the machine is doing: tools, cuts, and what a worn tool shows between runs.

- **Lathe, told** (177 s, 16 tools, 60 cuts): its tool number and cut signal arrive as context; the segments that the
  check makes of them are held against the flags, millisecond by millisecond, and no window that is judged may
  straddle two of them.
- **Inferred**: the same flags, or a simulator's truth, held against what loads alone say, from the first answer on.
  The engine only believes loads that a vibration confirms; neither the lathe nor the UMich mill has one. What they
  would say is shown here to show why.
- **UMich, worn or not**: ten runs of which four pairs are alike but for the tool. Runs, not rows, are the samples:
  n = 4, and the direction in which a feature counts is taken from the three other pairs.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.clock import NS_PER_S
from engine.config import load_config
from engine.declared import Spindle
from engine.records import Block, CheckedBlock, Context, Regime, Tick, Window
from operators.blocks import BlockCheck
from operators.cutting_gate import CuttingGate
from operators.group_check import Hop
from operators.windows import WindowSlide
from perf.figures import Bench, Measured, NotMeasurableError, figure
from replay.recording import Recording
from replay.simulate import Preset, Shop, ShopPlan

_SHOP_S = 900
_SHOP_SEED = 41
_PAIRS = ((11, 13), (17, 18), (1, 6), (2, 7))  # unworn, worn: same feed, same clamping pressure
_UNRELIABLE_FEED, _UNRELIABLE_X = 50.0, 198.0

Floats = NDArray[np.float64]


def _imported(bench: Bench, dataset: str) -> list[Recording]:
    def run() -> list[Recording]:
        if bench.traces is None or not (bench.traces / _FOLDERS[dataset]).is_dir():
            raise NotMeasurableError(f"no folder {_FOLDERS[dataset]} with real recordings (--traces DIR)")
        imported = bench.work / f"machining-{dataset}"
        bench.spindlewatch("import", dataset, bench.traces / _FOLDERS[dataset], imported, "--json")
        return [Recording.open(path.parent) for path in sorted(imported.rglob("recording.toml"))]

    return bench.once(f"machining-{dataset}", run)


_FOLDERS = {"lathe": "tvhahn_cnc_lathe", "umich": "umich_smart_cnc"}


class _Truth(NamedTuple):
    """What a controller said, from ``t_ns`` on."""

    t_ns: NDArray[np.int64]
    tool: list[str | None]
    cutting: list[bool | None]

    def at(self, t_ns: NDArray[np.int64]) -> NDArray[np.int64]:
        """Index of what held at these times; -1 before the first."""
        return np.searchsorted(self.t_ns, t_ns, side="right") - 1


def _truth(contexts: Iterable[Context]) -> _Truth:
    held = list(contexts)
    times = np.array([context.t_ns for context in held], np.int64)
    return _Truth(times, [context.tool for context in held], [context.cutting for context in held])


def _played(recording: Recording) -> Iterator[Block | Context | Tick]:
    yield from recording.items(load_config().check.max_block_s)
    yield Tick(recording.spindle.name, recording.end_ns, last=True)


# --- told -----------------------------------------------------------------------------------------------------


@figure("lathe_segments_pct", unit="%")
def lathe_segments(bench: Bench) -> Measured:
    (recording,) = _imported(bench, "lathe")
    spindles, config = {recording.spindle.name: recording.spindle}, load_config()
    check, slide = BlockCheck(spindles, config), WindowSlide(spindles, config)
    hops, windows, contexts = [], [], []
    for item in _played(recording):
        if isinstance(item, Context):
            contexts.append(item)
        checked = check.process([item])
        hops += [found for found in checked if isinstance(found, CheckedBlock)]
        windows += [found for found in slide.process(checked) if isinstance(found, Window)]
    truth = _truth(contexts)
    right, n_cuts = _segments(hops, truth, round(config.learn.settle_s * NS_PER_S))
    judged = [window for window in windows if window.steady]
    n_mixed = sum(not _is_one(window, truth) for window in judged)
    n_true = sum(now is True and before is not True for before, now in pairwise([None, *truth.cutting]))
    return Measured(
        100.0 * right,
        note=f"{n_cuts} of {n_true} cuts; {100 * len(judged) / len(windows):.0f} % of the windows lie wholly in one "
        f"regime and are judged, {n_mixed} of these are not of one tool and cut",
        wrong=f"{n_mixed} judged windows straddle two segments" if n_mixed else "",
    )


def _segments(hops: Sequence[CheckedBlock], truth: _Truth, settle_ns: int) -> tuple[float, int]:
    """Share of time in which the segments' tool and cutting are those of the flags, and the number of cuts."""
    begins = [max(hop.settled_ns - settle_ns, hops[0].block.t_ns) for hop in hops]
    start_ns, end_ns = hops[0].block.t_ns, hops[-1].block.end_ns
    grid = np.arange(start_ns, end_ns, NS_PER_S // 1000)
    # A regime holds from its own start until the next one's, wherever in its hop that lies.
    which = np.searchsorted(np.maximum.accumulate(begins), grid, side="right") - 1
    held = truth.at(grid)
    right = [
        (hops[one].regime.tool, hops[one].regime.cutting) == (truth.tool[other], truth.cutting[other])
        for one, other in zip(which.tolist(), held.tolist(), strict=True)
    ]
    regimes = [hop.regime for hop in hops]
    n_cuts = sum(_begins_cut(before, now) for before, now in pairwise(regimes))
    return float(np.mean(right)), n_cuts


def _begins_cut(before: Regime, now: Regime) -> bool:
    return now.cutting is True and before.cutting is not True


def _is_one(window: Window, truth: _Truth) -> bool:
    """Whether every sample of a window has the tool and the cutting of its regime."""
    start_ns = window.t_ns - round(
        sum(hop.shape[1] for hop in window.hops) / window.sample_rate_hz * NS_PER_S
    )
    first, last = truth.at(np.array([start_ns, window.t_ns - 1]))
    return all(
        (truth.tool[index], truth.cutting[index]) == (window.regime.tool, window.regime.cutting)
        for index in range(first, last + 1)
    )


# --- inferred -------------------------------------------------------------------------------------------------


class _Agreement(NamedTuple):
    """How what was inferred agrees with the truth, from the first answer on."""

    n_right: int
    n_answered: int
    n_cutting: int
    n_believed: int
    n_hops: int
    first_s: float


def _stripped(items: Iterable[Block | Context | Tick], spindle: Spindle, group: str) -> _Agreement:
    """Play a stream without any context, and compare with what was kept back."""
    check, gate = BlockCheck({spindle.name: spindle}, load_config()), CuttingGate(spindle.groups)
    times, guesses, contexts, n_believed = [], [], [], 0
    for item in items:
        if isinstance(item, Context):
            contexts.append(item)
            continue
        for found in check.process([item]):
            if not isinstance(found, CheckedBlock):
                continue
            gate.observe(_hop(found, spindle))
            if found.block.group == group:
                times.append(found.block.t_ns)
                guesses.append(gate.guess)
                n_believed += found.regime.cutting is not None
    truth = _truth(contexts)
    began = next((i for i, guess in enumerate(guesses) if guess is not None), len(guesses))
    cutting = [truth.cutting[index] for index in truth.at(np.array(times[began:], np.int64))]
    compared = [
        (guess, told) for guess, told in zip(guesses[began:], cutting, strict=True) if told is not None
    ]
    first_s = (times[began] - times[0]) / NS_PER_S if began < len(times) else float("nan")
    n_right = sum(guess is told for guess, told in compared)
    n_cutting = sum(told for _, told in compared)
    return _Agreement(n_right, len(compared), n_cutting, n_believed, len(times), first_s)


def _hop(checked: CheckedBlock, spindle: Spindle) -> Hop:
    block, declared = checked.block, spindle.group(checked.block.group)
    end_ns = block.t_ns if declared is not None and declared.kind == "scalar" else block.end_ns
    health = checked.contiguous, checked.usable, checked.learnable
    return Hop(
        block.group, block.t_ns, end_ns, block.samples, checked.partials, block.sample_rate_hz, *health, None
    )


def _pooled(found: Sequence[_Agreement], what: str) -> Measured:
    n_right, n_answered, n_cutting, n_believed, n_hops = (
        sum(column) for column in list(zip(*found, strict=True))[:5]
    )
    always = 100.0 * max(n_cutting, n_answered - n_cutting) / max(n_answered, 1)
    value = 100.0 * n_right / n_answered if n_answered else float("nan")
    return Measured(
        value,
        peer=always,
        note=f"{what}: {n_answered} of {n_hops} hops answered; believed {100 * n_believed / n_hops:.0f} %",
    )


@figure("lathe_inferred_pct", unit="%", peer="saying all the while what holds mostly")
def lathe_inferred(bench: Bench) -> Measured:
    (recording,) = _imported(bench, "lathe")
    return _pooled([_stripped(_played(recording), recording.spindle, "drives")], "currents and powers")


@figure("umich_inferred_pct", unit="%", peer="saying all the while what holds mostly")
def umich_inferred(bench: Bench) -> Measured:
    found = [_stripped(_played(one), one.spindle, "drives") for one in _imported(bench, "umich")]
    n_runs = sum(one.n_answered > 0 for one in found)
    return _pooled(
        found, f"layer steps, reliable rows; the loads show a second level in {n_runs} of {len(found)} runs"
    )


@figure("shop_inferred_pct", unit="%", peer="saying all the while what holds mostly")
def shop_inferred(bench: Bench) -> Measured:  # noqa: ARG001 - every figure takes it
    shop = Shop(ShopPlan(tuple(f"M{number}" for number in range(1, 5)), Preset.SHOP, _SHOP_SEED), 0)
    items: dict[str, list[Block | Context | Tick]] = {spindle.name: [] for spindle in shop.spindles}
    for second in range(1, _SHOP_S + 1):
        for item in shop.advance(float(second)):
            items[item.spindle].append(item)
    found = [_stripped(items[spindle.name], spindle, "vib") for spindle in shop.spindles]
    each = ", ".join(f"{100.0 * one.n_right / max(one.n_answered, 1):.1f} %" for one in found)
    slowest_s = max(one.first_s for one in found)
    return _pooled(
        found,
        f"four simulated jobs, {_SHOP_S} s each ({each}), first answers after {slowest_s:.0f} s at most",
    )


# --- worn or not ----------------------------------------------------------------------------------------------


@figure("umich_worn_pairs", unit="of 4")
def umich_worn(bench: Bench) -> Measured:
    if bench.traces is None or not (bench.traces / _FOLDERS["umich"]).is_dir():
        raise NotMeasurableError(f"no folder {_FOLDERS['umich']} with real recordings (--traces DIR)")
    runs = {
        run: _run(bench.traces / _FOLDERS["umich"] / f"experiment_{run:02d}.csv")
        for pair in _PAIRS
        for run in pair
    }
    names = list(runs[_PAIRS[0][0]])
    # Per feature and pair: by how much worn exceeds unworn, as a logarithm.
    rises = np.array(
        [[np.log(runs[worn][name] / runs[fresh][name]) for fresh, worn in _PAIRS] for name in names]
    )
    each = "; ".join(
        f"{name} " + ", ".join(f"{100.0 * np.expm1(rise):+.1f} %" for rise in row)
        for name, row in zip(names, rises, strict=True)
    )
    pairs = ", ".join(f"{fresh}/{worn}" for fresh, worn in _PAIRS)
    return Measured(
        _ranked(rises),
        note=f"n = 4 pairs ({pairs}), chance gives 2: worn against unworn: {each}",
    )


def _ranked(rises: Floats) -> int:
    """How many pairs are ranked rightly by the feature and the direction that the three others agree on best."""
    n_right = 0
    for left_out in range(rises.shape[1]):
        others = np.delete(rises, left_out, axis=1)
        # As many of the others as possible in one direction, then the clearest.
        votes = np.sign(others).sum(axis=1)
        agreed = np.abs(votes) + 1e-3 * np.abs(others.mean(axis=1)) / np.abs(others).max()
        best = int(np.argmax(agreed))
        n_right += bool(np.sign(votes[best]) == np.sign(rises[best, left_out]))
    return n_right


def _run(path: Path) -> dict[str, float]:
    """Features of one run, over the rows in which it cuts, its spindle turns and its authors trust the row."""
    with path.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    columns = {name: np.array([float(row[name]) for row in rows]) for name in _COLUMNS}
    layer = np.array([row["Machining_Process"].strip().lower() for row in rows])
    trusted = (columns["M1_CURRENT_FEEDRATE"] != _UNRELIABLE_FEED) & (
        columns["X1_ActualPosition"] != _UNRELIABLE_X
    )
    cuts = np.char.startswith(layer, "layer") & trusted & (columns["S1_ActualVelocity"] > 1.0)
    current, power = columns["S1_CurrentFeedback"], columns["S1_OutputPower"]
    # Of the cuts that both runs of every pair made: run 7 stopped in its second layer.
    first = cuts & (layer == "layer 1 up")
    return {
        "spindle current": float(np.median(current[cuts])),
        "spindle power": float(np.median(power[cuts])),
        "scatter of the current": float(np.std(current[cuts])),
        "power's area in the first cut": float(power[first].sum()),
        "X current": float(np.mean(np.abs(columns["X1_CurrentFeedback"][cuts]))),
        "Y current": float(np.mean(np.abs(columns["Y1_CurrentFeedback"][cuts]))),
    }


_COLUMNS = (
    "M1_CURRENT_FEEDRATE",
    "X1_ActualPosition",
    "S1_ActualVelocity",
    "S1_CurrentFeedback",
    "S1_OutputPower",
    "X1_CurrentFeedback",
    "Y1_CurrentFeedback",
)
