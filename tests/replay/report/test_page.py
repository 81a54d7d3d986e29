"""The report in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import orjson
import pytest
from browser import Page, open_browser
from reported import alert, labelled, write_replay

from replay.report import gather, report_page, write_report

HOSTILE = '<img src=x onerror="window.hacked=1">'
CLOSING = "T1</script><script>window.hacked=1</script><!--<script>"
DRAWN = "document.documentElement.dataset.drawnMs !== undefined"
BENCH = {
    "config_hash": "0123456789ab",
    "cells": [
        {
            "fault": fault,
            "severity": severity,
            "detected_pct": 40.0 * severity,
            "detected_pct_95": [30.0 * severity, 50.0 * severity],
        }
        for fault in ("chatter", HOSTILE)
        for severity in (0.5, 1.0, 2.0)
    ],
}  # fmt: skip

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with open_browser(tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two hostile recordings: a fault found, one missed, a false alert each."""
    folder = tmp_path_factory.mktemp("report")
    paths, alerts = [], []
    for name in (HOSTILE, "M2"):
        phases = ((0.0, CLOSING, False), (2.0, CLOSING, True), (8.0, HOSTILE, False), (9.0, HOSTILE, True))
        paths.append(labelled(folder / name, spindle=name, phases=phases))
        alerts += [alert(4.1, "chatter", name), alert(7.0, "bearing", name, feature=HOSTILE)]
    (folder / "bench").mkdir()
    (folder / "bench" / "bench.json").write_bytes(orjson.dumps(BENCH))
    out = write_replay(folder / "out", paths, alerts)
    write_report(gather(out, paths, bench=folder / "bench"), folder / "report.html", "en")
    return folder / "report.html"


def opened(page: Page, path: Path, *, width: int = 1300) -> None:
    page.look(width, 900)
    page.open(path.as_uri())
    page.until(DRAWN)


def test_the_page_says_first_what_was_found_what_was_false_and_why(page, report):
    opened(page, report)

    tiles = page.evaluate("[...document.querySelectorAll('.tile b')].map((one) => one.innerText)")
    assert tiles == ["2 of 4", "2", "0.2 s", "2 of 2"]
    look = page.evaluate("document.querySelector('.look').innerText")
    assert "Missed: Collision (2 ×)" in look
    assert "False: Bearing damage (2 ×)" in look
    assert "mainly" in look
    assert page.complaints() == []


def test_names_of_strangers_are_text_and_nothing_is_loaded(page, report):
    opened(page, report)
    page.evaluate("document.querySelectorAll('.alert-row').forEach((row) => { row.open = true; })")
    page.until("document.querySelectorAll('.alert-row .signals').length === 4")

    assert page.evaluate("window.hacked") is None
    assert page.evaluate("document.querySelectorAll('img, iframe, link').length") == 0
    assert page.evaluate("document.querySelectorAll('script').length") == 2
    assert HOSTILE in page.text()
    assert page.evaluate("performance.getEntriesByType('resource').length") == 0
    assert page.complaints() == []


def test_a_fault_that_was_alerted_before_it_began_is_not_called_well_found(page, tmp_path):
    rec = labelled(tmp_path / "M1", "start_s,end_s,fault,note\n4.0,5.0,chatter,\n")
    out = write_replay(tmp_path / "out", [rec], [alert(3.8, "chatter")])
    write_report(gather(out, [rec]), tmp_path / "r.html", "en")

    opened(page, tmp_path / "r.html")

    assert "1 of them alerted before they began" in page.text()
    assert page.evaluate("document.querySelector('.tile').className") == "tile plain"


