"""A real headless Chromium, for pages: how they look and how fast they are."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

PROGRAM = shutil.which("chromium")
DRIVER = shutil.which("chromedriver")

# No sandbox, for tests run as root in a container; and nothing that looks for the network.
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--allow-file-access-from-files",
    "--force-device-scale-factor=1",
    "--window-size=1280,900",
]


def missing() -> str | None:
    """Why no browser can be started here; `None` if one can."""
    try:
        import selenium  # noqa: F401, PLC0415
    except ImportError:
        return "no selenium here: `dev.py test --with browser` installs it"
    if PROGRAM is None or DRIVER is None:
        return "no chromium with chromedriver here (Debian: apt install chromium chromium-driver)"
    return None


def version() -> str:
    """`Chromium 156.0...`."""
    told = subprocess.run([str(PROGRAM), "--version"], capture_output=True, text=True, check=True)
    return " ".join(told.stdout.split()[:2])


@contextmanager
def chromium(folder: Path) -> Iterator[Chrome]:
    """A browser whose home is `folder`, and which is gone afterwards."""
    from selenium import webdriver  # noqa: PLC0415
    from selenium.webdriver.chrome.service import Service  # noqa: PLC0415

    options = webdriver.ChromeOptions()
    options.binary_location = str(PROGRAM)
    for argument in [*ARGUMENTS, f"--user-data-dir={folder / 'profile'}"]:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    # Told where the driver is, selenium looks for none; the browser writes into no other home.
    home = os.environ | dict.fromkeys(("HOME", "XDG_CONFIG_HOME", "TMPDIR"), str(folder))
    driver = webdriver.Chrome(options, Service(str(DRIVER), env=home))
    driver.set_script_timeout(120)
    try:
        yield driver
    finally:
        driver.quit()


def command(driver: Chrome, name: str, **parameters: Any) -> Any:
    """A command of the browser's own protocol."""
    return driver.execute_cdp_cmd(name, parameters)
