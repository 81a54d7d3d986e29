"""Cutting forces in milling, tooth by tooth: the linear edge force model.

Each point of a cutting edge inside the engagement arc carries a shear force proportional to the uncut chip and an
edge (ploughing) force proportional to the edge length alone (Altintas, *Manufacturing Automation*, 2nd ed.,
Cambridge 2012, ch. 2; Tlusty, *Manufacturing Processes and Equipment*, Prentice Hall 2000, ch. 9)::

    dFt = (Ktc h + Kte) da      dFr = (Krc h + Kre) da      h = c_j sin(phi)

``phi`` is the tooth's angle from the normal to the feed, ``c_j`` its own chip load: the feed per tooth plus what
run-out adds here and takes from the next tooth. An edge of helix angle beta lags by ``2 tan(beta) / D`` per
millimetre of depth, which smooths entry and exit. In steady feed the force repeats with every revolution, so it is
computed once on a grid of angles and then looked up per sample.

What it leaves out: regenerative feedback (chatter is added as a limit cycle, see `structure`), the size effect of
thin chips, axial force, and the trochoidal path of the tooth.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

N_ANGLES = 2520  # per revolution; divisible by every number of teeth from 2 to 10
_N_SLICES = 24  # discs that a helical edge is cut into


@dataclass(frozen=True, slots=True)
class Material:
    """Resistance of a work material; the force coefficients of the linear edge force model.

    Parameters
    ----------
    name : str
        For people.
    shear_t_n_mm2, shear_r_n_mm2 : float
        ``Ktc`` and ``Krc``: tangential and radial shear force per chip area, N/mm².
    edge_t_n_mm, edge_r_n_mm : float
        ``Kte`` and ``Kre``: tangential and radial edge force per edge length, N/mm.
    """

    name: str
    shear_t_n_mm2: float
    shear_r_n_mm2: float
    edge_t_n_mm: float
    edge_r_n_mm: float


# Of the order tabulated in the literature for a medium carbon steel and for 7050 aluminium; not measured by us.
STEEL = Material("carbon steel", 1900.0, 700.0, 35.0, 50.0)
ALUMINIUM = Material("7050 aluminium", 800.0, 170.0, 28.0, 31.0)


@dataclass(frozen=True, slots=True)
class Tool:
    """A milling cutter in its holder.

    Parameters
    ----------
    name : str
        As the controller numbers it.
    diameter_mm : float
        Of the cutting circle.
    n_teeth : int
        2 to 10.
    helix_deg : float
        Helix angle (inserts: axial rake).
    runout_mm : float
        Offset of the cutting circle from the axis of rotation.
    """

    name: str
    diameter_mm: float
    n_teeth: int
    helix_deg: float
    runout_mm: float


@dataclass(frozen=True, slots=True)
class WearResponse:
    """How strongly a cut answers to wear: what is added, as a share, when wear has reached its limit.

    A wear land ploughs, so the edge forces grow most, and it rubs, which is noise. By default edge forces double and
    shear forces grow by a fifth; power in roughing then rises by a quarter or so, about where shops set their wear
    limit.

    Parameters
    ----------
    shear, edge, noise : float
        Of the shear forces, the edge forces and the broadband force.
    """

    shear: float = 0.2
    edge: float = 1.0
    noise: float = 1.0


TYPICAL_RESPONSE = WearResponse()


@dataclass(frozen=True, slots=True)
class Cut:
    """One engagement: down-milling at constant depth and width.

    Parameters
    ----------
    tool : Tool
        What cuts.
    section : str
        As the controller reports it.
    rpm : float
        Spindle speed.
    chip_mm : float
        Feed per tooth.
    depth_mm, width_mm : float
        Axial and radial depth of cut.
    length_s : float
        How long the cut lasts in the ``shop`` preset.
    """

    tool: Tool
    section: str
    rpm: float
    chip_mm: float
    depth_mm: float
    width_mm: float
    length_s: float

    @property
    def feed_mm_min(self) -> float:
        """Feed rate that gives this feed per tooth."""
        return self.chip_mm * self.tool.n_teeth * self.rpm


@dataclass(frozen=True, slots=True, eq=False)
class Forces:
    """Force on the spindle over one revolution of the tool.

    Parameters
    ----------
    x_n, y_n : float64[N_ANGLES]
        Along and across the feed, newtons.
    torque_nm : float64[N_ANGLES]
        About the spindle's axis.
    """

    x_n: NDArray[np.float64]
    y_n: NDArray[np.float64]
    torque_nm: NDArray[np.float64]

    @property
    def mean_n(self) -> float:
        """Magnitude of the force, averaged over the revolution."""
        return float(np.hypot(self.x_n, self.y_n).mean())

    def below(self, force_hz: float, torque_hz: float, rpm: float) -> Forces:
        """As converters take it: without the harmonics that a filter before them keeps out.

        An edge that enters abruptly has harmonics far beyond any sampling rate. Left in, they fold back to between the
        lines of the revolution, where no machine has any.

        Parameters
        ----------
        force_hz, torque_hz : float
            What passes, of force and of torque; below half of each sampling rate.
        rpm : float
            Greater than 0.

        Returns
        -------
        Forces
            Of the same mean.
        """
        limits_hz = (force_hz, force_hz, torque_hz)
        curves = (self.x_n, self.y_n, self.torque_nm)
        return Forces(
            *(
                _low_pass(curve, int(limit * 60.0 / rpm))
                for curve, limit in zip(curves, limits_hz, strict=True)
            )
        )


def _low_pass(curve: NDArray[np.float64], n_harmonics: int) -> NDArray[np.float64]:
    """Leave the mean and so many harmonics of the revolution."""
    lines = np.fft.rfft(curve)
    lines[n_harmonics + 1 :] = 0.0
    return np.fft.irfft(lines, curve.size)


def cutting_forces(
    cut: Cut,
    material: Material,
    *,
    runout: float = 1.0,
    wear: float = 0.0,
    broken: float = 0.0,
    response: WearResponse = TYPICAL_RESPONSE,
) -> Forces:
    """Forces of a steady cut over one revolution.

    Parameters
    ----------
    cut : Cut
        Tool and engagement.
    material : Material
        What is cut.
    runout : float
        Factor on the tool's run-out.
    wear : float
        0 = sharp, 1 = ready for the bin.
    broken : float
        Share of one edge that is gone, 0 to 1. The next tooth cuts what it leaves.
    response : WearResponse
        To wear.

    Returns
    -------
    Forces
        Finite.

    Notes
    -----
    About 0.3 ms, and a tenth of it for the same cut at another state of wear; call it once per cut, not per sample.
    """
    chip, edge = _all_teeth(cut, material, runout, broken)
    return Forces(*((1.0 + response.shear * wear) * chip + (1.0 + response.edge * wear) * edge))


@lru_cache(maxsize=8)
def _all_teeth(
    cut: Cut, material: Material, runout: float, broken: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Force x, y (N) and torque (Nm) over one revolution while sharp: of the chips, and of the edges."""
    per_chip, per_edge = _one_tooth(cut, material)
    chip, edge = np.zeros((2, 3, N_ANGLES))
    for tooth, chip_mm in enumerate(_chip_loads(cut, runout, broken)):
        present = 1.0 - broken if tooth == 0 else 1.0
        place = tooth * N_ANGLES // cut.tool.n_teeth
        chip += np.roll(chip_mm * per_chip, place, axis=1)
        edge += np.roll(present * per_edge, place, axis=1)
    return chip, edge


