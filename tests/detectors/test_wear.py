from __future__ import annotations

import math
import pickle

import numpy as np
import pytest

from detectors.cut_parts import CutPart, Load
from detectors.wear import EdgeWear
from detectors.wear_trend import wear_at
from engine.config import load_config

CONFIG = load_config().tool_life
N_LIFE = 60
CUT_S = 3.0


def part(
    wear, *, chip=1.0, edge=0.3, noise_rise=1.0, noise=1.0, air=0.2, loads=("load",), key="rough", seed=0
):
    """A section of a cut by the linear edge force model: chips and edges, and noise in proportion to force.

    ``chip`` scales everything as feed, depth or hardness would; ``edge`` is the edges' share of the fresh load. What
    shakes has more of the edges than what turns the spindle.
    """
    chance = np.random.default_rng(seed)
    rise = (1.0 - edge) * 0.2 * wear + edge * wear
    hard = 1.0 + chance.normal(0.0, 0.01)
    force, shaking = chip * hard * (1.0 + rise), chip * hard * (1.0 + 1.15 * rise)
    rough = noise * shaking * (1.0 + noise_rise * wear) * (1.0 + chance.normal(0.0, 0.01))
    measured = {
        "load": Load("load", "%", 1.0 + force, 1.0, 0.03),
        "teeth": Load("teeth", "g", force, 0.0, 0.08),
    }
    return CutPart(key, CUT_S, rough**2 + air, air, tuple(measured[name] for name in loads))


def life(n=N_LIFE, until=1.0, **changes):
    """Sections of the cuts of one life, and the wear that each was made with."""
    wears = [wear_at((index + 0.5) / N_LIFE) for index in range(round(until * n))]
    return [(wear, part(wear, seed=index, **changes)) for index, wear in enumerate(wears)]


def worn(cuts, config=CONFIG):
    edge = EdgeWear(config)
    for _, one in cuts:
        edge.add((one,), CUT_S)
    return edge


def limit_cut(**changes):
    """Cuts made when wear is first said to have reached the limit, as a share of the true life."""
    edge = EdgeWear(CONFIG)
    for index, (_, one) in enumerate(life(until=1.4, **changes)):
        edge.add((one,), CUT_S)
        if edge.trend.wear >= 1.0:
            return (index + 1) / N_LIFE
    return math.nan


def test_nothing_is_said_while_the_fresh_edge_is_being_learnt():
    edge = worn(life()[: CONFIG.fresh_cuts])

    assert math.isnan(edge.trend.wear)
    assert edge.last is None
    assert edge.cutting_s == pytest.approx(CONFIG.fresh_cuts * CUT_S)


@pytest.mark.parametrize("edge", [0.15, 0.3, 0.6])
@pytest.mark.parametrize("chip", [0.01, 1.0, 100.0])
@pytest.mark.parametrize("noise", [0.5, 5.0])
def test_the_limit_is_reached_when_it_is_whatever_feed_tool_and_material(edge, chip, noise):
    changes = {"edge": edge, "chip": chip, "noise": noise, "air": 0.2 * (chip * noise) ** 2}

    assert limit_cut(**changes, loads=("teeth",)) == pytest.approx(1.0, abs=0.06)


@pytest.mark.parametrize("noise_rise", [0.85, 1.15])
def test_an_edge_that_answers_by_fifteen_percent_otherwise_costs_less_than_a_tenth_of_its_life(noise_rise):
    assert limit_cut(noise_rise=noise_rise) == pytest.approx(1.0, abs=0.1)


def test_harder_stock_is_no_wear():
    edge = worn(life(until=0.4))
    before = edge.trend.wear

    for seed in range(10):
        edge.add((part(wear_at(0.4), chip=1.2, seed=100 + seed),), CUT_S)

    assert edge.trend.wear == pytest.approx(before, abs=0.08)


def test_where_noise_drowns_in_idling_wear_is_read_from_the_load():
    edge = worn(life(air=1000.0, edge=0.35))

    assert math.isnan(edge.last.noise_ratio)
    assert edge.last.load_ratio > 1.3
    assert edge.trend.wear == pytest.approx(1.0, abs=0.3)


def test_without_any_load_noise_alone_still_tells():
    assert limit_cut(loads=()) == pytest.approx(1.0, abs=0.15)


def test_without_noise_and_load_nothing_can_be_said():
    edge = EdgeWear(CONFIG)
    for _ in range(20):
        assert edge.add((CutPart("rough", CUT_S, math.nan, math.nan, ()),), CUT_S) is None

    assert math.isnan(edge.trend.wear)
    assert edge.cutting_s == 20 * CUT_S


def test_a_level_in_the_air_that_was_never_measured_leaves_the_teeth():
    cuts = [(w, CutPart(p.key, p.cutting_s, p.noise, math.nan, p.loads)) for w, p in life(loads=("teeth",))]

    edge = worn(cuts)

    assert math.isnan(edge.last.noise_ratio)
    assert edge.trend.wear > 0.5


def test_a_section_that_comes_late_begins_with_the_wear_that_there_is():
    edge = worn(life(until=0.6))
    before = edge.trend.wear

    for index in range(round(0.6 * N_LIFE), N_LIFE):
        edge.add((part(wear_at((index + 0.5) / N_LIFE), key="finish", edge=0.6, seed=index),), CUT_S)

    assert before == pytest.approx(wear_at(0.6), abs=0.08)
    assert edge.trend.wear == pytest.approx(1.0, abs=0.15)


def test_a_cut_passed_over_counts_in_seconds_only():
    edge = worn(life(until=0.5))
    wear = edge.trend.wear

    edge.pass_over(CUT_S)

    assert edge.trend.wear == wear
    assert edge.cutting_s == pytest.approx((N_LIFE // 2 + 1) * CUT_S)


def test_how_much_is_left_is_told_in_advance():
    edge = worn(life(until=0.75))

    likely, low, high = edge.left_s()

    assert low < 0.25 * N_LIFE * CUT_S < high
    assert low < likely < high


def test_saved_and_restored_it_goes_on_as_if_nothing_had_happened():
    cuts = life()
    whole = worn(cuts)

    for split in (2, 10, 45):
        first, second = worn(cuts[:split]), EdgeWear(CONFIG)
        second.restore(pickle.loads(pickle.dumps(first.save())))
        for _, one in cuts[split:]:
            second.add((one,), CUT_S)
        assert second.trend == whole.trend
        assert second.left_s() == whole.left_s()


def test_its_memory_does_not_grow_with_its_life():
    edge = worn(life())
    size = len(pickle.dumps(edge.save()))

    for _ in range(5):
        for index, (_, one) in enumerate(life()):
            edge.add((CutPart(f"section {index}", CUT_S, one.noise, one.air, one.loads), one), CUT_S)

    assert len(pickle.dumps(edge.save())) < 20 * size
