from engine.feeders.troubles import Troubles


class Clock:
    s = 100.0

    def __call__(self):
        return self.s


def lines(caplog):
    return [record.getMessage() for record in caplog.records]


def test_a_trouble_is_told_once_until_it_is_over(caplog):
    caplog.set_level("INFO")
    told = Troubles("mill", Clock())
    told.well()
    for _ in range(5):
        told.trouble("away")
    told.well()
    told.well()
    assert lines(caplog) == ["mill: trying again: away", "mill: well again"]


def test_a_source_that_flaps_is_told_of_every_ten_seconds_with_what_was_left_out(caplog):
    caplog.set_level("INFO")
    clock = Clock()
    told = Troubles("mill", clock)
    for _ in range(100):
        told.trouble("away")
        told.well()
        clock.s += 0.25
    assert lines(caplog) == [
        "mill: trying again: away",
        "mill: well again",
        "mill: trying again: away (39 more troubles were not told)",
        "mill: well again",
        "mill: trying again: away (39 more troubles were not told)",
        "mill: well again",
    ]


def test_what_happened_is_told_beside_troubles_and_as_seldom(caplog):
    told = Troubles("mill", Clock())
    told.trouble("away")
    told.note("something was lost")
    told.note("something was lost")
    assert lines(caplog) == ["mill: trying again: away", "mill: something was lost"]
