"""River's own half-space trees are the oracle: scores must be equal, not close."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from river import anomaly, preprocessing

from detectors.half_space_forest import grow_forest
from detectors.scaled_half_space_trees import LIMITS, ScaledHalfSpaceTrees
from detectors.streaming_half_space_trees import StreamingHalfSpaceTrees

CONFIGURATIONS = [
    # n_trees, height, window, n_features
    (10, 8, 250, 16),
    (25, 8, 100, 64),
    (25, 11, 60, 5),
    (5, 3, 3, 1),
    (7, 6, 50, 16),
    (3, 0, 4, 2),
    (1, 1, 1, 1),
]
N_ROWS = 320


def stream(n_features: int, n_rows: int = N_ROWS, seed: int = 1) -> np.ndarray:
    """Rows around 0 with some strange ones, some infinities and some NaN."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n_rows, n_features)) * np.where(rng.random((n_rows, 1)) < 0.05, 4.0, 1.0)
    dirt = rng.random(rows.shape)
    rows[dirt < 0.004] = np.nan
    rows[(dirt >= 0.004) & (dirt < 0.006)] = np.inf
    rows[(dirt >= 0.006) & (dirt < 0.008)] = -np.inf
    return rows


def some_missing(rows: np.ndarray, names: list, share: float = 0.05, seed: int = 2) -> list[dict]:
    """The rows as dicts that lack a few features, and have one that the trees never saw; the first is complete."""
    lacking = np.random.default_rng(seed).random(rows.shape) < share
    lacking[0] = False
    return [
        {name: value for name, value, gone in zip(names, row.tolist(), out, strict=True) if not gone}
        | ({"unheard of": 1.0} if index == 40 and isinstance(names[0], str) else {})
        for index, (row, out) in enumerate(zip(rows, lacking, strict=True))
    ]


def score_then_learn(model, dicts) -> list[float]:
    scores = []
    for x in dicts:
        scores.append(model.score_one(x))
        model.learn_one(x)
    return scores


def limits_of(names: list) -> dict:
    return {name: (-4.0 - index % 3, 4.0) for index, name in enumerate(names)}


@pytest.mark.parametrize(("n_trees", "height", "window", "n_features"), CONFIGURATIONS)
def test_scores_of_dicts_are_rivers_with_nan_and_missing_features(n_trees, height, window, n_features):
    names = [f"f{index}" for index in range(n_features)][::-1]  # river sorts them: f10 stands before f2
    dicts = some_missing(stream(n_features), names)
    parameters = (n_trees, height, window, limits_of(names), 7)

    ours = score_then_learn(StreamingHalfSpaceTrees(*parameters), dicts)

    assert ours == score_then_learn(anomaly.HalfSpaceTrees(*parameters), dicts)


@pytest.mark.parametrize(("n_trees", "height", "window", "n_features"), CONFIGURATIONS)
def test_scores_of_arrays_are_rivers_one_by_one_and_all_at_once(n_trees, height, window, n_features):
    rows = stream(n_features)
    parameters = (n_trees, height, window, limits_of(list(range(n_features))), 3)
    rivers = score_then_learn(
        anomaly.HalfSpaceTrees(*parameters), [dict(enumerate(r)) for r in rows.tolist()]
    )
    single, batch = StreamingHalfSpaceTrees(*parameters), StreamingHalfSpaceTrees(*parameters)

    assert [single.score_learn(row) for row in rows] == rivers
    assert batch.score_learn_many(rows).tolist() == rivers


@given(st.lists(st.integers(0, 90), max_size=6))
def test_how_rows_were_cut_into_batches_changes_nothing(cuts):
    rows = stream(4, 90)
    whole = StreamingHalfSpaceTrees(6, 5, 20, seed=1).score_learn_many(rows)
    trees = StreamingHalfSpaceTrees(6, 5, 20, seed=1)

    parts = [trees.score_learn_many(part) for part in np.split(rows, sorted(cuts))]

    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_calls_of_every_form_may_be_mixed():
    rows = stream(3)
    names = ["a", "b", "c"]
    dicts = some_missing(rows, names, share=0.1)
    rivers, ours = (
        kind(8, 6, 30, dict.fromkeys(names, LIMITS), 5)
        for kind in (anomaly.HalfSpaceTrees, StreamingHalfSpaceTrees)
    )
    said, wanted = [], []
    for start in range(0, N_ROWS, 4):
        wanted += score_then_learn(rivers, dicts[start : start + 2])
        wanted += score_then_learn(
            rivers, [dict(zip(names, r, strict=True)) for r in rows[start + 2 : start + 4]]
        )
        said += score_then_learn(ours, dicts[start : start + 2])
        said.append(ours.score_learn(rows[start + 2]))
        said += ours.score_learn_many(rows[start + 3 : start + 4]).tolist()

    assert said == wanted