def test_data_can_neither_end_its_element_nor_begin_a_comment():
    text = report_page({"recordings": [{"name": CLOSING}], "alerts": []})

    (embedded,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert "<" not in embedded
    assert orjson.loads(embedded)["recordings"][0]["name"] == CLOSING
    assert CLOSING not in text
    assert not re.search(r'(src|href)="', text)


def test_an_alert_that_is_opened_shows_its_signals_with_units_on_every_axis(page, report):
    opened(page, report)
    assert (
        page.evaluate("document.querySelectorAll('.signals').length") == 0
    )  # nothing before it is asked for

    page.evaluate("document.querySelector('.look button').click()")
    page.until("document.querySelectorAll('.signals .drawing svg').length > 2")

    labels = page.evaluate(
        "[...document.querySelectorAll('.drawing svg')]"
        ".map((svg) => [...svg.querySelectorAll('.axis')].map((one) => one.textContent))"
    )
    assert len(labels) > 4
    for x_label, y_label in labels:
        assert re.search(r"\[(s|min|h|Hz)\]|1 = moderate", x_label), x_label
        assert re.search(r"\[.+\]|1 = limit", y_label), y_label
    shown = page.evaluate("document.querySelector('.signals').textContent")
    assert "BPFO" in shown
    assert "healthy, same cut" in shown
    assert page.complaints() == []


def test_every_word_changes_with_the_language_and_open_recordings_stay(page, report):
    opened(page, report)
    english = page.text()

    page.evaluate("[...document.querySelectorAll('.languages button')].at(-1).click()")

    korean = page.text()
    assert page.evaluate("document.documentElement.lang") == "ko"
    assert "재생 보고서" in korean
    assert "undefined" not in english + korean
    assert not re.search(r"\b(Labelled|alerts|Timeline|missed|severity|Delays)\b", korean)
    page.evaluate("localStorage.clear()")


def test_both_languages_have_the_same_words(page, report):
    text = report.read_text(encoding="utf-8")
    english, korean = (
        text.partition(f"const REPORT_{name} = {{")[2].partition("\n};")[0] for name in ("EN", "KO")
    )

    keys = [set(re.findall(r"(?:^|, |\n  )([a-z]\w*): ", part)) for part in (english, korean)]

    assert keys[0] == keys[1]
    assert len(keys[0]) > 80


def test_the_keyboard_alone_opens_an_alert_and_closer_looks_at_a_stretch(page, report):
    opened(page, report)
    page.evaluate("document.querySelector('summary.row').focus()")
    for kind, text in (("keyDown", "\r"), ("keyUp", "")):
        enter = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": text}
        page.command("Input.dispatchKeyEvent", type=kind, **enter)
    page.until("document.querySelector('.alert-row').open")

    page.until("document.querySelector('.timeline svg .ticks')")
    before = page.evaluate("document.querySelector('.timeline svg .ticks').textContent")
    page.evaluate("document.querySelectorAll('.zoom button')[1].click()")

    assert page.evaluate("document.querySelector('.timeline svg .ticks').textContent") != before
    unnamed = (
        "[...document.querySelectorAll('button, summary, [role=img]')]"
        ".filter((one) => !(one.getAttribute('aria-label') || one.textContent).trim()).length"
    )
    assert page.evaluate(unnamed) == 0


def test_dragging_across_a_stretch_looks_closer_and_a_double_click_shows_the_whole_again(page, report):
    opened(page, report)
    page.until("document.querySelector('.timeline svg')")
    last_tick = (
        "Number([...document.querySelector('.timeline svg')"
        ".querySelectorAll('.ticks text[text-anchor=middle]:not(.axis)')].at(-1).textContent)"
    )
    box = page.evaluate(
        "(({ x, y, width }) => [x, y, width])(document.querySelector('.timeline svg').getBoundingClientRect())"
    )
    whole = page.evaluate(last_tick)

    for kind, share, buttons in (("mousePressed", 0.3, 1), ("mouseMoved", 0.5, 1), ("mouseReleased", 0.5, 0)):
        at = {"x": box[0] + share * box[2], "y": box[1] + 40, "button": "left", "buttons": buttons}
        page.command("Input.dispatchMouseEvent", type=kind, clickCount=1, **at)
    closer = page.evaluate(last_tick)
    page.evaluate("document.querySelector('.timeline svg').dispatchEvent(new MouseEvent('dblclick'))")

    assert closer < whole
    assert page.evaluate(last_tick) == whole
    assert page.complaints() == []


@pytest.mark.parametrize("width", [1300, 400])
def test_a_screen_of_any_width_shows_it_without_scrolling_sideways_and_it_is_not_blank(
    page, report, width, tmp_path
):
    opened(page, report, width=width)
    page.evaluate("document.querySelector('.alert-row').open = true")
    page.until("document.querySelectorAll('.timeline svg').length > 0")

    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    page.screenshot(tmp_path / "report.png")
    assert n_colours(page, tmp_path / "report.png") > 20


def test_paper_shows_everything_drawn_within_its_margins(page, report):
    opened(page, report)
    page.evaluate("document.querySelector('.alert-row').open = true")
    page.until("document.querySelectorAll('.signals').length === 1")
    page.look(718, 1000)  # A4 less its margins
    page.command("Emulation.setEmulatedMedia", media="print")
    try:
        page.until("[...document.querySelectorAll('.drawing')].every((one) => one.querySelector('svg'))")
        outside = page.evaluate(
            "[...document.querySelectorAll('#report *')].filter((one) => one.getClientRects().length"
            " && one.getBoundingClientRect().right > innerWidth + 1).map((one) => one.outerHTML.slice(0, 80))"
        )
        assert outside == []
        assert page.evaluate("getComputedStyle(document.querySelector('.zoom button')).display") == "none"
        pdf = page.command("Page.printToPDF", printBackground=True)
        assert len(pdf["data"]) > 20_000
    finally:
        page.command("Emulation.setEmulatedMedia", media="")


def test_a_thousand_alerts_are_on_the_screen_within_two_seconds(page, tmp_path):
    rec = labelled(tmp_path / "M1", block_s=1.0)
    alerts = [alert(0.5 + 0.01 * number, "process") for number in range(1000)]
    data = gather(write_replay(tmp_path / "out", [rec], alerts), [rec])
    write_report(data, tmp_path / "report.html", "en")

    opened(page, tmp_path / "report.html")

    assert page.evaluate("document.querySelectorAll('.alert-row').length") == 1000
    assert float(page.evaluate("document.documentElement.dataset.drawnMs")) < 2000.0
    assert data["n_pictures"] == 60
    assert (tmp_path / "report.html").stat().st_size < 6_000_000
    assert "60 of 1000 alerts carry signals" in page.text()


def n_colours(page: Page, path: Path) -> int:
    """How many colours a picture has, counted by the browser that can decode it."""
    import base64

    encoded = base64.b64encode(path.read_bytes()).decode()
    page.open("about:blank")
    pixels = page.evaluate(
        f"""(async () => {{
        const bytes = Uint8Array.from(atob("{encoded}"), (one) => one.charCodeAt(0));
        const bitmap = await createImageBitmap(new Blob([bytes], {{ type: "image/png" }}));
        const canvas = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
        canvas.drawImage(bitmap, 0, 0);
        return new Set(new Uint32Array(canvas.getImageData(0, 0, bitmap.width, bitmap.height).data.buffer)).size;
        }})()"""
    )
    return int(np.int64(pixels))
