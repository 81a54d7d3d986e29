import pytest
from tunable import tunable

from engine.errors import UsageError
from replay.recording import Recording
from replay.tune.folds import cut_folds


@pytest.fixture
def recordings(tmp_path):
    """Seven of five spindles: A has three."""
    owners = ["A", "A", "A", "B", "C", "D", "E"]
    return [
        Recording.open(tunable(tmp_path / f"r{i}", i, spindle=name, fault=name != "E"))
        for i, name in enumerate(owners)
    ]


@pytest.mark.parametrize("n_folds", [2, 3, 4])
def test_folds_hold_every_recording_once_and_never_part_a_spindle(recordings, n_folds):
    folds = cut_folds(recordings, n_folds, "spindle")

    assert sorted(i for part in folds.parts for i in part) == list(range(7))
    assert len(folds.parts) == n_folds
    for part in folds.parts:
        inside, outside = (
            {recordings[i].spindle.name for i in own} for own in (part, set(range(7)) - {*part})
        )
        assert not inside & outside


def test_no_recording_is_on_both_sides_of_its_fold(recordings):
    folds = cut_folds(recordings, 3, "spindle")

    for fold, part in enumerate(folds.parts):
        assert sorted((*part, *folds.others(fold))) == list(range(7))


def test_recordings_may_be_folded_each_for_itself(recordings):
    assert len(cut_folds(recordings, 9, "recording").parts) == 7


@pytest.mark.parametrize("group_by", ["folder", "spindle"])
def test_one_run_alone_is_refused(recordings, group_by):
    with pytest.raises(UsageError, match=f"two {group_by}s or more"):
        cut_folds(recordings[:3], 2, group_by)