def test_behind_rivers_scaler_a_pipeline_scores_as_before():
    dicts = some_missing(np.nan_to_num(stream(5), posinf=9.0, neginf=-9.0), list("abcde"))
    limits = dict.fromkeys("abcde", LIMITS)

    pipelines = [
        preprocessing.StandardScaler() | kind(limits=limits, window_size=50, seed=2)
        for kind in (anomaly.HalfSpaceTrees, StreamingHalfSpaceTrees)
    ]

    assert score_then_learn(pipelines[1], dicts) == score_then_learn(pipelines[0], dicts)


def test_a_filter_of_rivers_accepts_it():
    guarded = anomaly.QuantileFilter(StreamingHalfSpaceTrees(seed=1, window_size=10), q=0.9)

    for x in some_missing(stream(2, 60), ["a", "b"]):
        guarded.learn_one(x)

    assert 0.0 <= guarded.score_one({"a": 0.5, "b": 0.5}) <= 1.0


@pytest.mark.parametrize("n_rows", [0, 20, 50, 70])
def test_pickled_saved_and_copied_go_on_as_if_nothing_had_happened(n_rows):
    dicts = some_missing(stream(4), list("abcd"))
    trees = StreamingHalfSpaceTrees(6, 5, 50, dict.fromkeys("abcd", LIMITS), 9)
    score_then_learn(trees, dicts[:n_rows])
    restored = trees.clone()
    score_then_learn(restored, dicts[:33])  # what it learned before must not shine through
    restored.restore(trees.save())
    heirs = [
        pickle.loads(pickle.dumps(trees)),
        copy.deepcopy(trees),
        trees.clone(include_attributes=True),
        restored,
    ]

    wanted = score_then_learn(trees, dicts[n_rows:])

    for heir in heirs:
        assert score_then_learn(heir, dicts[n_rows:]) == wanted


def test_a_clone_is_untaught_and_grows_the_same_trees():
    trees = StreamingHalfSpaceTrees(6, 5, 50, {"a": (-1.0, 2.0)}, 9)
    dicts = some_missing(stream(1), ["a"])
    first = score_then_learn(trees, dicts)

    assert score_then_learn(trees.clone(), dicts) == first


def test_a_state_is_small_and_of_plain_values():
    trees = StreamingHalfSpaceTrees(seed=1)
    trees.score_learn_many(stream(16))

    state = trees.save()

    assert sum(leaf.nbytes for leaf in state.values() if isinstance(leaf, np.ndarray)) <= 2 * 10 * 256
    assert not {"feature", "threshold"} & set(state)
    assert len(pickle.dumps(trees)) < 6000


def test_a_state_of_another_version_or_of_other_trees_is_refused():
    trees = StreamingHalfSpaceTrees(seed=1)
    trees.score_learn_many(stream(2))

    with pytest.raises(ValueError, match="version 99"):
        StreamingHalfSpaceTrees(seed=1).restore(trees.save() | {"version": 99})
    with pytest.raises(ValueError, match="seed=1, wanted 2"):
        StreamingHalfSpaceTrees(seed=2).restore(trees.save())


def test_rows_of_another_length_are_refused():
    trees = StreamingHalfSpaceTrees(seed=1)
    trees.score_learn(np.zeros(3))

    with pytest.raises(ValueError, match="got 4 features, wanted 3"):
        trees.score_learn(np.zeros(4))
    with pytest.raises(ValueError, match="got 2 features, wanted 3"):
        trees.score_learn_many(np.zeros((5, 2)))
    with pytest.raises(ValueError, match="1 dimensions"):
        trees.score_learn_many(np.zeros(3))


def test_lists_float32_and_strided_rows_are_read_too():
    rows = np.float32(stream(3, 80)).astype(np.float64)
    trees, wanted = (StreamingHalfSpaceTrees(4, 4, 10, seed=1) for _ in range(2))
    forms = (lambda r: r.tolist(), np.float32, lambda r: np.repeat(r, 2)[::2])

    assert [trees.score_learn(forms[i % 3](row)) for i, row in enumerate(rows)] == [
        wanted.score_learn(row) for row in rows
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"n_trees": 0},
        {"height": -1},
        {"window_size": 0},
        {"window_size": 2**50},
        {"limits": {0: (1.0, 0.0)}},
        {"limits": {0: (0.0, np.inf)}},
        {"limits": {0: (1.0, 1.0)}},
    ],
)
def test_parameters_without_meaning_are_refused_at_the_first_row(wrong):
    with pytest.raises(ValueError, match="wanted"):
        StreamingHalfSpaceTrees(**wrong).score_learn(np.zeros(1))


