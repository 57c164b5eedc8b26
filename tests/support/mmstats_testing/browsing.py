"""A real browser without a screen: Chromium, as Debian packages it, steered through its driver.

Rule 1: nothing is fetched: neither a driver nor anything of Chromium's own.
Rule 2: every wait is for something that the page shows, and bounded.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .running import HANG_SECONDS, skip_or_fail

_PROGRAMS = "chromium", "chromedriver"
_OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
    "--force-prefers-reduced-motion",
)

DESKTOP = 1280, 800
PHONE = 360, 740


class Browser:
    """A browser with one page open.

    Attributes:
        driver: selenium's own.
    """

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(self, url: str, size: tuple[int, int] = DESKTOP, scheme: str = "light") -> None:
        """Show a page as if for the first time, and forget what was logged before.

        Args:
            url: of the page.
            size: width and height of the window, in pixels.
            scheme: of colours, that the system is said to prefer: ``"light"`` or ``"dark"``.
        """
        self.driver.get("about:blank")
        self.resize(size)
        self.prefer(scheme)
        self.log()
        self.driver.get(url)

    def resize(self, size: tuple[int, int]) -> None:
        """Give the window another size, in pixels."""
        width, height = size
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def prefer(self, scheme: str) -> None:
        """Let the system prefer ``"light"`` or ``"dark"``."""
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})

    def run(self, script: str, *arguments: object) -> Any:
        """What an expression of JavaScript gives; the arguments are ``arguments[0]`` and so on."""
        return self.driver.execute_script(f"return {script}", *arguments)

    def wait(self, script: str, *arguments: object) -> Any:
        """Wait until an expression of JavaScript gives something true, and return that."""
        return self.until(lambda: self.run(script, *arguments), script)

    def until(self, condition: Callable[[], Any], what: str) -> Any:
        """Wait until a condition gives something true, and return that."""
        from selenium.common.exceptions import JavascriptException, TimeoutException
        from selenium.webdriver.support.wait import WebDriverWait

        waiting = WebDriverWait(self.driver, HANG_SECONDS, 0.05, ignored_exceptions=[JavascriptException])
        try:
            return waiting.until(lambda _: condition())
        except TimeoutException:
            text = self.run("document.body.innerText")
            raise AssertionError(f"the page never came to {what}; it shows:\n{text}\nlog: {self.log()}") from None

    def find(self, selector: str) -> Any:
        """The first element of this selector."""
        return self.driver.find_element("css selector", selector)

    def press(self, *keys: str) -> None:
        """Press keys, wherever the focus is."""
        from selenium.webdriver import ActionChains

        ActionChains(self.driver).send_keys(*keys).perform()

    def log(self) -> list[str]:
        """What was written to the console since it was asked for last."""
        return [json.dumps(entry) for entry in self.driver.get_log("browser")]


@contextlib.contextmanager
def chromium(profile: Path) -> Iterator[Browser]:
    """Run Chromium; skip the test where it, its driver or selenium is missing.

    Args:
        profile: an empty directory for what it keeps.
    """
    program, driver = map(shutil.which, _PROGRAMS)
    if program is None or driver is None:
        skip_or_fail("Debian's chromium and chromium-driver are not installed")
    try:
        from selenium import webdriver
    except ImportError:
        skip_or_fail("selenium is not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for option in (*_OPTIONS, f"--user-data-dir={profile}"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    running = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=driver))
    try:
        running.set_script_timeout(HANG_SECONDS)
        running.set_page_load_timeout(HANG_SECONDS)
        yield Browser(running)
    finally:
        running.quit()
