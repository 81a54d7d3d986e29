from pathlib import Path

import pytest

from engine.verdicts import Cover, FaultClass, Why
from operators.cover import merge_cover
from operators.fault_words import advise, how_sure, name_of, phrase, say_why

PAGE = Path(__file__).parents[2] / "sinks" / "web" / "words.js"


@pytest.mark.parametrize("fault", FaultClass)
def test_every_fault_class_has_a_name_and_an_advice_in_both_languages(fault):
    for said in (name_of(fault), advise(fault)):
        assert said.en
        assert any("가" <= letter <= "힣" for letter in said.ko)


@pytest.mark.parametrize("why", Why)
def test_every_reason_why_not_is_said_in_both_languages_and_ranked(why):
    assert any("가" <= letter <= "힣" for letter in say_why(why).ko)
    assert merge_cover([[(cover := _cover(why))]]) == (cover,)


def _cover(why):
    return Cover(FaultClass.CHATTER, "chatter", why)


def test_the_page_calls_every_fault_and_reason_as_alerts_do():
    page = PAGE.read_text(encoding="utf-8")

    for fault in FaultClass:
        assert f'["{fault}", ["{name_of(fault).en}", "{name_of(fault).ko}"]]' in page
    for why in Why:
        assert f'["{why}", [' in page
        assert say_why(why).ko in page


def test_how_sure_grows_with_certainty():
    assert [how_sure(certainty).en for certainty in (0.1, 0.6, 0.9)] == ["Possible", "Likely", "Unmistakable"]


def test_a_detail_is_a_phrase_a_figure_or_only_for_files():
    assert phrase("outer_race").ko == "외륜"
    assert phrase("870 Hz").en == "870 Hz"
    assert phrase("mewma") is None
