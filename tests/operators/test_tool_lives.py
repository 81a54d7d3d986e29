from __future__ import annotations

import math
import pickle

import pytest
from tool_vectors import CONFIG, FEATURES, SPINDLE, T0, Machine, S

from engine.config import parse_config
from engine.verdicts import FaultClass, Finding, Score, Tier
from operators.tool_lives import ToolLives

N_LIFE = 40


def tool_lives(config=CONFIG):
    return ToolLives(SPINDLE, FEATURES, config)


def told(vectors, lives=None):
    """What is told of tools, and what is found, each with the time."""
    lives = lives or tool_lives()
    words, findings = [], []
    for vector in vectors:
        words += lives.take(vector)
        findings += [(vector.t_ns, finding) for finding in lives.findings()]
    return words, findings


def score_of(vector, *findings, score=0.1):
    return Score(
        "M1",
        vector.group,
        vector.t_ns,
        vector.onset_ns,
        vector.regime,
        Tier.LEARNED,
        "mewma",
        score,
        True,
        1,
        1,
        "",
        (),
        True,
        True,
        False,
        None,
        tuple(findings),
    )


def test_every_cut_ends_with_a_word_about_its_edge():
    machine = Machine()

    words, _ = told([*machine.air(4.0), *machine.life(N_LIFE, 0.5)])

    assert [life.n_cuts for life in words] == list(range(1, 21))
    assert {(life.spindle, life.tool, life.edge, life.began_ns) for life in words} == {
        ("M1", "T1", "T1#1", T0 + 4 * S)
    }
    assert words[-1].cutting_s == pytest.approx(60.0)
    assert math.isnan(words[CONFIG.tool_life.fresh_cuts - 1].wear)
    assert words[-1].wear == pytest.approx(0.42, abs=0.1)
    assert words[-1].remaining_low < 20 < words[-1].remaining_high


def test_a_change_is_recommended_about_when_the_limit_is_reached_and_once():
    machine = Machine()

    words, findings = told([*machine.air(4.0), *machine.life(N_LIFE, 1.3)])

    recommended = {(life.recommended_cuts, life.recommended_ns) for life in words} - {(None, None)}
    ((cuts, at_ns),) = recommended
    assert cuts == pytest.approx(N_LIFE, abs=0.1 * N_LIFE)
    assert words[cuts - 1].t_ns == at_ns
    assert {(f.fault, f.key, f.detail, f.tier, f.onset_ns) for _, f in findings} == {
        (FaultClass.TOOL_WEAR, "T1", "change_recommended", Tier.LEARNED, at_ns)
    }
    assert min(f.score for _, f in findings) >= 1.0
    assert len(findings) == len(words) - cuts + 1


def test_the_finding_says_why_in_multiples_of_the_fresh_edge():
    machine = Machine()

    _, findings = told([*machine.air(4.0), *machine.life(N_LIFE, 1.2)])

    reason = findings[0][1].reasons[0]
    assert (reason.feature, reason.expected, reason.high) == ("noise_per_load", 1.0, 2.0)
    assert reason.value == pytest.approx(1.85, abs=0.2)


def test_a_fresh_edge_ends_the_finding_and_begins_a_life():
    machine = Machine()
    vectors = [*machine.air(4.0), *machine.life(N_LIFE, 1.2)]
    machine.edge = "T1#2"
    change = machine.air()

    words, findings = told([*vectors, *change, *machine.life(N_LIFE, 0.5)])

    ends = [life for life in words if life.over]
    assert [(life.edge, life.n_cuts, life.t_ns) for life in ends] == [("T1#1", 48, change[0].t_ns)]
    assert (findings[-1][0], findings[-1][1].score) == (change[0].t_ns, 0.0)
    fresh = words[words.index(ends[0]) + 1 :]
    assert [life.n_cuts for life in fresh] == list(range(1, 21))
    assert max(life.wear for life in fresh if life.wear == life.wear) < 0.6


def test_changing_edges_long_before_their_limit_is_never_told_as_wear():
    machine = Machine()
    vectors = machine.air(4.0)
    for number in range(4):
        machine.edge = f"T1#{number}"
        vectors += machine.life(N_LIFE, 0.5)

    _, findings = told(vectors)

    assert findings == []


def test_where_nobody_tells_of_edges_a_clear_fall_means_a_fresh_one():
    machine = Machine(edge=None)
    vectors = [*machine.air(4.0), *machine.life(N_LIFE), *machine.life(N_LIFE, 0.6)]

    words, _ = told(vectors)

    assert all(life.inferred for life in words)
    assert [(life.edge, life.n_cuts) for life in words if life.over] == [("1", N_LIFE)]
    assert [life.n_cuts for life in words if life.edge == "2"] == list(range(2, 25))


