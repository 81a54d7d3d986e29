"""A healthy shop in which something differs all the time: what false alerts are counted on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from replay.simulate.jobs import draw_cut, draw_material, draw_tool
from replay.simulate.lives import draw_life
from replay.simulate.plan import ShopPlan, generator
from replay.simulate.program import Job, Preset
from replay.simulate.variety import Variety
from replay.simulate.wear import ToolLife

_CUT_S = (15.0, 50.0)
_N_CUTS = (2, 4)
_LIFE_S = (1500.0, 3600.0)  # of cutting: what carbide lasts in handbooks, 25 to 60 minutes
_EXCHANGED = (0.35, 0.6)  # of its life: a careful shop, whose edges are never near their limit
_N_LIVES = 3  # different ones per tool; then they recur


def variety_plan(
    seed: int,
    n_spindles: int = 1,
    *,
    n_jobs: int = 6,
    variety: Variety | None = None,
    vib_rate_hz: float = 12_800.0,
) -> ShopPlan:
    """Plan a healthy shop with everything that varies in one: nothing is labelled, so every alert is false.

    Parameters
    ----------
    seed : int
        Draws the jobs (tools, materials, cuts) and everything that varies.
    n_spindles : int
        1 upwards; they are called M1, M2, ...
    n_jobs : int
        Programs; each spindle makes all of them, a batch at a time, beginning at another.
    variety : Variety, optional
        How much varies; None = as `Variety` has it by default. Coolant, warm-up, overrides, lots, pauses and sensor
        noise are switched off one by one there.
    vib_rate_hz : float
        Of the accelerometer.

    Returns
    -------
    ShopPlan
        Without faults. Edges of tools are exchanged at 35 to 60 % of lives of 25 to 60 minutes of cutting, so load
        rises by a tenth or so and falls again with every fresh one.
    """
    names = tuple(f"M{number + 1}" for number in range(n_spindles))
    bare = ShopPlan(names, Preset.SHOP, seed, vib_rate_hz=vib_rate_hz)
    rng = generator(bare, len(names), "jobs")
    jobs = tuple(_draw_job(rng, number) for number in range(n_jobs))
    return ShopPlan(
        names,
        Preset.SHOP,
        seed,
        vib_rate_hz=vib_rate_hz,
        jobs=jobs,
        lives=_draw_lives(rng, names, jobs),
        variety=variety or Variety(),
    )


def _draw_job(rng: np.random.Generator, number: int) -> Job:
    """Draw a program of a few cuts; the last is for the finish, and often with the tool before it."""
    material, speed_m_min = draw_material(rng)
    n_cuts = int(rng.integers(_N_CUTS[0], _N_CUTS[1] + 1))
    cuts, tool = [], draw_tool(rng, f"T{10 * number + 1}")
    for index in range(n_cuts):
        section = "finish" if index == n_cuts - 1 else "rough"
        if index and rng.random() < 0.7:
            tool = draw_tool(rng, f"T{10 * number + index + 1}")
        length_s = round(float(rng.uniform(*_CUT_S)), 1)
        cut = draw_cut(rng, tool, section, material, speed_m_min, length_s)
        # As a controller's block number tells cuts of one tool apart, whatever the programmer calls them.
        cuts.append(replace(cut, section=f"{section} {index + 1}"))
    return Job(f"O{3001 + number}", material, tuple(cuts))


def _draw_lives(
    rng: np.random.Generator, spindles: tuple[str, ...], jobs: tuple[Job, ...]
) -> tuple[ToolLife, ...]:
    tools = dict.fromkeys(cut.tool.name for job in jobs for cut in job.cuts)
    return tuple(
        draw_life(rng, spindle, tool, float(rng.uniform(*_LIFE_S)), float(rng.uniform(*_EXCHANGED)))
        for spindle in spindles
        for tool in tools
        for _ in range(_N_LIVES)
    )
