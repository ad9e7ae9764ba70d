"""The page of `ungil compare --html`, in a real headless Chromium.

`dev.py test --with browser` installs selenium; the browser is Debian's: chromium, chromium-driver.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import ungil

import browser

if reason := browser.missing():
    pytest.skip(reason, allow_module_level=True)

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

pytestmark = pytest.mark.timeout(180)

CHARTS = ["speedup", "time", "memory", "latency", "gil"]
# What is drawn of a kind of workers, in both themes: chart/colours.css.
COLOURS = {"light": {"thread": "#b8480b", "process": "#0b68b0"}, "dark": {"thread": "#ff8f45"}}


@pytest.fixture(scope="module")
def comparison() -> ungil.Comparison:
    """One of a quiet hour: on a busy machine figures can lie so that lines cover each other."""
    return ungil.Comparison.load(Path(__file__).with_name("comparison.json"))


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, comparison: ungil.Comparison) -> Path:
    file = tmp_path_factory.mktemp("page") / "report.html"
    comparison.save(file)
    return file


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[Any]:
    """A browser; a page that complains is a failure."""
    with browser.chromium(tmp_path) as chromium:
        driver: Any = chromium
        prefer(driver, "light")
        yield driver
        assert [entry["message"] for entry in driver.get_log("browser")] == []


def prefer(driver: Any, scheme: str, media: str = "") -> None:
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.command(driver, "Emulation.setEmulatedMedia", media=media, features=features)


# How many pixels of a PNG have each colour.
COUNT = """
const [png, done] = arguments;
const bytes = Uint8Array.from(atob(png), (character) => character.charCodeAt(0));
createImageBitmap(new Blob([bytes])).then((image) => {
  const brush = new OffscreenCanvas(image.width, image.height).getContext("2d");
  brush.drawImage(image, 0, 0);
  const { data } = brush.getImageData(0, 0, image.width, image.height);
  const counts = {};
  for (let at = 0; at < data.length; at += 4) {
    const hex = [...data.slice(at, at + 3)].map((part) => part.toString(16).padStart(2, "0"));
    const name = `#${hex.join("")}`;
    counts[name] = (counts[name] || 0) + 1;
  }
  done(counts);
});
"""


# Scrolls there, and returns once that has been painted.
SHOW = """
const [element, done] = arguments;
element.scrollIntoView({ block: "center", behavior: "instant" });
requestAnimationFrame(() => requestAnimationFrame(done));
"""


def pixels(driver: Any, *selectors: str) -> list[dict[str, int]]:
    """How many pixels of these elements have each colour."""
    found = [driver.find_element(By.CSS_SELECTOR, selector) for selector in selectors]
    pictures = [base64.b64encode(settled(driver, element)).decode() for element in found]
    return [dict(driver.execute_async_script(COUNT, picture)) for picture in pictures]


def settled(driver: Any, element: Any) -> bytes:
    """A picture of what is painted in the end: on a busy machine the first ones lack some of it."""
    driver.execute_async_script(SHOW, element)
    before, picture = b"", element.screenshot_as_png
    while picture != before:
        driver.execute_async_script(SHOW, element)
        before, picture = picture, element.screenshot_as_png
    return bytes(picture)


def test_every_picture_is_drawn_in_the_colours_of_its_kinds(driver: Any, page: Path) -> None:
    driver.get(page.as_uri())
    names = [figure.get_attribute("id") for figure in driver.find_elements(By.TAG_NAME, "figure")]
    seen = [name for name in CHARTS if f"{name}-0" in names]
    assert seen[:4] == CHARTS[:4]  # the GIL only where this Python has one
    for name, counts in zip(
        seen, pixels(driver, *(f"#{name}-0 svg" for name in seen)), strict=True
    ):
        kinds = ["thread"] if name == "gil" else ["thread", "process"]
        for kind in kinds:
            assert counts.get(COLOURS["light"][kind], 0) > 80, (name, kind)


def test_dark_mode_changes_the_ground_and_the_colours(driver: Any, page: Path) -> None:
    prefer(driver, "dark")
    driver.get(page.as_uri())
    (dark,) = pixels(driver, "#speedup-0 svg")
    assert max(dark, key=dark.__getitem__) == "#12161c"
    assert dark[COLOURS["dark"]["thread"]] > 80
    assert COLOURS["light"]["thread"] not in dark
    prefer(driver, "dark", media="print")
    (paper,) = pixels(driver, "#speedup-0 svg")
    assert max(paper, key=paper.__getitem__) == "#ffffff"


def test_a_narrow_screen_scrolls_only_down(driver: Any, page: Path) -> None:
    browser.command(
        driver,
        "Emulation.setDeviceMetricsOverride",
        width=400,
        height=800,
        deviceScaleFactor=1,
        mobile=True,
    )
    driver.get(page.as_uri())
    widths = "return [document.documentElement.scrollWidth, innerWidth]"
    assert driver.execute_script(widths) == [400, 400]
    (counts,) = pixels(driver, "#time-0 svg")
    assert counts[COLOURS["light"]["process"]] > 80


def test_pictures_tell_their_figures_by_keyboard_and_to_a_screen_reader(
    driver: Any, page: Path
) -> None:
    driver.get(page.as_uri())
    picture = driver.find_element(By.CSS_SELECTOR, "#speedup-0 svg")
    nodes = browser.command(driver, "Accessibility.getFullAXTree")["nodes"]
    heard = [node["name"].get("value", "") for node in nodes if "name" in node]
    assert any(name.startswith("Speed-up ") and " with 2" in name for name in heard)
    tip = driver.find_element(By.CSS_SELECTOR, "#speedup-0 .tip")
    assert not tip.is_displayed()
    picture.send_keys(Keys.ARROW_RIGHT)
    assert [line.split(":")[0] for line in tip.text.splitlines()] == ["thread x1", "process x1"]
    picture.send_keys(Keys.ARROW_RIGHT)
    assert "thread x2: " in tip.text
    picture.send_keys(Keys.ESCAPE)
    assert not tip.is_displayed()


def test_without_javascript_there_is_everything_but_the_tips(
    driver: Any, page: Path, comparison: ungil.Comparison
) -> None:
    browser.command(driver, "Emulation.setScriptExecutionDisabled", value=True)
    driver.get(page.as_uri())
    text = driver.find_element(By.TAG_NAME, "main").text
    for sentence in comparison.to_dict()["workloads"][0]["verdict"]["sentences"]:
        assert sentence in " ".join(text.split())
    rows = driver.find_elements(By.CSS_SELECTOR, "table.sortable tbody tr")
    assert [row.text.split(" ")[0] for row in rows[:5]] == [
        "serial",
        "thread",
        "thread",
        "process",
        "process",
    ]
    assert driver.find_element(By.CSS_SELECTOR, "#latency-0 svg").is_displayed()
    samples = driver.find_element(By.CSS_SELECTOR, "details.samples")
    assert not samples.find_element(By.TAG_NAME, "table").is_displayed()
    samples.find_element(By.TAG_NAME, "summary").click()
    assert len(samples.find_elements(By.CSS_SELECTOR, "tbody tr")) == 15


def test_the_document_can_be_downloaded(
    driver: Any, page: Path, comparison: ungil.Comparison, tmp_path: Path
) -> None:
    browser.command(
        driver, "Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path)
    )
    driver.get(page.as_uri())
    driver.find_element(By.ID, "json").click()
    file = tmp_path / "compare.json"
    deadline = time.monotonic() + 60
    while not file.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert json.loads(file.read_text()) == comparison.to_dict()


def test_the_svg_is_a_picture_by_itself(
    driver: Any, comparison: ungil.Comparison, tmp_path: Path
) -> None:
    comparison.save(tmp_path / "speedup.svg")
    driver.get((tmp_path / "speedup.svg").as_uri())
    assert driver.find_element(By.TAG_NAME, "svg").size["height"] > 300
    (counts,) = pixels(driver, "svg")
    assert counts[COLOURS["light"]["thread"]] > 80
