"""The page of `ungil trace -o trace.html`, in a real headless Chromium.

`dev.py test --with browser` installs selenium; the browser is Debian's: chromium, chromium-driver.
"""

from __future__ import annotations

import base64
import io
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import ungil

import browser
from gil_page import busy_trace, interactive

if reason := browser.missing():
    pytest.skip(reason, allow_module_level=True)

from selenium.webdriver import ActionChains
from selenium.webdriver.common.actions.wheel_input import ScrollOrigin
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

pytestmark = pytest.mark.timeout(180)

# Two threads that take turns with the GIL: one for 20 ms at a time, one for 2 ms; with names that
# are markup where they are not escaped.
PROGRAM = """
import ctypes, threading
hold, rest = ctypes.PyDLL(None).usleep, ctypes.CDLL(None).usleep
hog = lambda: list(map(lambda _: (hold(20_000), rest(1_000)), range(10)))
def small():
    for _ in range(10):
        hold(2_000), rest(3_000)
plans = {"<hog></script>": hog, "small": small}
threads = [threading.Thread(target=plans[name], name=name) for name in plans]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of `PROGRAM`, traced in this process."""
    file = tmp_path_factory.mktemp("page") / "trace.html"
    before = sys.getswitchinterval()
    sys.setswitchinterval(100)  # threads drop the GIL where they say so
    try:
        with ungil.trace() as trace:
            exec(compile(PROGRAM, "</script><b>.py", "exec"), {"__name__": "hogging"})
    finally:
        sys.setswitchinterval(before)
    trace.save(file)
    return file


class Timeline:
    """A page in a browser."""

    def __init__(self, driver: Any, page: Path) -> None:
        self.driver = driver
        driver.get(page.as_uri())
        self.stage = driver.find_element(By.ID, "stage")
        self.canvas = driver.find_element(By.ID, "picture")

    def press(self, *keys: str) -> None:
        self.stage.send_keys(*keys)

    def view(self) -> tuple[float, float]:
        """Start and length of what is in view, in nanoseconds."""
        start, span = (
            float(self.stage.get_attribute(f"data-{name}")) for name in ("start", "span")
        )
        return start, span

    def wait(self, what: Callable[[], bool]) -> None:
        WebDriverWait(self.driver, 60, poll_frequency=0.1).until(lambda _: what())

    def text(self, identifier: str) -> str:
        return str(self.driver.find_element(By.ID, identifier).text)

    def settle(self) -> None:
        """Until everything that was asked for is drawn."""
        frames = "const d = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(d))"
        before = None
        while before != (before := self.view()):
            self.driver.execute_async_script(frames)

    def shares(self, row: int) -> dict[str, float]:
        """Which share of a row's width is drawn in the colours of threads, and as waiting."""
        self.settle()
        return dict(self.driver.execute_script(COPY + SHARES, row))

    def threads(self) -> dict[str, tuple[int, float, float]]:
        """The table: row in the timeline, and the shares held and waited, by name."""
        found = {}
        for line in self.driver.find_elements(By.CSS_SELECTOR, "tr[data-thread]"):
            name = line.find_element(By.TAG_NAME, "th").text
            held, waited = (
                float(line.find_element(By.CSS_SELECTOR, f"td.{kind}").get_attribute("data-value"))
                for kind in ("held", "waited")
            )
            found[name] = (1 + int(line.get_attribute("data-thread")), held, waited)
        return found

    def complaints(self) -> list[str]:
        return [entry["message"] for entry in self.driver.get_log("browser")]


COPY = """
function copy(canvas) {
  const size = [canvas.width, canvas.height];
  const brush = new OffscreenCanvas(...size).getContext("2d", { willReadFrequently: true });
  brush.drawImage(canvas, 0, 0);
  return brush;
}
"""
# The lowest line of a row's bar, below all words; row 0 is the holder's.
SHARES = """
const [row] = arguments;
const canvas = document.getElementById("picture");
const scale = canvas.width / canvas.getBoundingClientRect().width;
const line = row === 0 ? 92 : 103 + (row - 1) * 32 + 24;
const left = Math.round(Math.min(220, Math.max(92, (canvas.width / scale) * 0.19)) * scale);
const { data } = copy(canvas).getImageData(left, Math.round(line * scale), canvas.width - left, 1);
const probe = document.body.appendChild(document.createElement("i"));
const names = new Map();
for (const name of ["thread-0", "thread-1", "thread-2", "hatch", "waited"]) {
  probe.style.color = `var(--${name})`;
  const colour = getComputedStyle(probe).color.match(/[0-9]+/g).slice(0, 3).join();
  names.set(colour, name === "hatch" ? "waited" : name);
}
probe.remove();
const shares = { waited: 0 };
for (let at = 0; at < data.length; at += 4) {
  const name = names.get(data.slice(at, at + 3).join());
  if (name) shares[name] = (shares[name] || 0) + 4 / data.length;
}
return shares;
"""


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[Any]:
    with browser.chromium(tmp_path) as driver:
        yield driver


