import re

import pytest

from operators import trouble_words as words

SAID = [
    words.unknown_group("nosuch", "vib, current"),
    words.wrong_shape((3, 10), 2),
    words.wrong_rate(900.0, 1000.0),
    words.silent(1.5, 12800.0),
    words.no_value(10800.0, 3600.0),
    words.gap(0.5, 0.001),
    words.missed_burst(2.4),
    words.short_burst(100, 2560),
    words.many_gaps(7, 1.2, 0.25),
    words.set_back(600.0),
    words.known_already(5, 100, 0.25),
    words.not_finite("vib_x", 3, 1280),
    words.not_finite_run("load_pct", 6),
    words.flat("vib_x", 0.12),
    words.flat_run("load_pct", 600),
    words.clipped("vib_x", 40, 1280),
]


@pytest.mark.parametrize("said", SAID, ids=lambda said: said.en[:30])
def test_both_languages_tell_the_same_figures(said):
    assert sorted(re.findall(r"\d+(?:\.\d+)?", said.en)) == sorted(re.findall(r"\d+(?:\.\d+)?", said.ko))
    assert re.search("[가-힣]", said.ko)
    assert not re.search("[가-힣]", said.en)
