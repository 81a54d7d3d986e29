from __future__ import annotations

from dataclasses import replace

from milling import AIR, CUT, Windows

from detectors.signatures.settling_lines import SettlingLines

ENTRY = CUT._replace(section="entry")
NOW = [-4.0], [-1.0], [0.5]
WINDOW_S = 0.2


def settling(n, before=ENTRY, change_at=None, steady_from=None):
    """What a channel's line is after so many windows of a new section."""
    lines, windows = SettlingLines(1, WINDOW_S), Windows()
    lines.learn(windows.make(1, before)[0], None)
    for at, vector in enumerate(windows.make(n, steady=False)):
        if at == 0:
            lines.begin(before, vector)
        if change_at is not None and at >= change_at:
            vector = replace(vector, context=replace(vector.context, rpm=1.02 * vector.context.rpm))
        if steady_from is not None and at >= steady_from:
            vector = replace(vector, steady=True)
        lines.learn(vector, NOW)
    return lines.line(0)


def test_only_windows_wholly_within_the_section_count():
    assert settling(4) is None  # the first began before it, the second reaches back to the first's newest hop
    assert settling(5).n == 3
    assert settling(5).mean == -4.0


def test_steady_windows_are_the_cuts_own_and_do_not_count():
    assert settling(8, steady_from=5).n == 3


def test_nothing_counts_after_another_tool_another_speed_or_air():
    for before in (AIR, ENTRY._replace(tool="T2"), ENTRY._replace(rpm=2000), ENTRY._replace(cutting=None)):
        assert settling(8, before) is None
    assert SettlingLines(1, WINDOW_S).line(0) is None


def test_a_speed_that_changes_ends_it():
    assert settling(8, change_at=3) is None


def test_windows_that_must_not_be_learnt_do_not_count():
    lines, windows = SettlingLines(1, WINDOW_S), Windows()
    vectors = windows.make(8, steady=False)
    lines.learn(windows.make(1, ENTRY)[0], None)
    lines.begin(ENTRY, vectors[0])
    for vector in vectors:
        lines.learn(vector, None)

    assert lines.line(0) is None
