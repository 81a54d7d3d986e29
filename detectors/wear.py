"""How far a cutting edge is worn, from what each of its cuts measured, beside its own first cuts.

What a wear land does is physics and hardly depends on tool, feed or material (linear edge force model: Altintas,
*Manufacturing Automation*, 2nd ed., 2012, ch. 2): it ploughs, so the edge forces grow, and it rubs, which is broadband
noise. How much the *load* rises until the limit depends on the edge forces' share of it: by a quarter to a half of the
cut's own load in roughing, by half to nearly double in finishing, where chips are thin. *Noise per force* does not:
both follow feed, engagement and hardness alike, and what is left is how strongly the edge rubs. So wear is read from
noise per force wherever both can be measured, and where the noise drowns in idling from the load alone
(``load_rise``): then a harder lot of material looks like wear, and an edge may be told a fifth too worn or too fresh.

Assumed response: noise per force has risen by ``noise_rise`` (1.0: it has doubled) when wear reaches its limit, and in
proportion to wear on the way. That is an assumption about coating, grind and seat, of the kind of the shops' rule "20
to 25 % more power". An edge that answers 15 % more or less is told 15 % too worn or too fresh; as wear accelerates
towards the end, that is some 6 % of its life. With ``load_rise`` alone, expect twice that. Calibrate either with the
edges that the shop itself judges to be due.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import Any

import numpy as np

from detectors.cut_parts import CutPart, Shown, joined
from detectors.fresh_section import NOISE_SYSTEMATIC, FreshSection
from detectors.wear_trend import NO_TREND, Floats, Trend, fit_trend, seconds_left
from engine.config import ToolLifeConfig

_MAX_PARTS, _MAX_POINTS = 16, 60


class EdgeWear:
    """The wear of one cutting edge.

    State: the first cuts of at most 16 sections, and what the last 60 sound cuts showed.

    Parameters
    ----------
    config : ToolLifeConfig
        How many cuts are fresh, and the response assumed.
    """

    __slots__ = ("_config", "_life_s", "_parts", "_points", "_systematic", "_trend", "cutting_s")

    def __init__(self, config: ToolLifeConfig) -> None:
        self._config = config
        self._parts: dict[Hashable, FreshSection] = {}
        self._points: list[tuple[float, Shown]] = []
        self._systematic = NOISE_SYSTEMATIC
        self._life_s = math.nan
        self._trend = NO_TREND
        self.cutting_s = 0.0

    @property
    def last(self) -> Shown | None:
        """What the newest cut that could be compared showed."""
        return self._points[-1][1] if self._points else None

    @property
    def trend(self) -> Trend:
        """Where wear stands; `detectors.wear_trend.NO_TREND` while the fresh edge is being learnt."""
        return self._trend

    @property
    def life_s(self) -> float:
        """Seconds of cutting until the limit, all in all; NaN while nobody knows."""
        return self._life_s

    def left_s(self) -> tuple[float, float, float]:
        """Seconds of cutting to the limit, with an interval: `detectors.wear_trend.seconds_left`."""
        return seconds_left(self._trend, self._systematic)

    def pass_over(self, cutting_s: float) -> None:
        """Count a cut that must not be compared: sensor trouble, or a fault in it."""
        self.cutting_s += cutting_s

    def peek(self, parts: tuple[CutPart, ...]) -> Shown | None:
        """Say what a cut would show, without taking it."""
        known = [(self._parts[part.key], part) for part in parts if part.key in self._parts]
        shown = [found for own, part in known if (found := own.compare(part)) is not None]
        return joined(shown) if shown else None

    def add(self, parts: tuple[CutPart, ...], cutting_s: float) -> Shown | None:
        """Take a sound cut.

        Parameters
        ----------
        parts : tuple[CutPart, ...]
            Its sections that were measured, in order.
        cutting_s : float
            How long it was, all in all.

        Returns
        -------
        Shown or None
            What it shows; None while its sections are being learnt, or nothing could be measured.
        """
        middle_s = self.cutting_s + 0.5 * cutting_s
        shown = []
        for part in parts:
            known = self._parts.get(part.key)
            if known is None:
                if len(self._parts) >= _MAX_PARTS:
                    continue
                # A section that comes later begins with the wear that the others have shown by then.
                known = self._parts[part.key] = FreshSection(self._trend.wear, self._config)
            found = known.take(part, middle_s)
            if found is not None:
                shown.append(found)
        self.cutting_s += cutting_s
        if not shown:
            return None
        whole = joined(shown)
        self._points.append((middle_s, whole))
        del self._points[:-_MAX_POINTS]
        self._systematic += 0.2 * (whole.systematic - self._systematic)
        self._fit()
        return whole

    def _fit(self) -> None:
        at_s = np.array([at for at, _ in self._points])
        # A section that answers less surely counts for less, however little its cuts scatter.
        best = min(one.systematic for _, one in self._points)
        errors = np.array([one.error * (one.systematic / best) ** 2 for _, one in self._points])
        # How far the edge was worn in its first cuts depends on how long its life is, so that comes first.
        first = self._laid(at_s, errors, math.nan)
        self._life_s = self.cutting_s / first.share if first.share > 0.0 else math.nan
        self._trend = self._laid(at_s, errors, self._life_s)

    def _laid(self, at_s: Floats, errors: Floats, life_s: float) -> Trend:
        wears = np.array([one.wear(life_s) for _, one in self._points])
        return fit_trend(at_s, wears, errors, self.cutting_s)

    def save(self) -> Any:
        """State for recovery."""
        parts = [(key, part.save()) for key, part in self._parts.items()]
        points = [(at_s, tuple(shown)) for at_s, shown in self._points]
        return parts, points, self._systematic, self._life_s, tuple(self._trend), self.cutting_s

    def restore(self, state: Any) -> None:
        """Continue from `save`."""
        parts, points, self._systematic, self._life_s, trend, self.cutting_s = state
        self._points = [(at_s, Shown(*shown)) for at_s, shown in points]
        self._trend = Trend(*trend)
        self._parts = {key: FreshSection.restored(saved, self._config) for key, saved in parts}