def _chip_loads(cut: Cut, runout: float, broken: float) -> NDArray[np.float64]:
    """Millimetres of feed that each tooth has to cut: float64[n_teeth], none negative."""
    n_teeth = cut.tool.n_teeth
    place = 2.0 * np.pi * np.arange(n_teeth) / n_teeth
    # The cutter sits beside the axis (first harmonic), and no two seats are equally deep (here: the second).
    radius_mm = runout * cut.tool.runout_mm * (np.cos(place + 0.7) + 0.5 * np.cos(2.0 * place + 1.9))
    chips = np.maximum(cut.chip_mm + radius_mm - np.roll(radius_mm, 1), 0.0)
    chips[1] += broken * chips[0]
    chips[0] *= 1.0 - broken
    return chips


@lru_cache(maxsize=64)
def _one_tooth(cut: Cut, material: Material) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Force x, y (N) and torque (Nm) of one tooth over its angle: per mm of chip load, and of its edge."""
    diameter_mm = cut.tool.diameter_mm
    slices_mm = (np.arange(_N_SLICES) + 0.5) * cut.depth_mm / _N_SLICES
    lag = 2.0 * math.tan(math.radians(cut.tool.helix_deg)) / diameter_mm * slices_mm
    angle = np.mod(2.0 * np.pi * np.arange(N_ANGLES)[:, None] / N_ANGLES - lag, 2.0 * np.pi)
    enters = math.pi - math.acos(1.0 - 2.0 * cut.width_mm / diameter_mm)  # down-milling: leaves at pi
    height_mm = np.where((angle >= enters) & (angle < math.pi), cut.depth_mm / _N_SLICES, 0.0)
    sin, cos = np.sin(angle), np.cos(angle)

    def forces(load: NDArray[np.float64], tangential: float, radial: float) -> NDArray[np.float64]:
        x = -(tangential * load * cos + radial * load * sin)
        y = tangential * load * sin - radial * load * cos
        torque = tangential * load * diameter_mm / 2000.0
        summed: NDArray[np.float64] = np.stack([x, y, torque]).sum(axis=2)
        return summed

    per_chip = forces(height_mm * sin, material.shear_t_n_mm2, material.shear_r_n_mm2)
    per_edge = forces(height_mm, material.edge_t_n_mm, material.edge_r_n_mm)
    return per_chip, per_edge
