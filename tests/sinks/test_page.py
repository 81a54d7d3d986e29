"""The live page in a real browser, fed by the real server."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from browser import Page, open_browser

from engine.clock import NS_PER_S, WallClock
from engine.config import load_config
from engine.declared import Channel, SensorGroup, Spindle
from engine.records import Block, Regime
from engine.verdicts import (
    Alert,
    AlertState,
    Condition,
    Cover,
    FaultClass,
    Reason,
    Score,
    SpindleState,
    Tier,
    Verdict,
)
from sinks.journal import Journal
from sinks.websocket import LiveServer

CLOCK = WallClock()
NOW_NS = CLOCK.now_ns()
HOSTILE = '<img src=x onerror="window.hacked=1"><b>M9</b>'
VIB = SensorGroup("vib", "waveform", 12_800.0, (Channel("vib_x", "g"), Channel("vib_y", "g")))
LOAD = SensorGroup("load", "scalar", 2.0, (Channel("spindle_load", "%"),))

pytestmark = pytest.mark.timeout(120)


def shop(*names: str) -> list[Spindle]:
    return [Spindle(name, (VIB, LOAD)) for name in names]


def state(spindle: str, condition: Condition = Condition.OK, *, learned: int = 60) -> SpindleState:
    regime = "T3/O1001/rough/cutting"
    troubles = (("gap", 3),) if condition is Condition.SENSOR else ()
    return SpindleState(spindle, CLOCK.now_ns(), condition, regime, learned, 60, 0.4, (), troubles)


def verdict(spindle: str, score: float) -> Verdict:
    told = Score(
        spindle, "vib", CLOCK.now_ns(), CLOCK.now_ns(), Regime("T3"), Tier.LEARNED, "mewma", score, True, 60, 60,
        "vib_x.rms", (), True, True, False, False, None,
    )  # fmt: skip
    return Verdict(told, score >= 1.0)


def collision(spindle: str, onset_ns: int = NOW_NS) -> Alert:
    reason = Reason("vib_x.peak", 31.0, 2.0, 1.0, 4.0, "g", 0.88)
    return Alert(
        f"{spindle}:collision:{onset_ns}", spindle, "vib", "collision", AlertState.OPENED, Tier.DYNAMIC,
        "T3/O1001/rough/cutting", onset_ns, onset_ns + NS_PER_S // 5, 6.2, "change", (reason,),
        f"Collision on {spindle} (T3, rough): vib_x.peak 31 g, expected 2 g. Possible; score 6.2",
        f"충돌 · {spindle} (T3, rough): vib_x.peak 31 g, 정상 2 g. 의심; 점수 6.2", "0123456789ab",
        advice_en="Stop. Look at the tool.", advice_ko="정지하십시오.",
    )  # fmt: skip


def block(spindle: str, hop: int) -> Block:
    t_s = hop * 0.1 + np.arange(1280) / VIB.sample_rate_hz
    wave = np.sin(2 * np.pi * 120.0 * t_s).astype(np.float32)
    return Block(
        spindle, "vib", NOW_NS + hop * NS_PER_S // 10, VIB.sample_rate_hz, np.stack([wave, 3.0 * wave])
    )


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with open_browser(tmp_path_factory.mktemp("profile")) as page:
        yield page


class Live:
    """A server with its journal, that can be restarted on the same port."""

    def __init__(self, folder: Path, spindles: list[Spindle]) -> None:
        self._config = msgspec.structs.replace(load_config().hub, port=0)
        self._spindles = spindles
        self.journal = Journal(folder / "journal.sqlite3")
        self.start()

    def start(self) -> None:
        self.server = LiveServer(self._config, self.journal, CLOCK, self._spindles)
        self.url = self.server.start().page_url
        port = int(self.url.rstrip("/").rpartition(":")[2])
        self._config = msgspec.structs.replace(self._config, port=port)

    def close(self) -> None:
        self.server.close()
        self.journal.close()


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    made = Live(tmp_path, shop("M1", "M2", HOSTILE))
    yield made
    made.close()


@pytest.fixture
def page(browser: Page, live: Live) -> Page:
    browser.look(1280, 800)
    browser.open(live.url)
    browser.until("document.body?.dataset.connection === 'live' && document.querySelector('.tile')")
    return browser


def tile(spindle: str) -> str:
    return f"[...document.querySelectorAll('.tile')].find((one) => one.dataset.spindle === {spindle!r})"


def test_declared_spindles_are_shown_and_the_browser_has_nothing_to_complain_about(page: Page) -> None:
    page.until("document.querySelectorAll('.tile').length === 3")

    assert page.evaluate(f"{tile('M1')}.querySelector('.condition').textContent") == "No data yet"
    assert page.complaints() == []


def test_tile_follows_the_spindle_while_one_looks(page: Page, live: Live, tmp_path: Path) -> None:
    live.server.write([state("M1", Condition.LEARNING, learned=24), verdict("M1", 0.42)])
    page.until(f"{tile('M1')}.dataset.condition === 'learning'")
    page.until(f"{tile('M1')}.querySelector('.score').textContent === '0.42'")

    assert page.evaluate(f"{tile('M1')}.querySelector('.learned').textContent") == "24 of 60"
    assert page.evaluate(f"{tile('M1')}.querySelector('progress').value") == 24

    live.server.write([state("M2", Condition.SENSOR), verdict("M2", math.nan)])
    page.until(f"{tile('M2')}.dataset.condition === 'sensor'")
    page.until(f"{tile('M2')}.querySelector('.score').textContent === '–'")  # not the state's 0.4
    assert page.evaluate(f"{tile('M2')}.querySelector('.troubles').textContent") == "missing samples 3"
    page.screenshot(tmp_path / "tile.png")


def test_alert_appears_is_announced_and_closes(page: Page, live: Live, tmp_path: Path) -> None:
    alert = collision("M2")
    live.server.write([state("M2", Condition.ALERTING), alert])
    page.until("document.querySelectorAll('#open .card').length === 1")
    page.screenshot(tmp_path / "alert.png")
    said = page.text()

    assert "Collision" in said
    text = page.evaluate("document.querySelector('#open .text').textContent")
    assert text.startswith("(T3, rough): vib_x.peak 31 g, expected 2 g")  # the heading says the rest
    assert "Check: Stop. Look at the tool." in said
    assert "2 (1 – 4) g" in said
    assert page.evaluate("document.getElementById('announce').textContent").startswith("Collision on M2")

    live.server.write([replace(alert, state=AlertState.CLOSED, t_ns=alert.onset_ns + 12 * NS_PER_S)])
    page.until("document.querySelectorAll('#closed .card').length === 1")

    assert page.evaluate("document.querySelectorAll('#open .card').length") == 0
    assert "lasted 12 s" in page.text()


def test_language_switch_changes_the_words_and_is_remembered(page: Page, live: Live) -> None:
    live.server.write([state("M1", Condition.ALERTING), collision("M1")])
    page.until("document.querySelectorAll('#open .card').length === 1")
    assert page.evaluate("document.documentElement.lang") == "en"

    page.evaluate("document.querySelector('[data-language=ko]').click()")
    page.until("document.querySelector('#open .fault').textContent === '충돌'")

    assert "vib_x.peak 31 g, 정상 2 g" in page.text()
    assert page.evaluate("document.getElementById('shop-says').textContent") == "스핀들 3대 중 1대 알림"
    page.open(live.url)
    page.until("document.querySelector('#open .fault')?.textContent === '충돌'")
    page.evaluate("localStorage.clear()")


def test_the_chosen_spindle_says_what_is_watched_and_why_the_rest_is_not(page: Page, live: Live) -> None:
    cover = (
        Cover(FaultClass.COLLISION, "shock", ""),
        Cover(FaultClass.CHATTER, "chatter", "rpm unknown"),
    )
    live.server.write([replace(state("M1"), cover=cover)])
    page.evaluate(f"{tile('M1')}.click()")
    page.until("document.getElementById('cover').hidden === false")

    said = page.evaluate("document.getElementById('cover').textContent")
    assert said == "Watched: Collision · Not watched now: Chatter (rpm unknown)"


def test_a_spindle_that_knows_its_levels_says_how_many_cuts_its_limits_along_the_cut_still_want(
    page: Page, live: Live
) -> None:
    live.server.write([replace(state("M1"), cuts=(4, 10))])
    page.until(f"{tile('M1')}.querySelector('.learned').textContent === 'limits along the cut: 4 of 10 cuts'")
    live.server.write([replace(state("M1"), cuts=(10, 10))])
    page.until(f"{tile('M1')}.querySelector('.learned').hidden")


def test_names_from_the_stream_are_text_and_never_markup(page: Page, live: Live) -> None:
    hostile = replace(
        collision(HOSTILE),
        text_en=HOSTILE,
        regime=HOSTILE,
        reasons=(Reason(HOSTILE, *[1.0] * 4, HOSTILE, 1.0),),
    )
    live.server.write([replace(state(HOSTILE), regime=HOSTILE, troubles=((HOSTILE, 1),)), hostile])
    page.until("document.querySelectorAll('#open .card').length === 1")

    names = page.evaluate("[...document.querySelectorAll('.tile .name')].map((one) => one.textContent)")
    assert HOSTILE in names
    assert page.evaluate("document.querySelectorAll('img, main b b').length") == 0
    assert page.evaluate("window.hacked ?? null") is None
    assert page.complaints() == []


def test_after_a_restart_the_same_page_knows_all_and_shows_each_alert_once(page: Page, live: Live) -> None:
    first = collision("M1")
    live.server.write([state("M1"), first])
    page.until("document.querySelectorAll('#open .card').length === 1")
    page.evaluate("window.notReloaded = true")

    live.server.close()
    page.until("document.body.dataset.connection !== 'live'")
    closed = replace(first, state=AlertState.CLOSED, t_ns=first.t_ns + NS_PER_S)
    live.server.write([closed, collision("M2")])  # nobody is told, but it is journaled
    live.start()
    page.until("document.querySelectorAll('#closed .card').length === 1")
    live.server.write([collision("M1", NOW_NS + NS_PER_S)])
    page.until("document.querySelectorAll('#open .card').length === 2")

    ids = page.evaluate("[...document.querySelectorAll('.card')].map((one) => one.dataset.id)")
    assert len(ids) == len(set(ids)) == 3
    assert page.evaluate("document.querySelector('#closed .card').dataset.id") == first.id
    assert page.evaluate("window.notReloaded") is True


def test_waveform_of_the_chosen_spindle_is_drawn_with_its_units(
    page: Page, live: Live, tmp_path: Path
) -> None:
    live.server.write([state("M1"), state("M2")])
    page.evaluate(f"{tile('M2')}.click()")
    page.until("document.getElementById('wave-of').textContent === 'M2'")
    # Some pixel of the trace's colour in the middle of both strips; grid and axes have others.
    inked = """[...document.querySelectorAll('#strips canvas')].filter((one) => {
        const copy = new OffscreenCanvas(one.width, one.height).getContext('2d', { willReadFrequently: true });
        copy.drawImage(one, 0, 0);
        const { data } = copy.getImageData(one.width >> 1, 0, one.width >> 2, one.height);
        return data.some((red, at) => at % 4 === 0 && red === 0 && data[at + 1] === 99 && data[at + 2] === 163);
    }).length === 2"""

    for hop in range(200):  # the subscription arrives when it arrives
        live.server.write([block("M2", hop)])
        if page.evaluate(f"new Promise((done) => setTimeout(() => done({inked}), 50))"):
            break

    page.screenshot(tmp_path / "waveform.png")
    page.until(inked)
    labels = page.evaluate("[...document.querySelectorAll('.strip')].map((one) => one.ariaLabel)")
    assert labels == ["vib_x [g]", "vib_y [g]"]
    assert page.complaints() == []


def test_page_says_when_what_it_shows_is_old(page: Page, live: Live) -> None:
    live.server.write([state("M1")])
    page.until("document.getElementById('banner').hidden === false", 15.0)

    assert "No data from the spindles" in page.evaluate("document.getElementById('banner').textContent")


def test_page_that_is_refused_says_why_and_does_not_come_back(browser: Page, live: Live) -> None:
    refusing = """window.attempts = 0; window.WebSocket = class {
        constructor() { window.attempts += 1; setTimeout(() => this.onclose({code: 3501, reason: "bad query"})); }
    };"""
    script = browser.command("Page.addScriptToEvaluateOnNewDocument", source=refusing)["identifier"]
    browser.open(live.url)
    try:
        browser.until("document.getElementById('banner')?.textContent.includes('bad query (3501)')")
        browser.until("performance.now() > 3000")  # the first attempts to come back would be long past
        assert browser.evaluate("window.attempts") == 1
    finally:
        browser.command("Page.removeScriptToEvaluateOnNewDocument", identifier=script)


def test_page_fits_a_tablet_without_scrolling_sideways(page: Page, live: Live) -> None:
    live.server.write([state("M1", Condition.ALERTING), collision("M1")])
    page.until("document.querySelectorAll('#open .card').length === 1")

    for width, height in ((1280, 800), (1024, 768), (800, 1280)):
        page.look(width, height, dark=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_reducing_a_waveform_loses_no_peak_and_bridges_no_missing_sample(page: Page) -> None:
    reduced = page.evaluate("""import("/waveform.js").then(({ reduce }) => {
        const row = new Float32Array(1000).fill(0.5);
        row[777] = 31;
        row.fill(NaN, 0, 100);
        const { x, rows } = reduce({ n: 1000, step_s: 1e-4, envelope: false, rows: [row] });
        const values = [...rows[0]];
        const peak = Math.max(...values.filter((one) => !Number.isNaN(one)));
        return { peak, points: x.length, first: String(values[0]), at: x[values.indexOf(peak)] };
    })""")

    assert reduced["peak"] == 31
    assert reduced["first"] == "NaN"
    assert reduced["points"] <= 200
    assert reduced["at"] == pytest.approx(0.0777, abs=0.002)


def test_a_thousand_closed_alerts_do_not_push_out_an_open_one_and_are_not_all_kept(page: Page) -> None:
    kept = page.evaluate("""import("/model.js").then(({ Shop }) => {
        const shop = new Shop();
        const tell = (seq, id, state) => shop.take({ type: "alert", seq, alert: { id, state } }, 0);
        tell(1, "open", "opened");
        for (let seq = 2; seq <= 1001; seq += 1) tell(seq, `closed ${seq}`, "closed");
        return { n: shop.alerts.size, open: shop.open().length, newest: shop.closed()[0].alert.id };
    })""")

    assert kept == {"n": 41, "open": 1, "newest": "closed 1001"}
