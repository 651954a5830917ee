"""A Chromium, the system it looks at, its pages, and what they may not do: log errors, overflow."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
WIDE = {"width": 1440, "height": 1600}
PHONE = {"width": 390, "height": 844}
NAMED_ROLES = frozenset(
    {
        "button", "checkbox", "combobox", "dialog", "grid", "heading", "image", "link", "menuitem",
        "menuitemradio", "navigation", "option", "radio", "searchbox", "switch", "tab", "textbox",
    }
)  # fmt: skip
"""What a screen reader must be able to call by a name."""
HARD_TO_READ = """() => {
  // sRGB relative luminance and contrast as WCAG 2 defines them
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].map((part) => part / 255);
  };
  const over = (top, below) => below.map((part, i) =>
    i === 3 ? 1 : top[i] * top[3] + part * (1 - top[3]));
  const ground = (element) => {
    const layers = [];
    for (let at = element; at !== null; at = at.parentElement) {
      layers.push(rgba(getComputedStyle(at).backgroundColor));
    }
    return layers.reverse().reduce((below, top) => over(top, below), [1, 1, 1, 1]);
  };
  const light = (colour) => {
    const [r, g, b] = colour.map((part) =>
      part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const found = new Map();
  for (const element of document.querySelectorAll("body *")) {
    const said = [...element.childNodes].some((node) =>
      node.nodeType === Node.TEXT_NODE && node.data.trim() !== "");
    if (!said || !element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) {
      continue;
    }
    if (element.closest("[aria-hidden=true], :disabled, .sr-only, svg") !== null) continue;
    const style = getComputedStyle(element), behind = ground(element);
    const [a, b] = [light(over(rgba(style.color), behind)), light(behind)].sort((x, y) => y - x);
    const contrast = (a + 0.05) / (b + 0.05);
    const size = parseFloat(style.fontSize);
    const wanted = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700) ? 3 : 4.5;
    if (contrast < wanted) {
      found.set(`${element.className}`, `${contrast.toFixed(2)}: ${element.textContent.trim()}`);
    }
  }
  return [...found].map(([names, text]) => `${text} (${names})`);
}"""
TOO_WIDE = """() => {
  const width = document.documentElement.clientWidth;
  return document.documentElement.scrollWidth <= width ? [] :
    [...document.querySelectorAll("body *")]
      .filter((element) => element.getBoundingClientRect().right > width + 1)
      .slice(0, 5)
      .map((element) => `${element.tagName} ${element.className}`);
}"""
SHADED = """(chart) => {
  // how many points of the chart have the colour of a gap, however faint
  const colour = getComputedStyle(document.documentElement).getPropertyValue("--gap");
  const canvas = chart.querySelector("canvas");
  const copy = Object.assign(document.createElement("canvas"),
    { width: canvas.width, height: canvas.height });
  const drawn = copy.getContext("2d", { willReadFrequently: true });
  drawn.fillStyle = colour;
  drawn.fillRect(0, 0, 1, 1);
  const wanted = drawn.getImageData(0, 0, 1, 1).data;
  drawn.clearRect(0, 0, 1, 1);
  drawn.drawImage(canvas, 0, 0);
  const { data } = drawn.getImageData(0, 0, canvas.width, canvas.height);
  let count = 0;
  for (let at = 0; at < data.length; at += 4) {
    const near = [0, 1, 2].every((i) => Math.abs(wanted[i] - data[at + i]) <= 16);
    if (data[at + 3] > 0 && near) count += 1;
  }
  return count;
}"""


def chromium() -> str | None:
    """The browser of this machine: MINESTREAM_CHROMIUM, or one of the usual names."""
    named = os.environ.get("MINESTREAM_CHROMIUM")
    found = (shutil.which(name) for name in ((named,) if named else NAMES))
    return next((path for path in found if path), None)


@contextmanager
def launched(executable: str) -> Iterator[Browser]:
    """The browser, while the block runs."""
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=arguments)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Visit:
    """One page of one person, with all that it did wrong."""

    address: str
    page: Page
    screenshots: Path
    errors: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.errors.append(f"uncaught: {error}"))
        self.page.on("request", self._asked)
        self.page.on("websocket", lambda socket: self._reached(socket.url))

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.errors.append(f"{message.type}: {message.text}")

    def _asked(self, request: Request) -> None:
        self._reached(request.url)

    def _reached(self, url: str) -> None:
        if urlsplit(url).netloc != urlsplit(self.address).netloc:
            self.strangers.append(url)

    def go(self, path: str) -> Page:
        """Open an address of the page and wait until it is live."""
        self.page.goto(self.address + path)
        self.page.wait_for_selector("[data-condition=live]", timeout=30_000)
        return self.page

    def shoot(self, name: str) -> None:
        """Keep a picture of what is seen."""
        self.screenshots.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=self.screenshots / f"{name}.png")

    def nameless(self) -> list[str]:
        """What a screen reader comes to and cannot name, by Chromium's own reckoning."""
        session = self.page.context.new_cdp_session(self.page)
        nodes: list[dict[str, Any]] = session.send("Accessibility.getFullAXTree")["nodes"]
        session.detach()
        return [
            f"{role} {node.get('properties')}"
            for node in nodes
            if (role := node.get("role", {}).get("value")) in NAMED_ROLES
            and not node.get("ignored")
            and not node.get("name", {}).get("value", "").strip()
        ]

    def wrongs(self) -> dict[str, list[str]]:
        """Everything that no page may do; empty when there is nothing."""
        twice = "() => [...document.querySelectorAll('[id]')].map((one) => one.id)"
        ids = self.page.evaluate(twice)
        found = {
            "errors": self.errors,
            "asked of others": self.strangers,
            "nameless": self.nameless(),
            "too wide": self.page.evaluate(TOO_WIDE),
            "hard to read": self.page.evaluate(HARD_TO_READ),
            "ids used twice": sorted({one for one in ids if ids.count(one) > 1}),
            "headings": self._headings(),
        }
        return {name: wrong for name, wrong in found.items() if wrong}

    def _headings(self) -> list[str]:
        count = self.page.locator("h1").count()
        return [] if count == 1 else [f"{count} of the first level"]


class System:
    """The demo, as a process, and commands typed beside it."""

    def __init__(self, folder: Path, miners: int) -> None:
        self.folder = folder
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("MINESTREAM_") or name == "MINESTREAM_CACHE"
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "minestream_devstack", "demo", "--miners", str(miners)],
            cwd=folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            self.address = self._address()
        except BaseException:
            self.end()
            raise

    def _address(self) -> str:
        said = []
        for line in self.process.stdout or ():
            said.append(line)
            if found := re.search(r"dashboard\s+(http://\S+)/$", line):
                assert httpx.get(found[1], timeout=60).status_code == 200, "".join(said)
                return found[1]
        raise AssertionError("".join(said))

    def types(self, *words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "minestream_devstack", *words],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def asks(self, path: str) -> Any:
        answer = httpx.get(self.address + path, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=90)