def test_one_odd_cut_is_no_fresh_edge():
    machine = Machine(edge=None)
    vectors = [*machine.air(4.0), *machine.life(N_LIFE, 0.8), *machine.cut(0.0), *machine.cut(0.7)]

    words, _ = told(vectors)

    assert {life.edge for life in words} == {"1"}
    assert words[-1].n_cuts == 34


def test_an_edge_that_is_named_later_goes_on_with_its_life():
    machine = Machine(edge=None)
    vectors = [*machine.air(4.0), *machine.life(N_LIFE, 0.3)]
    machine.edge = "E7"

    words, _ = told([*vectors, *machine.cut(0.3)])

    assert (words[-1].edge, words[-1].n_cuts, words[-1].inferred) == ("E7", 13, False)
    assert not any(life.over for life in words)


def test_a_cut_with_another_fault_in_it_counts_as_a_cut_and_says_nothing_about_wear():
    machine, lives = Machine(), tool_lives()
    told([*machine.air(4.0), *machine.life(N_LIFE, 0.5)], lives)
    (before,), _ = told(machine.cut(0.42), lives)
    vectors = machine.cut(3.0)
    collision = Finding(FaultClass.COLLISION, "shock", Tier.DYNAMIC, 2.0, 0.9)

    told(vectors[:30], lives)
    lives.note(score_of(vectors[29], collision))
    (after,), _ = told(vectors[30:], lives)

    assert after.n_cuts == before.n_cuts + 1
    assert after.wear == before.wear


def test_what_merely_differs_from_the_baseline_does_not_stop_wear_from_being_read():
    machine, lives = Machine(), tool_lives()
    told([*machine.air(4.0), *machine.life(N_LIFE, 0.5)], lives)
    vectors = machine.cut(0.42)

    told(vectors[:30], lives)
    lives.note(score_of(vectors[29], score=5.0))
    lives.note(score_of(vectors[29], Finding(FaultClass.PROCESS, "section_envelope", Tier.LEARNED, 3.0, 0.4)))
    (after,), _ = told(vectors[30:], lives)

    assert after.evidence[0].value == pytest.approx(1.35, abs=0.1)


def test_no_finding_where_wear_is_not_watched_but_the_life_is_told():
    config = parse_config('[diagnosis]\noff = ["tool_wear"]\n')
    machine = Machine()

    words, findings = told([*machine.air(4.0), *machine.life(N_LIFE, 1.2)], tool_lives(config))

    assert findings == []
    assert words[-1].recommended_cuts is not None


def test_who_wants_fewer_alerts_of_wear_gets_them_later_and_the_recommendation_stays():
    config = parse_config("[diagnosis]\nsensitivity = {tool_wear = 0.8}\n")
    vectors = [*(machine := Machine()).air(4.0), *machine.life(N_LIFE, 1.2)]

    (words, fewer), (usual, all_of_them) = told(vectors, tool_lives(config)), told(vectors)

    assert [f.score for _, f in fewer] == pytest.approx([0.8 * f.score for _, f in all_of_them])
    assert words[-1].recommended_cuts == usual[-1].recommended_cuts


def test_only_so_many_tools_are_kept_and_the_one_that_has_not_cut_for_longest_goes():
    lives = tool_lives(parse_config("[tool_life]\nmax_tools = 2\n"))
    machine = Machine(edge=None)

    def cut(tool):
        machine.tool = tool
        return told(machine.cut(), lives)[0][-1].n_cuts

    assert [cut(tool) for tool in ("T1", "T2", "T1", "T3", "T1", "T2")] == [1, 1, 2, 1, 3, 1]


def test_saved_and_restored_it_goes_on_as_if_nothing_had_happened():
    machine = Machine(edge=None)
    vectors = [*machine.air(4.0), *machine.life(N_LIFE, 0.9), *machine.cut(0.0), *machine.cut(0.1)]
    whole = told(vectors)
    assert len({life.edge for life in whole[0]}) == 2

    for split in (500, 3000, len(vectors) - 80):
        first, second = tool_lives(), tool_lives()
        words, findings = told(vectors[:split], first)
        second.restore(pickle.loads(pickle.dumps(first.save())))
        more, further = told(vectors[split:], second)
        assert repr(words + more) == repr(whole[0])
        assert findings + further == whole[1]
