from __future__ import annotations

from sinks.contract.files import FOLDER, NAMES, write


def test_committed_contract_is_what_the_records_say(tmp_path):
    write(tmp_path)

    stale = [name for name in NAMES if (tmp_path / name).read_bytes() != (FOLDER / name).read_bytes()]

    assert stale == [], "write them anew: python -m sinks.contract"
