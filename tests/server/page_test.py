#!/usr/bin/env python3
"""The page of leankv serve in a browser: Chromium, driven by Playwright.

    page_test.py PROGRAM [--screenshots FOLDER] [Page.test_...]

Needs the package playwright, chromium and a model (LEANKV_MODEL, else the default one); exits 77, saying why, where one is
missing.
"""
import pathlib
import re
import shutil
import sys
import unittest

from python_environment import MODEL, need_model, need_package, skip
from running_server import RunningServer

need_package("playwright")
from playwright.sync_api import expect, sync_playwright

PATIENCE = 120_000  # ms that anything may take: sanitisers and loaded machines are slow
SENTENCE = "The keeper of the lighthouse wrote in his log that the lamp needed oil and the stairs needed paint. "

BROWSER = shutil.which("chromium")
SCREENSHOTS = pathlib.Path(sys.argv[sys.argv.index("--screenshots") + 1]) if "--screenshots" in sys.argv else None
NAMES = [name for name in sys.argv[2:] if name.startswith("Page.")]


def setUpModule():
    global server, playwright, browser
    server = RunningServer("-np", "2", "-c", "4096", "--temp", "0")
    playwright = sync_playwright().start()
    # The sandbox needs rights that containers withhold; the page comes from our own program.
    browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
    expect.set_options(timeout=PATIENCE)


def tearDownModule():
    browser.close()
    playwright.stop()
    server.stop()