def test_a_value_that_is_no_number_is_refused():
    trees = StreamingHalfSpaceTrees(seed=1)
    trees.learn_one({"a": 1, "b": True})

    with pytest.raises(TypeError, match="NoneType"):
        trees.learn_one({"a": None, "b": 2.0})


def test_models_of_one_seed_share_read_only_trees():
    limits = ((0.0, 1.0), (-4.0, 4.0))

    forest = grow_forest(3, 4, 5, limits)

    assert grow_forest(3, 4, 5, limits) is forest
    assert grow_forest(4, 4, 5, limits) is not forest
    assert not forest.flags.writeable


def pipeline_scores(rows: np.ndarray, parameters: dict) -> list[float]:
    """What river's pipeline says of the rows as dicts without what is not finite."""
    limits = dict.fromkeys(range(rows.shape[1]), LIMITS)
    pipeline = preprocessing.StandardScaler() | anomaly.HalfSpaceTrees(limits=limits, **parameters)
    return score_then_learn(
        pipeline, [{i: v for i, v in enumerate(row) if np.isfinite(v)} for row in rows.tolist()]
    )


@pytest.mark.parametrize("dirty", [False, True])
@pytest.mark.parametrize(("n_trees", "height", "window", "n_features"), CONFIGURATIONS)
def test_fused_chain_scores_as_rivers_pipeline(n_trees, height, window, n_features, dirty):
    rows = stream(n_features) if dirty else np.nan_to_num(stream(n_features), posinf=9.0, neginf=-9.0)
    rows = rows * np.geomspace(1e-6, 1e6, n_features) + np.linspace(-50.0, 3.0, n_features)
    rows[0] = np.nan_to_num(
        rows[0], posinf=1.0, neginf=-1.0
    )  # river's first row says which features there are
    parameters = {"n_trees": n_trees, "height": height, "window_size": window, "seed": 4}
    rivers = pipeline_scores(rows, parameters)
    single, batch = (
        ScaledHalfSpaceTrees(n_features, **parameters),
        ScaledHalfSpaceTrees(n_features, **parameters),
    )

    assert [single.score_learn(row) for row in rows] == rivers
    assert batch.score_learn_many(rows).tolist() == rivers


def test_fused_chain_takes_a_constant_feature_for_its_own_mean():
    rows = np.nan_to_num(stream(3), posinf=9.0, neginf=-9.0)
    rows[:, 1] = 5.0
    parameters = {"n_trees": 5, "height": 6, "window_size": 40, "seed": 4}

    assert ScaledHalfSpaceTrees(3, **parameters).score_learn_many(rows).tolist() == pipeline_scores(
        rows, parameters
    )


@pytest.mark.parametrize("n_rows", [0, 20, 50, 70])
def test_fused_chain_restored_or_pickled_goes_on_as_if_nothing_had_happened(n_rows):
    rows = stream(4)
    chain = ScaledHalfSpaceTrees(4, 6, 5, 50, seed=9)
    chain.score_learn_many(rows[:n_rows])
    restored = ScaledHalfSpaceTrees(4, 6, 5, 50, seed=9)
    restored.score_learn_many(rows[:33])
    restored.restore(chain.save())
    pickled = pickle.loads(pickle.dumps(chain))

    wanted = chain.score_learn_many(rows[n_rows:]).tolist()

    assert restored.score_learn_many(rows[n_rows:]).tolist() == wanted
    assert pickled.score_learn_many(rows[n_rows:]).tolist() == wanted


def test_fused_chain_refuses_rows_and_states_that_do_not_fit():
    chain = ScaledHalfSpaceTrees(4, seed=1)

    with pytest.raises(ValueError, match="got 3 features, wanted 4"):
        chain.score_learn(np.zeros(3))
    with pytest.raises(ValueError, match="wanted \\(n, 4\\)"):
        chain.score_learn_many(np.zeros((2, 3)))
    with pytest.raises(ValueError, match="n_features=5, wanted 4"):
        chain.restore(ScaledHalfSpaceTrees(5, seed=1).save())
    with pytest.raises(ValueError, match="version 0"):
        chain.restore(chain.save() | {"version": 0})
