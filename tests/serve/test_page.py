"""The page in headless Chromium: paste, resolve, press an entity, slide, download."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api", reason="pip install 'lehr[dev]'")

from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from lehr.formats import conll
from lehr.resolver import Resolver

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
TEXT = "Mary said she was tired. Tom gave her his coat. 😀\n\nShe thanked him, and <b>Mary</b> smiled at the city."
expect.set_options(timeout=60_000)
pytestmark = pytest.mark.skipif(
    CHROMIUM is None and os.environ.get("CI") != "true", reason="there is no chromium: apt-get install chromium"
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """The page, which is to make no error and to ask no other host."""
    context = browser.new_context(viewport={"width": 1200, "height": 800}, accept_downloads=True)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.set_default_timeout(60_000)
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.on("request", lambda request: wrong.append(request.url) if not request.url.startswith(address) else None)
    page.goto(address)
    yield page
    context.close()
    refused = "Failed to load resource: the server responded with a status of 422"  # Chromium's note; the page says why
    assert [one for one in wrong if not one.startswith(("blob:", "data:", refused))] == []


def read(page: Page, text: str = TEXT) -> None:
    page.get_by_label("The text", exact=True).fill(text)
    page.get_by_role("button", name="Resolve").click()
    page.wait_for_selector("#reading.done")


def marked(page: Page, text: str) -> Locator:
    return page.locator("#text .m", has_text=re.compile(rf"^{text}$")).first


def test_a_text_is_pasted_and_resolved(page: Page, resolver: Resolver) -> None:
    read(page)
    found = {m.text for cluster in resolver(TEXT, singletons=True).clusters for m in cluster.mentions}
    assert set(page.locator("#text .m").all_inner_texts()) == found
    assert page.locator("#text").evaluate("element => element.textContent") == TEXT
    assert page.locator("#text b").count() == 0  # what looks like HTML is text
    first = page.locator("#list button").first
    assert "Mary" in first.inner_text()
    assert len(first.locator("path").get_attribute("d") or "") > 10
    assert re.search(r"\d+ words · \d+ mentions of \d+ entities", page.locator("#facts").inner_text())


def test_an_entity_is_pressed_and_its_row_lit(page: Page) -> None:
    read(page)
    page.locator("#list button", has_text="Mary").click()
    page.wait_for_selector("#text .m.query")
    assert page.locator("#text .m.query").inner_text() == "Mary"
    assert marked(page, "she").get_attribute("data-p") not in (None, "")
    assert float(marked(page, "she").evaluate("piece => piece.style.getPropertyValue('--p')")) > 0.5
    assert "“Mary” is Mary, 1 of" in page.locator("#about").inner_text()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#text .m.query")).to_have_text("she")
    page.keyboard.press("Escape")
    assert page.locator("#bar").is_hidden()
    assert page.locator("#text .m.lit").count() == 0


def test_the_threshold_is_slid(page: Page, resolver: Resolver) -> None:
    read(page)
    before = page.locator("#list li").count()
    page.locator("#threshold").focus()
    page.keyboard.press("End")
    expect(page.locator("#level")).to_have_text("95 %")
    expected = len(resolver(TEXT, link_threshold=0.95, singletons=False).clusters)
    expect(page.locator("#list li")).to_have_count(expected)
    assert before != expected


def test_singletons_and_search(page: Page) -> None:
    read(page)
    assert page.locator("#once").is_visible()
    page.get_by_role("switch").uncheck()
    assert page.locator("#once").is_hidden()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.keyboard.type("him")
    expect(page.locator("#list li")).to_have_count(1)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_selector("#text .m.query")
    assert page.locator("#text .m.query").inner_text() == "Tom"


@pytest.mark.parametrize("format", ["JSON", "CoNLL", "HTML page"])
def test_what_is_downloaded(page: Page, tmp_path: Path, format: str) -> None:
    read(page)
    page.get_by_text("Download", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("button", name=format, exact=True).click()
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    text = path.read_text("utf-8")
    if format == "JSON":
        record = json.loads(text)
        assert record["text"] == TEXT
        for cluster in record["clusters"]:
            for mention in cluster["mentions"]:
                assert TEXT[mention["start"] : mention["end"]] == mention["text"]
    elif format == "CoNLL":
        (document,) = conll.read(text, name="a")
        assert [m.text for m in document.clusters[0].mentions][:2] == ["Mary", "she"]
    else:
        assert "prefers-color-scheme" in text


@pytest.mark.parametrize("format", ["JSON", "CoNLL", "HTML page"])
def test_what_is_copied(page: Page, format: str) -> None:
    read(page)
    page.get_by_text("Copy", exact=True).click()
    page.get_by_role("button", name=format).click()
    page.get_by_text("Copied", exact=True).wait_for()
    text = page.evaluate("navigator.clipboard.readText()")
    if format == "JSON":
        assert json.loads(text)["text"] == TEXT
    assert text.startswith({"JSON": "{", "CoNLL": "#begin document", "HTML page": "<!doctype html>"}[format])


def test_a_file_that_is_refused_leaves_the_text_that_is_read(page: Page, tmp_path: Path) -> None:
    read(page)
    part = "#begin document (d); part 00{}\nd\t0\t0\tMary\t-\n\n#end document\n"
    (tmp_path / "two.conll").write_text(part.format(0) + part.format(1))
    page.locator("#file").set_input_files(tmp_path / "two.conll")
    page.get_by_text("The text holds 2 documents").wait_for()
    page.wait_for_selector("#reading.done")
    assert page.locator("#text").inner_text().strip() == TEXT


def test_a_menu_is_left_by_the_keyboard(page: Page) -> None:
    read(page)
    page.get_by_text("Copy", exact=True).click()
    page.get_by_role("button", name="CoNLL").focus()
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.textContent") == "Copy"
    assert page.locator(".menu[open]").count() == 0


def test_a_phone_has_the_strips_and_a_slider_to_hold(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    read(page)
    page.get_by_text("Settings").click()
    assert (page.locator("#threshold").bounding_box() or {})["width"] > 300
    assert (page.locator("#list svg").first.bounding_box() or {})["width"] > 60


def test_files(page: Page, tmp_path: Path) -> None:
    """A CoNLL file; a text that is no UTF-8, of which the page says so; and a text that is dropped."""
    rows = "".join(f"d\t0\t{n}\t{word}\t-\n" for n, word in enumerate(["Mary", "said", "she", "was", "tired", "."]))
    (tmp_path / "a.conll").write_text(f"#begin document (d); part 000\n{rows}\n#end document\n")
    page.locator("#file").set_input_files(tmp_path / "a.conll")
    page.wait_for_selector("#reading.done")
    assert page.locator("#text").inner_text().strip() == "Mary said she was tired."
    assert page.locator("#title").inner_text() == "a"
    (tmp_path / "b.txt").write_bytes(b"\xff\xfe")
    page.locator("#file").set_input_files(tmp_path / "b.txt")
    page.get_by_text("b.txt is not a text in UTF-8").wait_for()
    page.evaluate(
        """() => {
          const data = new DataTransfer();
          data.items.add(new File(["Tom lost his hat."], "c.txt", { type: "text/plain" }));
          document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
        }"""
    )
    expect(page.locator("#title")).to_have_text("c")
    page.wait_for_selector("#reading.done")
    assert page.locator("#list li").count() >= 1


def test_a_long_text_comes_passage_by_passage(page: Page) -> None:
    page.get_by_label("The text", exact=True).fill("Mary said she was tired. Tom saw her.\n\n" * 450)
    page.get_by_role("button", name="Resolve").click()
    page.wait_for_selector("#text .m")
    assert "of 4,500 words" in page.locator("#facts").inner_text()
    assert page.locator("#text p.ahead").count() > 0
    page.wait_for_selector("#reading.done")
    page.locator("#text .m").last.click()
    page.wait_for_selector("#text .m.query")


def test_an_empty_text(page: Page) -> None:
    page.get_by_role("button", name="Resolve").click()
    assert "nothing to resolve" in page.get_by_role("alert").inner_text()


CONTRAST = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgb = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const linear = (v) => (v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
  const light = (c) => c.slice(0, 3).reduce((sum, v, n) => sum + linear(v / 255) * [.2126, .7152, .0722][n], 0);
  const over = ([r, g, b, a], under) => [r, g, b].map((v, n) => v * a + under[n] * (1 - a));
  const behind = (element) => {
    const layers = [];
    for (let e = element; e; e = e.parentElement) layers.push(rgb(getComputedStyle(e).backgroundColor));
    return layers.reverse().reduce((under, layer) => over(layer, under), [255, 255, 255]);
  };
  const written = (element) => [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
  const poor = [];
  for (const element of document.querySelectorAll("body *")) {
    if (!element.checkVisibility() || element.closest(".away, noscript") || !written(element)) continue;
    const under = behind(element);
    const pair = [light(over(rgb(getComputedStyle(element).color), under)), light(under)].sort((a, b) => b - a);
    const ratio = (pair[0] + .05) / (pair[1] + .05);
    if (ratio < 4.5) poor.push(`${element.tagName} ${element.className} ${element.textContent} ${ratio.toFixed(2)}`);
  }
  return poor;
}"""
"""Elements whose text has a contrast of less than 4.5 to what is behind it."""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 800, 1280])
def test_contrast_and_width(page: Page, scheme: str, width: int) -> None:
    """WCAG AA: a contrast of 4.5 for all text, at rest and with a row lit; and nothing is wider than the window."""
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.set_viewport_size({"width": width, "height": 700})
    assert page.evaluate(CONTRAST) == []
    read(page)
    assert page.evaluate(CONTRAST) == []
    marked(page, "she").click()
    page.wait_for_selector("#text .m.query")
    assert page.evaluate(CONTRAST) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