@pytest.fixture
def timeline(driver: Any, page: Path) -> Timeline:
    return Timeline(driver, page)


def test_rows_show_what_the_table_says(timeline: Timeline) -> None:
    threads = timeline.threads()
    assert {"<hog></script>", "small", "MainThread"} <= set(threads)
    for name in ("<hog></script>", "small"):
        row, held, waited = threads[name]
        drawn = timeline.shares(row)
        # To within the lines between slices, and what is too short to be drawn as long as it is.
        assert drawn[f"thread-{row - 1}"] == pytest.approx(held, abs=0.05)
        assert drawn["waited"] == pytest.approx(waited, abs=0.05)
        assert timeline.shares(0)[f"thread-{row - 1}"] == pytest.approx(held, abs=0.05)
    assert timeline.complaints() == []


def test_zooming_shows_less_and_fitting_all_again(timeline: Timeline) -> None:
    whole = timeline.view()
    before = timeline.shares(1)
    origin = ScrollOrigin.from_element(timeline.canvas, 100, 0)

    def wheel() -> bool:
        ActionChains(timeline.driver).scroll_from_origin(origin, 0, -400).perform()
        return timeline.view()[1] < whole[1] / 2

    # Again and again: while the page itself scrolls, to show the picture, the wheel is the page's.
    timeline.wait(wheel)
    timeline.driver.find_element(By.CSS_SELECTOR, "[data-do=in]").click()
    timeline.settle()
    assert timeline.shares(1) != before
    wheeled = timeline.view()
    assert 0 < wheeled[0] < whole[1]
    timeline.press("+", "+")
    timeline.wait(lambda: timeline.view()[1] < wheeled[1] / 2)
    timeline.press(Keys.ARROW_RIGHT)
    timeline.settle()
    timeline.press(Keys.HOME)
    timeline.wait(lambda: timeline.view() == whole)
    assert timeline.shares(1) == before
    assert timeline.complaints() == []


def test_the_keyboard_leads_from_a_wait_to_the_hold_it_waited_for(timeline: Timeline) -> None:
    whole = timeline.view()
    timeline.press(*[Keys.ARROW_DOWN] * timeline.threads()["small"][0])
    assert timeline.text("told").startswith("small, row ")
    for _ in range(40):
        timeline.press(Keys.ENTER)
        if "for <hog></script>" in timeline.text("told"):
            break
    waited = re.fullmatch(
        r"small waited (\S+ \S+) for <hog></script>, "
        r"which held it in <lambda>\S* \(</script><b>\.py:4\); "
        r"from .* on, for \1\.",
        timeline.text("told"),
    )
    assert waited, timeline.text("told")
    timeline.press("b")
    assert timeline.text("told").startswith("<hog></script> held the GIL ")
    assert timeline.text("heard") == timeline.text("told")
    timeline.press("f")
    timeline.wait(lambda: timeline.view()[1] < whole[1])
    timeline.press("?")
    assert timeline.driver.find_element(By.ID, "keys").is_displayed()
    assert timeline.complaints() == []


def test_a_range_is_added_up(timeline: Timeline) -> None:
    actions = ActionChains(timeline.driver)
    actions.key_down(Keys.SHIFT).move_to_element_with_offset(timeline.canvas, 0, 40)
    actions.click_and_hold().move_by_offset(200, 0).release().key_up(Keys.SHIFT).perform()
    timeline.wait(lambda: timeline.driver.find_element(By.ID, "range").is_displayed())
    assert re.match(r"\S+ m?s from \S+ m?s on: held ", timeline.text("range"))
    timeline.press("r")  # all that is in view, which is all
    timeline.wait(lambda: " from 0 on" in timeline.text("range"))
    told = timeline.text("range")
    _, held, waited = timeline.threads()["<hog></script>"]
    assert f"<hog></script> {held * 100:.1f} % {waited * 100:.1f} %" in told
    assert re.search(r"<lambda>\S* \(script><b>\.py:4\)", told)
    timeline.press(Keys.ESCAPE)
    assert not timeline.driver.find_element(By.ID, "range").is_displayed()
    assert timeline.complaints() == []


