"""What the figures on false-alert budgets make of counts; the counting itself takes minutes."""

import numpy as np
import pytest

from perf.bench_calibration import _made_up, _ratio
from perf.figures import FailedError


def test_too_few_alerts_are_as_wrong_as_too_many():
    assert _ratio([10, 20], [30.0, 30.0], "").value == _ratio([60, 60], [30.0, 30.0], "").value == 2.0


def test_what_came_and_what_was_asked_for_is_told_for_each_stream():
    assert "10 of 30, 20 of 30 alerts asked for (0.50)" in _ratio([10, 20], [30.0, 30.0], "seeds").note


def test_a_limit_that_nothing_reaches_is_a_failure():
    with pytest.raises(FailedError, match="of 60"):
        _ratio([0, 0], [30.0, 30.0], "")


@pytest.mark.parametrize("heavy", [False, True])
def test_made_up_features_are_positive_repeatable_and_remember_their_past(heavy):
    one, other = _made_up(heavy, 5000, 6, 1), _made_up(heavy, 5000, 6, 1)

    past, present = np.log(one[:-1]).ravel(), np.log(one[1:]).ravel()
    assert (one == other).all()
    assert np.corrcoef(past, present)[0, 1] == pytest.approx(0.6, abs=0.05)
