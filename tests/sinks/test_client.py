"""The client in JavaScript, in a real browser and in Node, against the real server."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from browser import Page, open_browser
from told import SPINDLE, alert, block, hub_config, state

from engine.clock import WallClock
from sinks.journal import Journal
from sinks.websocket import LiveServer

CLIENT = Path(__file__).parents[2] / "sinks/web/client.js"

pytestmark = pytest.mark.timeout(120)


class Live:
    """A server with its journal, that can be restarted on the same port."""

    def __init__(self, folder: Path) -> None:
        self.journal = Journal(folder / "journal.sqlite3")
        self.port = 0
        self.start()

    def start(self) -> None:
        self.server = LiveServer(hub_config(port=self.port), self.journal, WallClock(), [SPINDLE])
        self.address = self.server.start()
        self.port = self.address.port

    def close(self) -> None:
        self.server.close()
        self.journal.close()


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    made = Live(tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with open_browser(tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.fixture
def page(browser: Page, live: Live) -> Page:
    """A blank page of the server's: others may not listen."""
    browser.open(f"{live.address.page_url}client.js")
    browser.until("location.pathname === '/client.js' && document.readyState === 'complete'")
    return browser


def listen(page: Page, live: Live, options: str = "", name: str = "client") -> None:
    """Start a client that notes what it is told."""
    page.evaluate(
        f"""import("/client.js").then(({{ Client }}) => {{
          const told = window.{name}Told = {{ alerts: [], states: [], statuses: [], waves: [] }};
          window.{name} = new Client({json.dumps(live.address.stream_url)}, {{
            message: (one) => {{
              if (one.type === "alert") told.alerts.push(one.seq);
              if (one.type === "state") told.states.push(one.state.spindle);
            }},
            waveform: (wave) => told.waves.push(wave),
            status: (...what) => told.statuses.push(what),
            {options}
          }});
        }})"""
    )


def test_each_alert_comes_once_and_in_order_over_a_restart(page: Page, live: Live) -> None:
    live.server.write([alert(1), alert(2)])
    listen(page, live, "after: { seq: 0 }")
    page.until("clientTold.alerts.length === 2")
    live.server.close()
    page.until("clientTold.statuses.at(-1)[0] === 'waiting'")
    live.server.write([alert(3)])  # journaled, nobody is there

    live.start()
    live.server.write([alert(4)])

    page.until("clientTold.alerts.at(-1) === 4")
    assert page.evaluate("clientTold.alerts") == [1, 2, 3, 4]
    assert page.evaluate("client.position.seq") == 4
    page.evaluate("client.close()")


def test_another_client_goes_on_behind_the_position_that_was_kept(page: Page, live: Live) -> None:
    live.server.write([alert(1), alert(2)])
    listen(page, live, "after: { seq: 0 }, types: ['alert']")
    page.until("clientTold.alerts.length === 2")
    page.evaluate("client.close()")
    live.server.write([alert(3), alert(4, spindle="M2"), alert(5)])

    listen(page, live, "after: client.position, spindles: ['M1'], faults: ['process']", name="second")

    page.until("secondTold.alerts.length === 2")
    assert page.evaluate("secondTold.alerts") == [3, 5]
    page.evaluate("second.close()")


def test_refusal_is_for_good_until_it_is_opened_again(page: Page, live: Live) -> None:
    listen(page, live, "types: ['everything']")

    page.until("clientTold.statuses.at(-1)[0] === 'refused'")
    assert "everything" in page.evaluate("clientTold.statuses.at(-1)[1]")
    page.evaluate("client.hurry()")
    assert page.evaluate("clientTold.statuses.filter(([name]) => name === 'connecting').length") == 1
    page.evaluate("client.filter = []; client.open()")
    page.until("clientTold.statuses.at(-1)[0] === 'live'")
    page.evaluate("client.close()")


def test_commands_are_answered_and_a_waveform_is_shown_again_after_a_restart(page: Page, live: Live) -> None:
    listen(page, live)
    page.until("clientTold.statuses.at(-1)[0] === 'live'")
    page.evaluate("client.show('M1/vib')")
    assert "dance" in page.evaluate("client.ask('dance').then((result) => result.error)")
    live.server.close()
    page.until("clientTold.statuses.at(-1)[0] === 'waiting'")
    lost = "client.ask('unsubscribe').catch((error) => error.message)"
    assert page.evaluate(lost) == "not connected"

    live.start()
    page.until("clientTold.statuses.at(-1)[0] === 'live'")
    page.evaluate("client.ask('dance')")
    live.server.write([block(np.array([[1.0, 2.0], [3.0, np.nan]])), state()])

    page.until("clientTold.waves.length === 1 && clientTold.states.length === 1")
    assert page.evaluate("[...clientTold.waves[0].rows[0]]") == [1.0, 2.0]
    assert page.evaluate("Number.isNaN(clientTold.waves[0].rows[1][1])")
    page.evaluate("client.close()")
    away = "WebSocket connection to"  # the browser complains itself of a server that is away
    assert [said for said in page.complaints() if not said.startswith(away)] == []


NODE = """
import { Client } from "./client.mjs";
const got = [];
const client = new Client(process.argv[2], {
  types: ["alert"],
  after: { seq: 0 },
  message: (message) => {
    if (message.type !== "alert") return;
    got.push(message.seq);
    console.log(message.seq);
    if (message.seq === 4) { client.close(); console.log(JSON.stringify(got)); }
  },
});
"""


def test_client_runs_in_node_too(live: Live, tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node on the path: the client is tried in the browser only")
    shutil.copy(CLIENT, tmp_path / "client.mjs")
    (tmp_path / "listen.mjs").write_text(NODE)
    live.server.write([alert(1), alert(2)])
    arguments = [node, "--experimental-websocket", "listen.mjs", live.address.stream_url]
    with subprocess.Popen(arguments, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert [process.stdout.readline() for _ in range(2)] == ["1\n", "2\n"]
            live.server.close()
            live.server.write([alert(3)])
            live.start()
            live.server.write([alert(4)])
            assert process.stdout.read().split() == ["3", "4", "[1,2,3,4]"]
            assert process.wait(20.0) == 0
        finally:
            process.kill()
