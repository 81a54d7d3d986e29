from dataclasses import replace

import numpy as np
import pytest
from shop import SPINDLE, T0

from detectors.signatures import registry
from detectors.signatures.base import Signature
from engine.config import parse_config
from engine.records import Context, Feature, FeatureVector, Regime
from engine.verdicts import Cover, FaultClass, Finding, Tier, Why
from operators.group_watch import GroupWatch

GROUP = SPINDLE.group("vib")
FEATURES = (Feature("vib_x.rms", "g", True),)
CUT, AIR = Regime("T1", "O1", "rough", True), Regime("T1", "O1", "approach", False)
USUAL = FeatureVector("M1", "vib", T0, T0, np.ones(1), Context("M1", T0), CUT, True, True, True, None)


class Chatters(Signature):
    """Finds chatter of whatever level it is shown, in cuts."""

    name, fault, long = "chatters", FaultClass.CHATTER, False

    def __init__(self, _features, _group, _config):
        self.learnt = []

    def why_not(self, vector):
        return "" if vector.regime.cutting else Why.NOT_CUTTING

    def assess(self, vector):
        if self.why_not(vector):
            return None
        return Finding(self.fault, self.name, Tier.DYNAMIC, float(vector.values[0]), 0.7)

    def learn(self, _vector, allowed):
        self.learnt.append(allowed)

    def save(self):
        return {"version": 1, "learnt": list(self.learnt)}

    def restore(self, state):
        self.learnt = list(state["learnt"])


class Rattles(Chatters):
    """The same for bearings, in long windows."""

    name, fault, long = "rattles", FaultClass.BEARING, True


@pytest.fixture
def watch(monkeypatch):
    monkeypatch.setattr(registry, "SIGNATURES", (Chatters, Rattles))
    return lambda text="": GroupWatch(FEATURES, FEATURES, GROUP, parse_config(text))


def test_each_signature_sees_the_windows_it_asked_for(watch):
    watching = watch()

    assert [f.signature for f in watching.assess(USUAL)] == ["chatters"]
    assert [f.signature for f in watching.assess(replace(USUAL, long=True))] == ["rattles"]


def test_a_sensitivity_is_a_factor_on_the_scores_of_its_class(watch):
    (finding,) = watch("[diagnosis.sensitivity]\nchatter = 0.5\n").assess(USUAL)

    assert finding.score == 0.5


def test_a_class_that_is_off_is_not_watched(watch):
    assert watch('[diagnosis]\noff = ["chatter"]\n').assess(USUAL) == []
    assert not watch("[diagnosis]\nenabled = false\n").any


def test_cover_says_who_watches_and_why_others_cannot(watch):
    watching = watch()
    watching.assess(replace(USUAL, long=True))
    watching.assess(replace(USUAL, regime=AIR))

    assert watching.cover == (
        Cover(FaultClass.CHATTER, "chatters", "not cutting"),
        Cover(FaultClass.BEARING, "rattles", ""),
    )


def test_cover_stays_the_same_object_while_nothing_changes(watch):
    watching = watch()
    watching.assess(USUAL)
    before = watching.cover
    for _ in range(50):
        watching.assess(USUAL)

    assert watching.cover is before


def test_without_usable_samples_nothing_is_watched(watch):
    watching = watch()
    watching.assess(replace(USUAL, usable=False))

    assert [cover.why for cover in watching.cover] == ["no usable samples"]


def test_progress_is_told_in_cuts_of_the_signature_that_learns_them(watch, monkeypatch):
    watching = watch()
    watching.assess(USUAL)
    assert watching.cuts == (0, 0)

    monkeypatch.setattr(Chatters, "progress", lambda _self, regime: (4, 10) if regime == CUT else (0, 10))
    for _ in range(10):
        watching.assess(USUAL)
    assert watching.cuts == (4, 10)
    watching.assess(replace(USUAL, regime=AIR))
    assert watching.cuts == (0, 10)


def test_saved_and_restored_it_goes_on(watch):
    first, second = watch(), watch()
    first.assess(USUAL)
    first.learn(USUAL, True)

    second.restore(first.save())

    assert second.cover == first.cover
    assert second.save() == first.save()
