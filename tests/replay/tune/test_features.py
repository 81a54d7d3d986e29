import pickle
from dataclasses import fields

import pytest

from engine.config import load_config, parse_config
from engine.errors import ConfigError
from engine.records import FeatureVector, SensorOutcome
from replay.importers.registry import import_recording
from replay.recording import Recording
from replay.session import replay_alerts
from replay.simulate import plan_from_options, simulate
from replay.tune.features import alerts_of, has_features, read_features, write_features
from sinks.jsonl import AlertLines

DEFAULT = load_config()
STRICT = parse_config("[judge]\non = 1.3\non_delay_vectors = 4\noff_delay_s = 20\n[learn]\nlimit = 0.6\n")
EAGER = parse_config(
    "[judge]\non = 0.8\non_delay_vectors = 1\nimmediate = 1.5\n[learn]\nfalse_alerts_per_day = 0\n"
    '[[detectors]]\nname = "mewma"\nmargin = 1.0\n'
)


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    """Cuts, a collision and a dead sensor: vectors of four groups, short and long, and outcomes."""
    plan = plan_from_options(
        preset="demo", duration_s=24.0, n_spindles=1, seed=5,
        faults=["collision@14:M1", "sensor_dropout@20-21:M1"],
    )  # fmt: skip
    (path,) = simulate(plan, 24.0, tmp_path_factory.mktemp("shop"))
    return Recording.open(path)


@pytest.fixture(scope="module")
def skab(traces, tmp_path_factory):
    dest = tmp_path_factory.mktemp("skab") / "valve1-1"
    import_recording("skab", traces / "skab" / "valve1" / "1.csv", dest)
    return Recording.open(dest)


def bytes_of(alerts, path):
    with AlertLines(path) as lines:
        lines.write(alerts)
    return path.read_bytes()


def same_alerts(recording, configs, tmp_path):
    write_features(recording, configs[0], tmp_path / "features")
    n_alerts = []
    for config in configs:
        cached = bytes_of(alerts_of(recording, tmp_path / "features", config), tmp_path / "cached.jsonl")
        replayed = bytes_of(replay_alerts([recording], config), tmp_path / "replayed.jsonl")
        assert cached == replayed
        n_alerts.append(cached.count(b"\n"))
    assert len(set(n_alerts)) > 1, "the configurations decide alike: nothing is shown"


def test_alerts_from_kept_features_are_those_of_a_replay_to_the_byte_in_a_simulated_shop(simulated, tmp_path):
    same_alerts(simulated, [DEFAULT, STRICT, EAGER], tmp_path)


def test_alerts_from_kept_features_are_those_of_a_replay_to_the_byte_in_skab(skab, tmp_path):
    same_alerts(skab, [DEFAULT, STRICT, EAGER], tmp_path)


def test_features_come_back_as_the_flow_makes_them(simulated, tmp_path):
    write_features(simulated, DEFAULT, tmp_path / "features")

    items = [item for batch in read_features(tmp_path / "features") for item in batch]

    vectors = [item for item in items if isinstance(item, FeatureVector)]
    assert {vector.long for vector in vectors} == {True, False}
    assert {vector.group for vector in vectors} == {group.name for group in simulated.spindle.groups}
    assert any(isinstance(item, SensorOutcome) for item in items)
    assert not any(vector.values.flags.writeable for vector in vectors)
    assert [item.t_ns for item in items] == sorted(item.t_ns for item in items)


def test_every_field_of_a_vector_is_kept(tmp_path, simulated):
    write_features(simulated, DEFAULT, tmp_path / "features")
    shared, *_ = pickle.loads((tmp_path / "features.index").read_bytes())

    n_kept = len(shared[0]) - 1  # the number of values comes first
    assert n_kept + len(("t_ns", "onset_ns", "values")) == len(fields(FeatureVector))


def test_a_way_to_measure_that_does_not_fit_leaves_nothing_to_read(simulated, tmp_path):
    config = parse_config("[waveform]\nband_low_hz = 1e6\n")

    with pytest.raises(ConfigError, match="band_low_hz"):
        write_features(simulated, config, tmp_path / "features")

    assert not has_features(tmp_path / "features")


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("[judge]\non = 1.5\n", True),
        ("[learn]\nlimit = 0.5\n", True),
        ("[diagnosis]\noff = ['chatter']\n", True),
        ("[check]\nnan_fraction = 0.5\n", False),
        ("[waveform]\nn_bands = 4\n", False),
        ("[scalar]\nn_history = 5\n", False),
        ("[diagnosis]\nwindow_s = 0.4\n", False),
        ("[learn]\nsettle_s = 0.5\n", False),
    ],
)
def test_configurations_that_measure_alike_share_features(text, same):
    assert (parse_config(text).measuring_hash == DEFAULT.measuring_hash) is same
