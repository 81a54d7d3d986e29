from __future__ import annotations

import pytest

from operators.feature_registry import FEATURES, SCALAR_FEATURES, Family, FeatureSpec, features_of
from operators.kernels.asynchronous import N_ASYNCHRONOUS
from operators.kernels.bearing_evidence import N_EVIDENCE
from operators.kernels.envelope import N_ENVELOPE
from operators.kernels.history import N_HISTORY
from operators.kernels.orders import N_ORDERS
from operators.kernels.spectral import N_SHAPE
from operators.kernels.time_domain import N_TIME


@pytest.mark.parametrize(
    ("family", "n_columns"),
    [
        (Family.TIME, N_TIME),
        (Family.SHAPE, N_SHAPE),
        (Family.VELOCITY, 1),
        (Family.FLOOR, 1),
        (Family.ENVELOPE, N_ENVELOPE),
        (Family.BEARING, N_EVIDENCE),
        (Family.ORDERS, N_ORDERS),
        (Family.ASYNCHRONOUS, N_ASYNCHRONOUS),
    ],
)
def test_every_column_of_a_kernel_is_exactly_one_feature(family: Family, n_columns: int) -> None:
    assert sorted(FEATURES[name].position for name in features_of(family)) == list(range(n_columns))


def test_every_column_of_slow_channels_is_exactly_one_feature() -> None:
    assert sorted(kind.position for kind in SCALAR_FEATURES.values()) == list(range(N_HISTORY))


def test_a_spec_is_named_after_its_channel_and_feature_whatever_its_window() -> None:
    assert (
        FeatureSpec("vib_x", "rms", 0.2, 0.1).name
        == FeatureSpec("vib_x", "rms", 1.0, 0.1).name
        == "vib_x.rms"
    )
