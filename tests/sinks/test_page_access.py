"""The live page in a real browser, where a token is wanted, and where everything it is told is hostile."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
from browser import Page, open_browser
from told import SPINDLE, alert, block, hub_config, state, verdict

from engine.clock import WallClock
from engine.declared import Channel, SensorGroup, Spindle
from engine.verdicts import Cover, Reason
from sinks.access import OPEN
from sinks.journal import Journal
from sinks.tokens import Role, add_token, remove_token
from sinks.websocket import LiveServer

pytestmark = pytest.mark.timeout(120)

PAYLOADS = (
    '<img src=x onerror="window.hacked=1">',
    '"><script>window.hacked=1</script>',
    "'-window.hacked=1-'",
    "javascript:window.hacked=1",
    "</text><svg onload=window.hacked=1>",
    "{{constructor.constructor('window.hacked=1')()}}",
    "__proto__",
    "\u202e\u0000<iframe srcdoc='<script>parent.hacked=1</script>'>",
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with open_browser(tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    return tmp_path / "tokens.json"


@pytest.fixture
def token(tokens: Path) -> str:
    return add_token(tokens, "hall", Role.VIEWER, 0)


@pytest.fixture
def server(tmp_path: Path, tokens: Path, token: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[LiveServer]:
    monkeypatch.setattr("sinks.websocket._HEARTBEAT_S", 0.1)
    journal = Journal(tmp_path / "journal.sqlite3")
    access = msgspec.structs.replace(OPEN, tokens_file=str(tokens))
    server = LiveServer(hub_config(), journal, WallClock(), [SPINDLE], access=access)
    yield server
    server.close()
    journal.close()


@pytest.fixture
def page(browser: Page, server: LiveServer) -> Page:
    browser.look(1280, 800)
    browser.open(server.start().page_url)
    browser.until("document.getElementById('login')?.open")
    return browser


def enter(page: Page, token: str) -> None:
    page.evaluate(f"document.querySelector('#login input').value = {token!r}")
    page.evaluate("document.querySelector('#login form').requestSubmit()")


def test_page_asks_for_a_token_and_shows_nothing_before(
    page: Page, server: LiveServer, tmp_path: Path
) -> None:
    server.write([state("alerting"), alert(1)])
    page.screenshot(tmp_path / "login.png")

    assert "This page needs a token." in page.text()
    assert page.evaluate("document.querySelectorAll('.tile, .card').length") == 0
    assert page.evaluate("document.querySelector('#login .plain').hidden")  # this machine: nobody in between
    assert page.complaints() == []


def test_right_token_shows_the_shop_and_stands_in_no_address_and_no_lasting_store(
    page: Page, token: str
) -> None:
    enter(page, token)
    page.until("document.querySelectorAll('.tile').length === 1 && !document.getElementById('login').open")

    assert page.evaluate("location.href.includes('sw_')") is False
    assert page.evaluate("JSON.stringify(localStorage) + document.cookie").find("sw_") == -1
    assert page.evaluate("document.documentElement.outerHTML.includes('sw_')") is False
    assert page.evaluate("document.querySelector('#login input').value") == ""
    assert page.complaints() == []


def test_token_is_kept_for_the_tab_until_it_is_forgotten(page: Page, token: str) -> None:
    enter(page, token)
    page.until("document.querySelectorAll('.tile').length === 1")

    page.evaluate("window.old = true; location.reload()")
    page.until("!window.old && document.querySelectorAll('.tile').length === 1")
    page.evaluate("document.getElementById('leave').click()")
    page.until("document.getElementById('login')?.open && document.querySelectorAll('.tile').length === 0")

    assert page.evaluate("sessionStorage.length") == 0


def test_wrong_token_is_refused_in_both_languages_and_another_may_be_tried(page: Page, token: str) -> None:
    enter(page, "sw_wrong")
    page.until("document.querySelector('#login [role=alert]').textContent.startsWith('That token')")

    page.evaluate("document.querySelector('[data-language=ko]').click()")
    page.until("document.querySelector('#login [role=alert]').textContent.startsWith('유효하지')")
    page.evaluate("localStorage.clear()")
    enter(page, token)
    page.until("document.querySelectorAll('.tile').length === 1 && !document.getElementById('login').open")


def test_page_whose_token_is_removed_asks_for_another_and_does_not_come_back_by_itself(
    page: Page, tokens: Path, token: str, server: LiveServer
) -> None:
    enter(page, token)
    page.until("document.querySelectorAll('.tile').length === 1")

    remove_token(tokens, "hall")
    page.until("document.getElementById('login').open")

    assert server.counts["refused_token"] == 0  # it was not tried again
    assert page.evaluate("sessionStorage.length") == 0
    enter(page, add_token(tokens, "new", Role.VIEWER, 0))
    page.until("!document.getElementById('login').open")


def _group(payload: str) -> str:
    return payload.replace("/", "|")  # a waveform is subscribed to as spindle/group


def hostile_spindle(payload: str) -> Spindle:
    channels = (Channel(payload, "g"), Channel(f"{payload} y", "g"))
    return Spindle(payload, (SensorGroup(_group(payload), "waveform", 1000.0, channels),))


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_string_that_others_can_choose_becomes_more_than_text(
    browser: Page, tmp_path: Path, payload: str
) -> None:
    journal = Journal(tmp_path / "journal.sqlite3")
    spindle = hostile_spindle(payload)
    server = LiveServer(hub_config(), journal, WallClock(), [spindle])
    try:
        browser.open(f"{server.start().page_url}?other={payload.encode().hex()}#<img src=x onerror=hacked=1>")
        browser.until("document.body?.dataset.connection === 'live'")
        texts = {
            field.name: payload
            for field in dataclasses.fields(alert(1))
            if isinstance(getattr(alert(1), field.name), str) and field.name not in ("state", "id")
        }
        reasons = (Reason(payload, 2.0, 1.0, 0.5, 1.5, payload, 0.5),)
        told = dataclasses.replace(alert(1), **texts, id=f"{payload}:1", reasons=reasons)
        seen = dataclasses.replace(
            state("alerting"),
            spindle=payload, regime=payload, open_alerts=(payload,), troubles=((payload, 1),),
            cover=(Cover(payload, payload, payload), Cover(payload, payload, "")),
        )  # fmt: skip
        score = verdict(1.0).score
        strings = {
            field.name: payload
            for field in dataclasses.fields(score)
            if isinstance(getattr(score, field.name), str) and field.name != "tier"
        }
        wave = dataclasses.replace(block(np.ones((2, 50))), spindle=payload, group=_group(payload))
        scored = dataclasses.replace(verdict(1.0), score=dataclasses.replace(score, **strings))
        for _ in range(200):  # the waveform is drawn once it is subscribed to
            server.write([seen, told, scored, wave])
            if browser.evaluate(
                "new Promise((done) => setTimeout(() => done(document.querySelectorAll('.strip').length === 2), 50))"
            ):
                break
        browser.until(
            "document.querySelectorAll('.card, .strip').length === 3 && !document.querySelector('#cover').hidden"
        )

        assert browser.evaluate("document.querySelector('.tile .name').textContent") == payload
        assert browser.evaluate("window.hacked ?? window.polluted ?? ({}).hacked ?? null") is None
        alien = "document.querySelectorAll('img, iframe, script:not([src]), main b b, svg[onload], [onerror]').length"
        assert browser.evaluate(alien) == 0
        assert browser.complaints() == []
    finally:
        server.close()
        journal.close()


@pytest.mark.parametrize(
    "attempt",
    [
        "document.body.innerHTML = '<img src=x onerror=\"window.hacked=1\">'",
        "document.body.insertAdjacentHTML('beforeend', '<svg onload=\"window.hacked=1\">')",
        "document.body.setAttribute('onclick', 'window.hacked=1'); document.body.click()",
        "document.body.append(Object.assign(document.createElement('script'), { textContent: 'window.hacked=1' }))",
        "document.body.append(Object.assign(document.createElement('script'), { src: 'data:,window.hacked=1' }))",
        "eval('window.hacked=1')",
        "new Function('window.hacked=1')()",
        "setTimeout('window.hacked=1')",
        "location.href = 'javascript:window.hacked=1'",
    ],
)
def test_markup_or_code_made_from_a_string_does_nothing_even_if_the_page_had_that_mistake(
    page: Page, attempt: str
) -> None:
    # Later, as the page's own code would do it: while a debugger evaluates, it may do more.
    page.evaluate(f"""new Promise((done) => setTimeout(() => {{
        try {{ {attempt}; }} catch {{ window.refused = true; }}
        setTimeout(done, 50);
    }}))""")

    assert page.evaluate("window.hacked ?? null") is None
