from __future__ import annotations

import pickle

import pytest
from milling import AIR, CURRENT, Windows, features, watch

from detectors.signatures.load_blow import LoadBlow
from engine.config import load_config
from engine.verdicts import FaultClass, Tier, Why

UNTOLD = {"n_teeth": None}


def load_blow():
    return LoadBlow(features(CURRENT), CURRENT, load_config())


def in_cut(n=20, **told):
    """A signature in its first cut, and windows that go on from there."""
    own, windows = load_blow(), Windows(CURRENT)
    told = {**UNTOLD, **told}
    assert not watch(own, windows.make(8, AIR, **told) + windows.make(2, steady=False, **told))
    assert not watch(own, windows.make(n, **told))
    return own, windows


def blow(windows, n=3, mean=2.2, **told):
    """So many windows of a load that is pushed, and what follows."""
    told = {**UNTOLD, **told}
    return windows.make(n, mean=mean, **told) + windows.make(10, **told)


@pytest.mark.parametrize("n", [1, 3, 5])
def test_a_load_that_doubles_and_is_back_within_half_a_second_is_a_collision(n):
    own, windows = in_cut()
    stream = blow(windows, n)

    ((vector, finding),) = watch(own, stream)

    assert vector is stream[n]
    assert (finding.fault, finding.tier) == (FaultClass.COLLISION, Tier.DYNAMIC)
    assert finding.onset_ns == stream[0].onset_ns
    assert finding.reasons[0].value > finding.reasons[0].high > finding.reasons[0].expected


def test_a_load_that_stays_longer_is_none():
    own, windows = in_cut()

    assert not watch(own, blow(windows, n=6))


@pytest.mark.parametrize("mean", [0.3, 1.6])
def test_a_smaller_one_and_one_downwards_is_none(mean):
    own, windows = in_cut()

    assert not watch(own, blow(windows, mean=mean))


def test_where_teeth_are_known_others_see_more():
    own, windows = in_cut(n_teeth=4)
    stream = blow(windows, n_teeth=4)

    assert not watch(own, stream)
    assert own.why_not(stream[-1]) == Why.CHANNEL


@pytest.mark.parametrize("n", [1, 9, 12, 14])
def test_restored_in_mid_stream_goes_on_as_if_nothing_happened(n):
    own, windows = in_cut()
    stream = windows.make(10, **UNTOLD) + blow(windows)
    watch(own, stream[:n])
    heir = load_blow()
    heir.restore(pickle.loads(pickle.dumps(own.save())))

    assert watch(heir, stream[n:]) == watch(own, stream[n:])
    assert heir.save() == own.save()
