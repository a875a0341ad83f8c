"""A headless Chromium, driven over WebDriver through chromedriver.

It reports what Chromium itself logs about a page: script errors, requests that are refused or fail
and violations of the content security policy.
"""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import urllib.request
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
AVAILABLE = CHROMIUM is not None and DRIVER is not None

_ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_TIMEOUT = 60
# chromedriver runs on this machine: a proxy that the environment names must not be asked
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Browser:
    """One browser window; use it in a ``with`` block.

    Args:
        profile: An empty directory for the browser's own files.
    """

    def __init__(self, profile: Path) -> None:
        self.profile = profile

    def __enter__(self) -> Browser:
        self._driver = subprocess.Popen(
            [str(DRIVER), "--port=0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            self._url = f"http://127.0.0.1:{self._port()}"
            options = {
                "binary": CHROMIUM,
                "args": [*_ARGUMENTS, f"--user-data-dir={self.profile}"],
            }
            capabilities = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
            session = self._call("/session", {"capabilities": {"alwaysMatch": capabilities}})
            self._url += f"/session/{session['sessionId']}"
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if "/session/" in getattr(self, "_url", ""):
            self._call("", method="DELETE")
        self._driver.terminate()
        self._driver.communicate(timeout=_TIMEOUT)

    def _port(self) -> int:
        assert self._driver.stdout is not None
        for line in self._driver.stdout:
            if "started successfully on port" in line:
                return int(line.rstrip(".\n").rsplit(" ", 1)[1])
        raise RuntimeError("chromedriver did not start")

    def _call(self, path: str, body: dict[str, Any] | None = None, method: str = "POST") -> Any:
        data = json.dumps(body or {}).encode() if method == "POST" else None
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self._url + path, data, headers, method=method)
        with _OPENER.open(request, timeout=_TIMEOUT) as answer:
            return json.load(answer)["value"]

    def cdp(self, command: str, **parameters: Any) -> Any:
        """Run a command of the Chrome DevTools Protocol."""
        return self._call("/goog/cdp/execute", {"cmd": command, "params": parameters})

    def open(self, page: str) -> list[str]:
        """Open a page and return the messages that Chromium logged."""
        self._call("/url", {"url": page})
        return self.complaints()

    def complaints(self) -> list[str]:
        """Return the messages that Chromium has logged since the last call."""
        return [entry["message"] for entry in self._call("/se/log", {"type": "browser"})]

    def run(self, script: str) -> Any:
        """Run a script in the page and return its result."""
        return self._call("/execute/sync", {"script": script, "args": []})

    def click(self, selector: str) -> None:
        """Click the first element that matches a CSS selector."""
        element = self._call("/element", {"using": "css selector", "value": selector})
        self._call(f"/element/{next(iter(element.values()))}/click")

    def resize(self, width: int, height: int = 800) -> None:
        """Set the size of the viewport in CSS pixels; below 600 it is that of a phone."""
        self.cdp(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )

    def prefer(self, scheme: str) -> None:
        """Prefer the ``light`` or the ``dark`` colour scheme."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.cdp("Emulation.setEmulatedMedia", features=features)

    def screenshot(self) -> bytes:
        """Return the whole page as a PNG image."""
        capture = self.cdp("Page.captureScreenshot", captureBeyondViewport=True)
        return base64.b64decode(capture["data"])

    def pdf(self) -> bytes:
        """Return the page as it is printed."""
        return base64.b64decode(self.cdp("Page.printToPDF", preferCSSPageSize=True)["data"])
