"""What the simulated machines make: the four jobs of the demo's shop, and others drawn from handbook ranges."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from replay.simulate.cutting import ALUMINIUM, STEEL, Cut, Material, Tool, cutting_forces
from replay.simulate.program import Job

# Handbook cutting data: cutting speeds of 160-260 m/min in steel, 400-800 m/min in aluminium (coated carbide).
JOBS = (
    Job(
        "O1001",
        STEEL,
        (
            Cut(Tool("T1", 50.0, 5, 8.0, 0.012), "rough", 1500.0, 0.14, 3.0, 38.0, 38.0),
            Cut(Tool("T2", 20.0, 4, 35.0, 0.008), "rough", 3000.0, 0.09, 8.0, 6.0, 42.0),
            Cut(Tool("T2", 20.0, 4, 35.0, 0.008), "finish", 3600.0, 0.07, 8.0, 0.8, 28.0),
            Cut(Tool("T3", 12.0, 4, 38.0, 0.005), "finish", 5400.0, 0.06, 10.0, 0.8, 30.0),
        ),
    ),
    Job(
        "O1002",
        ALUMINIUM,
        (
            Cut(Tool("T4", 40.0, 3, 20.0, 0.010), "rough", 5100.0, 0.18, 4.0, 28.0, 30.0),
            Cut(Tool("T5", 16.0, 3, 40.0, 0.006), "rough", 7200.0, 0.12, 10.0, 6.0, 36.0),
            Cut(Tool("T6", 16.0, 2, 30.0, 0.006), "finish", 7800.0, 0.10, 12.0, 1.0, 32.0),
        ),
    ),
    Job(
        "O1003",
        STEEL,
        (
            Cut(Tool("T1", 63.0, 6, 6.0, 0.014), "rough", 1260.0, 0.15, 2.5, 45.0, 44.0),
            Cut(Tool("T7", 25.0, 3, 12.0, 0.010), "rough", 2700.0, 0.12, 4.0, 16.0, 40.0),
            Cut(Tool("T8", 16.0, 6, 42.0, 0.004), "finish", 4200.0, 0.05, 12.0, 0.7, 34.0),
        ),
    ),
    Job(
        "O1004",
        STEEL,
        (
            Cut(Tool("T7", 32.0, 4, 10.0, 0.011), "rough", 2100.0, 0.13, 3.5, 24.0, 40.0),
            Cut(Tool("T2", 20.0, 4, 35.0, 0.008), "finish", 3300.0, 0.08, 9.0, 1.0, 30.0),
            Cut(Tool("T9", 10.0, 3, 35.0, 0.005), "finish", 6000.0, 0.06, 9.0, 0.8, 30.0),
        ),
    ),
)

_Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class _Family:
    """Ranges of a family of work materials: coefficients of the linear edge force model, and cutting speeds.

    Of the order of what the literature tabulates for milling with carbide (Altintas 2012, appendix; handbook specific
    cutting forces); wide enough that no drawn material is one that anybody has seen.
    """

    name: str
    shear_t_n_mm2: _Range
    shear_r_share: _Range  # of the tangential one
    edge_t_n_mm: _Range
    edge_r_share: _Range
    speed_m_min: _Range


_FAMILIES = (
    _Family("aluminium", (650.0, 950.0), (0.2, 0.35), (15.0, 30.0), (1.0, 1.3), (350.0, 650.0)),
    _Family("cast iron", (900.0, 1300.0), (0.35, 0.5), (20.0, 35.0), (1.2, 1.5), (140.0, 250.0)),
    _Family("carbon steel", (1700.0, 2100.0), (0.32, 0.42), (28.0, 42.0), (1.2, 1.6), (150.0, 260.0)),
    _Family("alloy steel", (2000.0, 2500.0), (0.32, 0.45), (32.0, 48.0), (1.2, 1.6), (120.0, 200.0)),
    _Family("stainless steel", (2100.0, 2600.0), (0.35, 0.5), (35.0, 55.0), (1.2, 1.6), (90.0, 160.0)),
    _Family("titanium alloy", (1600.0, 2000.0), (0.3, 0.45), (22.0, 40.0), (1.4, 1.9), (50.0, 90.0)),
)
_SOLID_MM = (8.0, 10.0, 12.0, 14.0, 16.0, 18.0, 20.0)  # end mills of solid carbide
_INSERT_MM = (25.0, 28.0, 32.0, 35.0, 40.0, 50.0, 63.0, 80.0)  # cutters with inserts
_RPM = (500.0, 12_000.0)
# Sharp, a cut asks for no more than this of a 15 kW, 70 Nm spindle, so that a worn edge does not stall it.
_TORQUE_NM, _POWER_W = 45.0, 9_000.0


def draw_material(rng: np.random.Generator) -> tuple[Material, _Range]:
    """Draw a work material, and the range of cutting speeds in m/min that suits it."""
    family = _FAMILIES[rng.integers(len(_FAMILIES))]
    shear, edge = rng.uniform(*family.shear_t_n_mm2), rng.uniform(*family.edge_t_n_mm)
    shear_r, edge_r = shear * rng.uniform(*family.shear_r_share), edge * rng.uniform(*family.edge_r_share)
    return Material(family.name, shear, shear_r, edge, edge_r), family.speed_m_min


def draw_tool(rng: np.random.Generator, name: str) -> Tool:
    """Draw a milling cutter: a solid end mill of steep helix, or one with inserts and little rake."""
    if rng.random() < 0.5:
        diameter_mm, n_teeth = rng.choice(_SOLID_MM), rng.integers(2, 6)
        helix_deg = rng.uniform(25.0, 45.0)
    else:
        diameter_mm = rng.choice(_INSERT_MM)
        n_teeth = rng.integers(2, 4) if diameter_mm < 35.0 else rng.integers(3, 8)
        helix_deg = rng.uniform(4.0, 15.0)
    runout_mm = float(rng.uniform(0.003, 0.008) + 0.0001 * diameter_mm)
    return Tool(name, float(diameter_mm), int(n_teeth), float(helix_deg), runout_mm)


def draw_cut(
    rng: np.random.Generator,
    tool: Tool,
    section: str,
    material: Material,
    speed_m_min: _Range,
    length_s: float,
) -> Cut:
    """Draw an engagement that suits tool, material and spindle.

    Parameters
    ----------
    rng : numpy.random.Generator
        Drawn in equal amounts.
    tool : Tool
        What cuts.
    section : {"rough", "finish"}
        Deep and wide, or a shaving.
    material : Material
        What is cut.
    speed_m_min : tuple[float, float]
        Range of cutting speeds.
    length_s : float
        Of the cut, without entry.

    Returns
    -------
    Cut
        Its depth is reduced to what the spindle can drive.
    """
    diameter_mm, solid = tool.diameter_mm, tool.diameter_mm <= _SOLID_MM[-1]
    rpm = 1000.0 * rng.uniform(*speed_m_min) / (math.pi * diameter_mm)
    rpm = 10.0 * round(min(max(rpm, _RPM[0]), _RPM[1]) / 10.0)
    chip_mm = rng.uniform(0.004, 0.006) * diameter_mm if solid else rng.uniform(0.1, 0.18)
    depth = rng.uniform(0.4, 0.9) * diameter_mm if solid else rng.uniform(1.5, 4.0)
    width = rng.uniform(0.15, 0.5) if solid else rng.uniform(0.45, 0.75)
    if section == "finish":
        width, chip_mm = rng.uniform(0.03, 0.08), 0.75 * chip_mm
    cut = Cut(tool, section, rpm, round(float(chip_mm), 3), float(depth), width * diameter_mm, length_s)
    torque_nm = float(cutting_forces(cut, material).torque_nm.mean())
    most_nm = min(_TORQUE_NM, _POWER_W / (rpm * math.pi / 30.0))
    return replace(cut, depth_mm=cut.depth_mm * min(1.0, most_nm / torque_nm))
