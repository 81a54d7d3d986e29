from __future__ import annotations

import pickle

import numpy as np
import pytest

from detectors.signatures.bearing import BearingSignature
from detectors.signatures.bearing_lines import Lines
from engine.config import load_config
from engine.declared import Bearing, Channel, SensorGroup
from engine.records import Context, Feature, FeatureVector, Regime
from engine.verdicts import Tier, Why

CONFIG = load_config()
BEARING = Bearing(n_elements=9, element_mm=7.94, pitch_mm=39.04)
HOP_NS = 100_000_000
LINES = ("bpfo_evidence", "bpfi_evidence", "bsf_evidence")
BANDS = ("band_20_358_hz", "band_736_1514_hz", "band_1514_3112_hz")
QUIET = (0.3, 0.3, 0.3)
OUTER, INNER = (12.0, 0.5, 0.5), (0.5, 12.0, 0.5)
AIR, CUT = Regime("T1", "O1", "approach", False), Regime("T1", "O1", "rough", True)
UNNAMED = "element_not_identifiable"


def group_of(*bearings: Bearing | None) -> SensorGroup:
    channels = tuple(Channel(f"vib_{at}", "g", bearing=bearing) for at, bearing in enumerate(bearings))
    return SensorGroup("vib", "waveform", 12_800.0, (*channels, Channel("current", "A", dc_coupled=True)))


def signature_of(*bearings: Bearing | None) -> BearingSignature:
    group = group_of(*bearings)
    names = [f"{c.name}.{own}" for c in group.channels if not c.dc_coupled for own in (*LINES, *BANDS)]
    return BearingSignature([Feature(name, "", False) for name in names], group, CONFIG)


class Watch:
    """Hands a signature one vector after the other, as the flow does."""

    def __init__(self, signature: BearingSignature, n_channels: int = 1) -> None:
        self.signature, self.n_channels, self.t_ns = signature, n_channels, 0

    def vector(self, evidence, level=0.1, rpm=3000.0, regime=AIR, n_teeth=4, usable=True, steady=True):
        own = evidence if isinstance(evidence[0], tuple) else (evidence,) * self.n_channels
        levels = level if isinstance(level, tuple) else (level,) * self.n_channels
        values = [value for e, at in zip(own, levels, strict=True) for value in (*e, at, at, at)]
        self.t_ns += HOP_NS
        context = Context("M1", 0, rpm=rpm, n_teeth=n_teeth)
        return FeatureVector(
            "M1",
            "vib",
            self.t_ns,
            self.t_ns - HOP_NS,
            np.array(values),
            context,
            regime,
            usable,
            True,
            steady,
            None,
            True,
        )

    def see(self, n, evidence=QUIET, **changes):
        """Findings of ``n`` equal windows."""
        found = []
        for _ in range(n):
            vector = self.vector(evidence, **changes)
            found.append(self.signature.assess(vector))
            self.signature.learn(vector, vector.usable and vector.steady)
        return [finding for finding in found if finding is not None]


def watch(*bearings: Bearing | None) -> Watch:
    return Watch(signature_of(*(bearings or (BEARING,))), max(len(bearings), 1))


@pytest.mark.parametrize(("evidence", "element"), [(OUTER, "outer_race"), (INNER, "inner_race")])
def test_strong_line_opens_and_names_its_element_within_two_seconds_and_without_any_teach_in(
    evidence, element
):
    found = watch().see(20, evidence)

    assert found[-1].detail == element
    assert (found[-1].tier, found[-1].key, found[-1].certainty) == (Tier.DYNAMIC, "vib_0", 0.9)
    assert found[-1].score >= 1.0
    assert 0 <= found[-1].onset_ns <= 2 * HOP_NS


def test_finding_says_which_line_and_how_surely():
    reasons = watch().see(40, OUTER)[-1].reasons

    assert [reason.feature for reason in reasons][:1] == ["vib_0.bpfo_evidence"]
    assert reasons[0].value == pytest.approx(12.0, rel=0.05)
    assert sum(reason.share for reason in reasons) == pytest.approx(1.0)


