from engine.checkpoint import Position
from engine.sources.resuming import noted_ticks


def test_ticks_that_the_checkpoint_knows_are_not_made_again():
    lines = [b"5-1|100|7", b"5-1|200|8", b"5-2|300|9"]
    assert noted_ticks(lines, Position("5-1", 3, 7)) == [("5-1", 200), ("5-2", 300)]


def test_of_a_tick_that_was_noted_again_the_last_counts():
    lines = [b"5-1|100|1", b"5-1|150|1", b"5-1|200|2"]
    assert noted_ticks(lines, Position()) == [("5-1", 150), ("5-1", 200)]


def test_what_is_no_tick_is_passed_over():
    assert noted_ticks([b"", b"\xff", b"5-1|soon|1", b"a|1|1|1", b"5-1|100|1"], Position()) == [("5-1", 100)]