class Page(unittest.TestCase):
    def open(self, width=1280, height=860, scheme="light"):
        page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
        self.addCleanup(page.close)
        page.set_default_timeout(PATIENCE)
        self.complaints = []
        # Reading the map's pixels is this test's doing.
        page.on("console", lambda m: m.type in ("error", "warning") and "willReadFrequently" not in m.text
                and self.complaints.append(m.text))
        page.on("pageerror", lambda e: self.complaints.append(e.stack or str(e)))
        self.addCleanup(lambda: self.assertEqual(self.complaints, []))
        page.add_init_script("""window.shifts = 0; new PerformanceObserver(list => {
            for (const e of list.getEntries()) if (!e.hadRecentInput) window.shifts += e.value;
        }).observe({type: 'layout-shift', buffered: true});""")
        page.goto(server.address)
        expect(page.locator("#model")).to_contain_text("context of 4,096 tokens")
        return page

    def shoot(self, page, name):
        if SCREENSHOTS:
            SCREENSHOTS.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)

    def ask(self, page, text, tokens=24):
        page.fill("#limit", str(tokens))
        page.fill("#question", text)
        page.press("#question", "Enter")

    def finished(self, page):
        expect(page.locator("#send")).to_be_enabled()

    def colours(self, page):
        """The colours in the middle of the map's cells."""
        return page.evaluate("""() => {
            const map = document.getElementById('map'), {width, height} = map, seen = [];
            for (let head = 0; head < 3; ++head) for (let layer = 0; layer < 30; ++layer) {
              const x = (24 + (layer + .5) * (map.clientWidth - 25) / 30) * width / map.clientWidth;
              const y = (head + .5) * (map.clientHeight - 16) / 3 * height / map.clientHeight;
              seen.push([...map.getContext('2d').getImageData(x, y, 1, 1).data].join());
            }
            return seen;
        }""")

    def test_answer_streams_and_the_map_fills(self):
        page = self.open()
        empty = self.colours(page)
        self.assertEqual(len(set(empty)), 1)
        page.select_option("#preset", "small")
        page.evaluate("""() => {
            window.growths = 0;
            new MutationObserver(changes => window.growths += changes.length)
              .observe(document.getElementById('messages'), {characterData: true, subtree: true});
        }""")
        self.ask(page, SENTENCE * 40 + "What did the lamp need?", tokens=200)
        answer = page.locator(".message.assistant")
        expect(answer).not_to_be_empty()
        self.finished(page)
        self.assertGreater(page.evaluate("growths"), 2)  # it came in pieces
        self.assertRegex(answer.inner_text(), r"\d+ tokens at [\d.]+ per second, cache [\d.]+x smaller than 16 bits")
        self.assertGreater(float(page.inner_text("#speed").lstrip("≈ ")), 0)
        self.assertGreater(float(page.inner_text("#ratio").rstrip("x")), 3)  # `small` aims at 11, judged at the prompt's end
        filled = self.colours(page)
        self.assertEqual([a == b for a, b in zip(empty, filled)], [False] * 90)
        self.assertGreater(len(set(filled)), 3)  # heads differ
        self.shoot(page, "desktop")
        self.assertLess(page.evaluate("shifts"), 0.1)  # what web.dev calls good

    def test_click_shows_the_words_of_a_head(self):
        page = self.open()
        page.select_option("#preset", "small")
        self.ask(page, SENTENCE * 40 + "What did the lamp need?")
        self.finished(page)
        page.locator("#map").click(position={"x": 200, "y": 80})
        expect(page.locator("#head-title")).to_contain_text(re.compile(r"Layer \d+, head 1: [\d.]+ kB for"))
        words = page.locator("#words")
        expect(words).to_contain_text(SENTENCE.strip())
        rows = [row.split("\t") for row in page.locator("#tiers tbody tr").all_inner_texts()]
        total = int(re.search(r"for ([\d,]+) tokens", page.inner_text("#head-title"))[1].replace(",", ""))
        self.assertEqual(sum(int(row[1].replace(",", "")) for row in rows), total)
        self.assertGreater(int(rows[-1][1].replace(",", "")), 0)  # some are pruned
        self.assertGreater(page.locator("#words .pruned").count(), 0)
        kept = page.locator("#words span[title*='bit keys']")
        self.assertGreater(kept.count(), 0)
        # What is said of the words is what the tiers' table says, but for the answer's tokens.
        self.assertEqual({t.split(":")[0] for t in kept.evaluate_all("all => all.map(e => e.title)")} -
                         {row[0].split(":")[0] for row in rows}, set())
        self.shoot(page, "head")

    def test_keyboard_alone(self):
        page = self.open()
        page.focus("#question")
        page.keyboard.type("Hello")
        page.keyboard.press("Enter")
        self.finished(page)
        for _ in range(12):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.id") == "map":
                break
        self.assertEqual(page.evaluate("document.activeElement.id"), "map")
        for key in ("ArrowRight", "ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp", "ArrowUp", "ArrowDown"):
            page.keyboard.press(key)
        expect(page.locator("#cell")).to_contain_text("Layer 1, head 1")
        page.keyboard.press("Enter")
        expect(page.locator("#head-title")).to_contain_text("Layer 1, head 1:")
        expect(page.locator("#words")).to_contain_text("Hello")
        self.assertEqual(page.locator("#words .pruned").count(), 0)  # a short chat stays whole

    def test_stop(self):
        page = self.open()
        self.ask(page, "Write a very long story about the sea.", tokens=3000)
        expect(page.locator(".message.assistant")).not_to_be_empty()
        page.click("#stop")
        expect(page.locator(".used")).to_have_text("Stopped.")
        self.finished(page)
        page.click("#new")
        expect(page.locator(".message")).to_have_count(0)

    def test_narrow_and_dark(self):
        page = self.open(width=360, height=740, scheme="dark")
        self.ask(page, SENTENCE * 40 + "What did the lamp need?")
        self.finished(page)
        page.locator("#map").click(position={"x": 100, "y": 30})
        expect(page.locator("#words")).to_contain_text("lighthouse")
        self.assertLessEqual(page.evaluate("document.documentElement.scrollWidth"), 360)
        for box in ("#chat", "#cache", "#map", "#words", "#send"):
            bounds = page.locator(box).bounding_box()
            self.assertGreaterEqual(bounds["x"], 0, box)
            self.assertLessEqual(bounds["x"] + bounds["width"], 360, box)
        self.assertLess(page.locator("#chat").bounding_box()["y"], page.locator("#cache").bounding_box()["y"])
        self.shoot(page, "phone")

    def test_errors_are_shown(self):
        page = self.open()
        self.ask(page, SENTENCE * 400)
        expect(page.locator(".message.wrong")).to_contain_text("context")
        self.finished(page)
        self.complaints = [c for c in self.complaints if "400 (Bad Request)" not in c]  # the browser's own line


if __name__ == "__main__":
    if BROWSER is None:
        skip("chromium is not installed; scripts/install-deps --ci does it")
    need_model()
    unittest.main(argv=[sys.argv[0], *NAMES], verbosity=2)
