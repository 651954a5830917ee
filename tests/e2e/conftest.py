"""What looks at the dashboard in a real browser: the demo with all its services, and its pages."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser
from tests.e2e.browser import WIDE, System, Visit, chromium, launched

MINERS = 24


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    system = System(tmp_path_factory.mktemp("dashboard"), MINERS)
    try:
        until(lambda: heard(system) == MINERS, "all miners were heard of")
        yield system
    finally:
        system.end()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched(str(chromium())) as browser:
        yield browser


@pytest.fixture(scope="module")
def screenshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    named = os.environ.get("MINESTREAM_SCREENSHOTS")
    return Path(named) if named else tmp_path_factory.mktemp("screenshots")


Open = Callable[..., Visit]


@pytest.fixture
def opened(browser: Browser, system: System, screenshots: Path) -> Iterator[Open]:
    """Opens pages; each is a person of its own, with nothing kept from before."""
    contexts = []

    def open_one(**context: Any) -> Visit:
        one = {"viewport": WIDE, "locale": "en-GB", "color_scheme": "dark"} | context
        contexts.append(browser.new_context(**one))
        return Visit(system.address, contexts[-1].new_page(), screenshots)

    yield open_one
    for context in contexts:
        context.close()


def heard(system: System) -> int:
    items = system.asks("/api/v1/miners?limit=100")["items"]
    return sum(1 for item in items if item["hashrate_hs"])


def until(holds: Callable[[], bool], what: str, *, within_s: float = 120) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, f"not within {within_s} s: {what}"
        time.sleep(0.3)
