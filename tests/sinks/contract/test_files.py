from __future__ import annotations

import urllib.request

from told import hub_config

from engine.clock import WallClock
from sinks.contract.files import FOLDER, NAMES, write
from sinks.journal import Journal
from sinks.websocket import LiveServer


def test_committed_contract_is_what_the_records_say(tmp_path):
    write(tmp_path)

    stale = [name for name in NAMES if (tmp_path / name).read_bytes() != (FOLDER / name).read_bytes()]

    assert stale == [], "write them anew: python -m sinks.contract"


def test_a_server_hands_out_its_contract(tmp_path):
    journal = Journal(tmp_path / "journal.sqlite3")
    server = LiveServer(hub_config(), journal, WallClock())
    page = server.start().page_url

    for name in NAMES:
        with urllib.request.urlopen(f"{page}contract/{name}") as response:
            assert response.read() == (FOLDER / name).read_bytes()
            assert response.headers["Content-Type"] == "application/json"
    server.close()
    journal.close()