def test_searching_leaves_the_threads_that_match(timeline: Timeline) -> None:
    rows = int(timeline.stage.get_attribute("data-rows"))
    find = timeline.driver.find_element(By.ID, "find")
    find.send_keys("small", Keys.ENTER)
    # The holder's row, and the thread that is called so.
    timeline.wait(lambda: timeline.stage.get_attribute("data-rows") == "2")
    find.clear()
    find.send_keys(Keys.ENTER)
    timeline.wait(lambda: timeline.stage.get_attribute("data-rows") == str(rows))
    assert timeline.complaints() == []


def test_rows_come_in_the_chosen_order(timeline: Timeline) -> None:
    threads = timeline.threads()
    order = timeline.driver.find_element(By.ID, "order")
    for choice, column in [("longest waiter", 2), ("longest holder", 1)]:
        order.send_keys(choice)
        timeline.settle()
        timeline.press(Keys.PAGE_UP, Keys.ARROW_DOWN)
        shares = {name: figures[column] for name, figures in threads.items()}
        first = max(shares, key=lambda name: shares[name])
        assert timeline.text("told").startswith(f"{first}, row 2 of ")
    assert timeline.complaints() == []


def test_tables_sort_and_lead_into_the_timeline(timeline: Timeline) -> None:
    table = timeline.driver.find_element(By.CSS_SELECTOR, "table.sortable")
    header = table.find_element(By.CSS_SELECTOR, "thead th:nth-child(4)")
    header.find_element(By.TAG_NAME, "button").click()
    waited = [
        float(cell.get_attribute("data-value"))
        for cell in table.find_elements(By.CSS_SELECTOR, "tbody td:nth-child(4)")
    ]
    assert header.get_attribute("aria-sort") == "descending"
    assert waited == sorted(waited, reverse=True)
    pair = timeline.driver.find_element(By.CSS_SELECTOR, "tr[data-waiter] button")
    pair.click()
    timeline.wait(lambda: " waited " in timeline.text("told"))
    assert timeline.complaints() == []


def luminance(colour: str) -> float:
    red, green, blue = (int(part) for part in re.findall(r"\d+", colour)[:3])
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_dark_mode_by_the_system_and_by_the_button(timeline: Timeline) -> None:
    def prefer(scheme: str) -> None:
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        browser.command(timeline.driver, "Emulation.setEmulatedMedia", features=features)

    def ground() -> tuple[bool, bool]:
        """Whether the page and the picture are dark."""
        timeline.settle()
        css = "return getComputedStyle(document.body).backgroundColor"
        picture = "document.getElementById('picture')"
        pixel = f"{COPY} return `${{copy({picture}).getImageData(2, 2, 1, 1).data}}`"
        run = timeline.driver.execute_script
        return luminance(run(css)) < 128, luminance(run(pixel)) < 128

    prefer("light")
    assert ground() == (False, False)
    light = timeline.shares(1)
    prefer("dark")
    assert ground() == (True, True)
    dark = timeline.shares(1)
    assert dark == pytest.approx(light, abs=0.01)
    button = timeline.driver.find_element(By.ID, "theme")
    button.click()
    assert button.text == "◐ light"
    assert ground() == (False, False)
    assert timeline.complaints() == []


# How those without one kind of cones see linear RGB: Viénot, Brettel and Mollon, 1999.
NO_RED = ((0.11238, 0.88762, 0.0), (0.11238, 0.88762, 0.0), (0.00401, -0.00401, 1.0))
NO_GREEN = ((0.29275, 0.70725, 0.0), (0.29275, 0.70725, 0.0), (-0.02234, 0.02234, 1.0))
ALL = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


