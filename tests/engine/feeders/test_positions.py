import pytest

from engine.errors import UsageError
from engine.feeders.positions import Positions
from engine.feeders.tail import Mark

MARK = Mark("/data/a.csv", 7, 42, b"head\xff\n")


def test_marks_are_found_again(tmp_path):
    path = tmp_path / "positions.json"
    assert Positions(str(path)).marks == {}
    Positions(str(path)).keep({"/data/*.csv": MARK})
    assert Positions(str(path)).marks == {"/data/*.csv": MARK}
    assert [left.name for left in tmp_path.iterdir()] == ["positions.json"]


@pytest.mark.parametrize("words", [b"", b"{", b"[1]", b'{"a": [1]}', b"\xff"])
def test_a_file_that_holds_something_else_is_told(tmp_path, words):
    path = tmp_path / "positions.json"
    path.write_bytes(words)
    with pytest.raises(UsageError, match=r"positions\.json: wanted the positions"):
        Positions(str(path))


def test_a_place_that_cannot_be_written_is_logged_and_no_error(tmp_path, caplog):
    positions = Positions(str(tmp_path / "none" / "positions.json"))
    positions.keep({"a": MARK})
    assert "positions cannot be kept" in caplog.text
    Positions("").keep({"a": MARK})
