from __future__ import annotations

from collections.abc import Mapping

import pytest

from operators.columns import SCALAR_FEATURES, SPECTRAL_FEATURES, TIME_FEATURES, Column
from operators.kernels.history import N_HISTORY
from operators.kernels.spectral import N_SHAPE
from operators.kernels.time_domain import N_TIME


@pytest.mark.parametrize(
    ("table", "n_columns"),
    [(TIME_FEATURES, N_TIME), (SPECTRAL_FEATURES, N_SHAPE), (SCALAR_FEATURES, N_HISTORY)],
)
def test_every_column_of_a_kernel_is_exactly_one_feature(table: Mapping[str, Column], n_columns: int) -> None:
    assert sorted(column.position for column in table.values()) == list(range(n_columns))


def test_time_domain_and_spectral_features_of_one_channel_have_different_names() -> None:
    assert not TIME_FEATURES.keys() & SPECTRAL_FEATURES.keys()
