from __future__ import annotations

import msgspec
import pytest

from engine.declared import Bearing, Channel


def test_orders_are_those_of_the_bearing_of_a_well_known_rig() -> None:
    outer, inner, ball, cage = (order * 1797 / 60 for order in Bearing(9, 7.94, 39.04).orders)

    assert (outer, inner, ball, cage) == pytest.approx((107.36, 162.19, 70.58, 11.93), abs=0.01)


@pytest.mark.parametrize("contact_deg", [0.0, 15.0, 40.0])
def test_both_races_together_are_passed_by_every_ball_once_per_revolution(contact_deg: float) -> None:
    outer, inner, _, cage = Bearing(18, 12.7, 90.0, contact_deg).orders

    assert outer + inner == pytest.approx(18)
    assert outer == pytest.approx(18 * cage)


@pytest.mark.parametrize(
    ("geometry", "wanted"),
    [
        ({"n_elements": 9, "element_mm": 40.0, "pitch_mm": 39.0}, "Expected element_mm below pitch_mm"),
        ({"n_elements": 1, "element_mm": 8.0, "pitch_mm": 39.0}, ">= 2"),
        ({"n_elements": 9, "element_mm": 0.0, "pitch_mm": 39.0}, "> 0"),
        ({"n_elements": 9, "element_mm": 8.0, "pitch_mm": 39.0, "contact_deg": 90.0}, "< 90"),
    ],
)
def test_bearing_that_cannot_turn_is_refused_and_the_error_says_where(
    geometry: dict[str, float], wanted: str
) -> None:
    with pytest.raises(msgspec.ValidationError, match=wanted) as caught:
        msgspec.convert({"name": "vib_x", "bearing": geometry}, Channel)

    assert "$.bearing" in str(caught.value)
