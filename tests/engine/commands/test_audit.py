import json
from collections import Counter

from click.testing import CliRunner

from engine.cli import cli
from sinks.audit import AuditTrail, Deed


def _run(path, *options):
    result = CliRunner().invoke(cli, ["audit", "--journal", str(path), *options], catch_exceptions=False)
    return result.stdout


def test_trail_is_listed_and_a_name_forges_no_line(tmp_path):
    path = tmp_path / "journal.sqlite3"
    trail = AuditTrail(path, Counter())
    trail.note(Deed(1_700_000_000_000_000_000, "hall", "operator", "10.0.0.7", "ack", "M1:process:7", "ok"))
    trail.note(
        Deed(1_700_000_001_000_000_000, "", "", "10.0.0.8", "connect", "", "no\n2023 admin: ok\x1b[2J")
    )
    trail.close()

    lines = _run(path).splitlines()

    assert lines[0] == "2023-11-14 22:13:20  hall (operator) 10.0.0.7  ack M1:process:7: ok"
    assert lines[1:] == ["2023-11-14 22:13:21  - (-) 10.0.0.8  connect: no?2023 admin: ok?[2J"]
    assert [one["n"] for one in json.loads(_run(path, "--json", "-n", "1"))["audit"]] == [2]
