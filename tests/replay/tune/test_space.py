import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.config import load_config, parse_config
from engine.errors import ConfigError
from replay.tune.space import Axis, Space

DEFAULT = load_config()


def space(text):
    return Space.of(parse_config(f"[tune.space]\n{text}\n"))


def test_every_corner_of_the_default_space_is_a_configuration():
    found = Space.of(DEFAULT)

    for share in (0.0, 0.5, 0.999999):
        config = found.config({axis.key: axis.at(share) for axis in found.axes})
        assert config.judge.off <= config.judge.on
        assert config.tune == DEFAULT.tune


def test_the_default_configuration_lies_in_the_default_space():
    here = Space.of(DEFAULT).here()

    assert here is not None
    assert Space.of(DEFAULT).config(here) == DEFAULT


def test_a_detector_is_named_by_name_number_or_all():
    text = '"detectors[{}].margin" = {{ low = 1.0, high = 3.0 }}'

    margins = {}
    for which in ("0", "1", "*", "mewma"):
        key = f"detectors[{which}].margin"
        changed = space(text.format(which)).config({key: 2.5})
        margins[which] = [entry.margin for entry in changed.detectors]

    assert margins == {"0": [2.5, 1.5], "1": [1.5, 2.5], "*": [2.5, 2.5], "mewma": [2.5, 2.5]}


def test_a_base_with_several_values_where_the_space_has_one_lies_nowhere():
    found = space('"detectors[*].parameters.weight" = { low = 0.05, high = 0.5 }')

    assert found.here() is None


@given(st.floats(0.0, 0.999999), st.floats(0.001, 100.0), st.floats(1.01, 100.0), st.booleans())
def test_whatever_is_drawn_lies_in_the_range(share, low, factor, log):
    axis = Axis("judge.on", low, low * factor, log)

    assert axis.holds(axis.at(share))


@given(st.integers(1, 30), st.integers(1, 30), st.booleans())
def test_every_whole_number_is_drawn_about_equally_often_unless_logarithmic(low, n_more, log):
    axis = Axis("judge.on_delay_vectors", low, low + n_more, log, whole=True)

    drawn = [axis.at(i / 1000) for i in range(1000)]

    assert set(drawn) == set(range(low, low + n_more + 1))
    assert all(isinstance(value, int) for value in drawn)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('"judge.onn" = { low = 1, high = 2 }', ("judge.onn", "unknown field `onn`")),
        ('"jugde.on" = { low = 1, high = 2 }', ("jugde.on", "Expected a key")),
        ('"on" = { low = 1, high = 2 }', ("'on'", "such as judge.on")),
        ('"judge.on" = { low = 2, high = 1 }', ("judge.on", "low < high", "got 2 and 1")),
        ('"judge.on" = { low = 1 }', ("judge.on", "`low` and `high`")),
        ('"judge.on" = { low = 1, high = inf }', ("judge.on", "low < high")),
        ('"judge.on" = { low = 0.0, high = 1, log = true }', ("judge.on", "low > 0")),
        ('"judge.on" = { low = 0.5, high = 2.0 }', ("judge.on", "0.5", "judge.off")),
        ('"judge.on" = { low = 1, high = 2, choices = [1] }', ("judge.on", "got both")),
        ('"judge.on_delay_vectors" = { low = 1.5, high = 3.5 }', ("on_delay_vectors", "1.5", "int")),
        ('"judge.on_delay_vectors" = { low = 0, high = 3 }', ("on_delay_vectors", "= 0", ">= 1")),
        ('"ensemble.rule" = { choices = ["max", "median"] }', ("ensemble.rule", "median")),
        ('"detectors[pca].margin" = { low = 1, high = 2 }', ("detectors[pca]", "mewma, mewma")),
        ('"detectors[0].parameters.wait" = { low = 0.1, high = 0.2 }', ("parameters.wait", "wait")),
        ('"detectors.margin" = { low = 1, high = 2 }', ("detectors.margin",)),
        ('"hub.port" = { low = 1, high = 2 }', ("hub.port", "decides")),
        ('"waveform.time_features" = { choices = [["rms"], ["nosuch"]] }', ("time_features", "nosuch")),
        ("", ("at least one key",)),
    ],
)
def test_an_impossible_space_is_one_error_that_names_the_key(text, words):
    with pytest.raises(ConfigError) as caught:
        space(text)

    for word in words:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)