def seen(colour: str, eyes: tuple[tuple[float, ...], ...]) -> list[float]:
    """CIE L*a*b* of a colour, as these eyes see it."""
    encoded = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in encoded]
    r, g, b = (sum(m * c for m, c in zip(row, linear, strict=True)) for row in eyes)
    x = (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505
    y = 0.2126 * r + 0.7152 * g + 0.0722 * b
    z = (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089
    f = [max(t, 0) ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in (x, y, z)]
    return [116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_held_and_waiting_are_told_apart_by_the_colour_blind(
    driver: Any, page: Path, scheme: str
) -> None:
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.command(driver, "Emulation.setEmulatedMedia", features=features)
    driver.get(page.as_uri())
    names = [f"thread-{at}" for at in range(6)]
    resolve = """
        const probe = document.body.appendChild(document.createElement("i"));
        return arguments[0].map((name) => {
          probe.style.color = `var(--${name})`;
          return getComputedStyle(probe).color;
        });"""
    waited, *held = driver.execute_script(resolve, ["waited", *names])
    for eyes in (ALL, NO_RED, NO_GREEN):
        other = seen(waited, eyes)
        for name, colour in zip(names, held, strict=True):
            difference = (
                sum((a - b) ** 2 for a, b in zip(seen(colour, eyes), other, strict=True)) ** 0.5
            )
            # 2.3 is a difference that is just noticed.
            assert difference > 25, (name, colour, waited)


def test_a_narrow_screen_scrolls_only_down(timeline: Timeline) -> None:
    browser.command(
        timeline.driver,
        "Emulation.setDeviceMetricsOverride",
        width=400,
        height=800,
        deviceScaleFactor=2,
        mobile=True,
    )
    timeline.wait(lambda: timeline.canvas.size["width"] < 400)
    widths = "return [document.documentElement.scrollWidth, innerWidth]"
    assert timeline.driver.execute_script(widths) == [400, 400]
    assert timeline.shares(1)["thread-0"] == pytest.approx(
        timeline.threads()["<hog></script>"][1], abs=0.1
    )
    assert timeline.complaints() == []


def test_without_javascript_there_are_the_verdict_and_the_tables(driver: Any, page: Path) -> None:
    browser.command(driver, "Emulation.setScriptExecutionDisabled", value=True)
    driver.get(page.as_uri())
    text = driver.find_element(By.TAG_NAME, "body").text
    captions = [caption.text for caption in driver.find_elements(By.TAG_NAME, "caption")]
    assert captions == ["Threads", "Functions that held it", "Who made whom wait"]
    assert "<hog></script> starves small" in text
    assert "The timeline needs JavaScript" in text
    assert not driver.find_element(By.ID, "timeline").is_displayed()


def test_it_prints_light_and_whole(timeline: Timeline) -> None:
    features = [{"name": "prefers-color-scheme", "value": "dark"}]
    browser.command(timeline.driver, "Emulation.setEmulatedMedia", media="print", features=features)
    timeline.settle()
    css = "return getComputedStyle(document.body).backgroundColor"
    assert luminance(timeline.driver.execute_script(css)) > 250
    pdf = base64.b64decode(browser.command(timeline.driver, "Page.printToPDF")["data"])
    assert io.BytesIO(pdf).read(5) == b"%PDF-"
    assert timeline.complaints() == []


# Random slices, single and merged ones; the greatest error of the time spent in them between random
# moments, and of the shares of columns, against adding all slices up.
AGAINST_ALL = """
let seed = 7;
const random = (below) => (seed = (seed * 48271) % 2147483647) % below;
let worst = 0;
for (let round = 0; round < 50; round++) {
  const track = new Track(random(200));
  let time = 0;
  for (let at = 0; at < track.length; at++) {
    track.starts[at] = time += random(2) * random(1e6);
    track.ends[at] = time += 1 + random(1e6);
    const length = track.ends[at] - track.starts[at];
    if (random(4) === 0) track.merged.set(at, { count: 9, busy: Math.floor(length / 3) });
  }
  track.finish();
  const all = (start, end) => {
    let sum = 0;
    for (let at = 0; at < track.length; at++) {
      const inside = Math.min(end, track.ends[at]) - Math.max(start, track.starts[at]);
      if (inside > 0) sum += track.busy(at) * (inside / (track.ends[at] - track.starts[at]));
    }
    return sum;
  };
  for (let turn = 0; turn < 40; turn++) {
    const start = random(time + 1), step = 1 + random(1e5);
    worst = Math.max(worst, Math.abs(track.spent(start, start + step) - all(start, start + step)));
    const shares = new Float64Array(30);
    track.shares(start, step, 30, shares);
    for (let column = 0; column < 30; column++) {
      const from = start + column * step;
      worst = Math.max(worst, Math.abs(shares[column] * step - all(from, from + step)));
    }
  }
}
return worst;
"""


def test_sums_at_every_zoom_are_those_of_the_slices(driver: Any) -> None:
    folder = Path(__file__).parent.parent / "crates/ungil-report/src/gil/page/script"
    worst = driver.execute_script((folder / "track.js").read_text() + AGAINST_ALL)
    assert 0 < worst < 1e-3  # nanoseconds; rounding errors, but something was compared


def test_a_hundred_thousand_slices_are_there_soon(driver: Any, tmp_path: Path) -> None:
    page = tmp_path / "large.html"
    busy_trace(120_000).save(page)
    start = time.monotonic()
    timeline = Timeline(driver, page)
    ready, loaded = interactive(driver), time.monotonic() - start
    slices = int(timeline.stage.get_attribute("data-slices"))
    print(
        f"{slices:,} slices, interactive {ready:.2f} s after the navigation began ({loaded:.2f} s)"
    )
    assert slices >= 100_000
    # The goal is 2 s; a machine that is busy with other tests may take longer.
    assert ready < 20
    whole = timeline.view()
    timeline.press("+")
    timeline.wait(lambda: timeline.view()[1] < whole[1])
    assert timeline.complaints() == []