def test_single_window_however_sure_opens_nothing():
    seen = watch()

    for _ in range(50):
        assert not seen.see(2, (1000.0, 0.0, 0.0))  # of those that are apart, it is in two at most
        assert not seen.see(20)


def test_evidence_as_of_noise_stays_far_below_the_limit():
    chance = np.random.default_rng(1)
    lines, highest = Lines(), 0.0

    for evidence in chance.exponential(1.0, (100_000, 3)).tolist():
        lines.update(tuple(evidence), cutting=False, onset_ns=0)
        highest = max(highest, lines.score)

    # Of 300 000 windows at most about one sum is beyond ln(300 000) = 12.6; the limit is 25.
    assert highest < 0.7


@pytest.mark.parametrize("evidence", [(12.0, 9.0, 0.0), (9.0, 8.0, 9.0), (3.5, 1.0, 1.0)])
def test_element_is_not_named_unless_its_line_is_strong_and_twice_the_others(evidence):
    found = watch().see(150, evidence)

    assert {finding.detail for finding in found} == {UNNAMED}
    assert found[-1].certainty == 0.7


def test_healthy_windows_find_nothing():
    assert not watch().see(2000)


def test_a_few_windows_of_each_cut_add_up_over_cuts():
    """Between its spin-up and the material a tool turns in the air for a second."""
    seen, found = watch(), []
    for _ in range(4):
        found += seen.see(4, OUTER)
        found += seen.see(300, regime=CUT)
        found += seen.see(5, rpm=6000.0)

    assert found
    assert found[-1].detail == "outer_race"


def test_cut_asks_for_more_than_air_does():
    faint = (2.3, 0.3, 0.3)

    assert watch().see(300, faint)
    assert not watch().see(300, faint, regime=CUT)
    assert watch().see(200, OUTER, regime=CUT)[-1].certainty == 0.8


def test_alert_lasts_while_the_line_shows_at_one_speed_of_several():
    seen = watch()
    seen.see(20, OUTER)

    found = []
    for _ in range(20):
        found += seen.see(4, OUTER) + seen.see(12, rpm=6000.0) + seen.see(100, regime=CUT)

    assert all(finding.score >= 0.7 for finding in found)
    assert len(found) == 20 * 116


def test_mended_bearing_is_told_once_with_a_closing_score_and_then_nothing():
    seen = watch()
    seen.see(50, OUTER)

    found = seen.see(200)

    assert found[-1].score < 0.7
    assert all(finding.score >= 0.7 for finding in found[:-1])
    assert len(found) < 60


def test_bearing_mended_is_believed_at_other_speeds_too():
    seen = watch()
    seen.see(50, OUTER)

    assert seen.see(1000, rpm=6000.0)[-1].score < 0.7


def test_vectors_that_cannot_be_judged_change_and_say_nothing():
    seen = watch()
    seen.see(50, OUTER)

    assert not seen.see(500, usable=False)
    assert not seen.see(500, steady=False)
    assert seen.see(1, OUTER)[0].score >= 1.0


def test_level_risen_in_the_air_is_a_bearing_whose_element_cannot_be_named():
    seen = watch(None)
    assert not seen.see(100, level=0.1)

    found = seen.see(30, level=0.3)

    assert (found[0].detail, found[0].tier, found[0].certainty) == (UNNAMED, Tier.LEARNED, 0.5)
    assert found[0].score >= 1.0
    reason = found[0].reasons[0]
    assert (reason.feature, reason.value) == ("vib_0.band_736_1514_hz", 0.3)
    assert (reason.expected, reason.high) == pytest.approx((0.1, 0.25))
    assert found[0].onset_ns == pytest.approx(100 * HOP_NS, abs=HOP_NS)


@pytest.mark.parametrize(
    "changes",
    [
        {"level": 0.2},
        {"level": 0.5, "regime": CUT},
        {"level": 0.5, "regime": Regime("T1", "O1", "rough", None)},
        {"level": 0.5, "rpm": 6000.0},
        {"level": 0.5, "rpm": None},
        {"level": 0.5, "rpm": 0.0},
    ],
    ids=["by half", "in a cut", "perhaps in a cut", "at another speed", "unknown speed", "standing"],
)
def test_level_that_has_a_reason_is_no_bearing(changes):
    seen = watch()
    seen.see(100)

    assert not seen.see(200, **changes)


def test_knock_is_no_bearing():
    seen = watch()
    seen.see(100)

    for _ in range(20):
        assert not seen.see(5, level=2.0) + seen.see(10)


def test_level_that_grows_slowly_is_not_learned():
    seen, found = watch(), []
    seen.see(600)

    for level in np.geomspace(0.1, 0.4, 5000):
        found += seen.see(1, level=float(level))

    assert found


def test_rig_without_a_controller_is_taken_for_a_spindle_in_the_air():
    seen = watch(None)
    seen.see(100, regime=Regime(), n_teeth=None)

    assert seen.see(30, level=0.5, regime=Regime(), n_teeth=None)


def test_line_that_comes_later_names_the_element_of_a_rough_bearing():
    seen = watch()
    seen.see(100)
    seen.see(30, level=0.5)

    found = seen.see(30, OUTER, level=0.5)

    assert found[0].detail == UNNAMED
    assert found[-1].detail == "outer_race"
    assert found[-1].certainty > found[0].certainty


def test_channels_of_one_group_share_an_alert_that_keeps_its_key():
    seen = watch(BEARING, BEARING)
    seen.see(20, (QUIET, OUTER))

    found = seen.see(100, (OUTER, OUTER))

    assert {finding.key for finding in found} == {"vib_1"}


@pytest.mark.parametrize(
    ("bearing", "changes", "why"),
    [
        (None, {}, Why.GEOMETRY),
        (BEARING, {"rpm": None}, Why.RPM),
        (BEARING, {"evidence": (np.nan,) * 3, "rpm": 300.0}, Why.RESOLUTION),
        (BEARING, {"evidence": (np.nan,) * 3, "rpm": 60_000.0}, Why.RATE),
        (BEARING, {}, ""),
        (BEARING, {"regime": CUT}, ""),
    ],
)
def test_cover_says_why_lines_are_not_watched(bearing, changes, why):
    seen = watch(bearing)

    assert seen.signature.why_not(seen.vector(changes.pop("evidence", QUIET), **changes)) == why


def test_group_without_vibration_has_no_suitable_channel():
    group = SensorGroup("current", "waveform", 2000.0, (Channel("current", "A", dc_coupled=True),))
    signature = BearingSignature([Feature("current.mean", "A", False)], group, CONFIG)

    assert signature.why_not(watch().vector(QUIET)) == Why.CHANNEL
    assert not Watch(signature, 0).see(10, QUIET)


@pytest.mark.parametrize("n_before", [10, 60, 130])
def test_saved_state_goes_on_as_if_nothing_had_happened(n_before):
    evidence = [QUIET] * 50 + [OUTER] * 40 + [QUIET] * 60

    def run(restart: bool):
        seen, found = watch(), []
        for at, own in enumerate(evidence):
            if restart and at == n_before:
                state = pickle.loads(pickle.dumps(seen.signature.save()))
                seen.signature = signature_of(BEARING)
                seen.signature.restore(state)
            found += seen.see(1, own, level=0.1 if at < 50 else 0.4, rpm=3000.0 if at % 7 else 6000.0)
        return found

    assert run(restart=True) == run(restart=False) != []


def test_state_of_another_version_is_refused():
    signature = signature_of(BEARING)

    with pytest.raises(ValueError, match="version"):
        signature.restore({**signature.save(), "version": 0})


def test_memory_is_bounded():
    seen = watch()
    for rpm in np.geomspace(100.0, 50_000.0, 300):
        seen.see(3, OUTER, rpm=float(rpm))
        seen.see(3, rpm=float(rpm), regime=CUT)

    state = seen.signature.save()
    assert len(state["lines"]) <= 64
    assert len(state["levels"]) <= 64
    assert len(state["hot"]) <= 64


@pytest.mark.parametrize("level", [np.nan, np.inf, 0.0])
def test_level_that_is_none_is_neither_risen_nor_learned(level):
    seen = watch()
    seen.see(100)

    assert not seen.see(50, level=level)
    assert seen.see(30, level=0.3)[0].reasons[0].expected == pytest.approx(0.1)
