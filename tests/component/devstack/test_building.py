"""A stack that starts builds the dashboard beside it: a build that fails costs it nothing."""

import io
import time
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from minestream_devstack.building import beside
from minestream_devstack.dashboard import Dashboard
from minestream_devstack.home import Home
from minestream_devstack.screen import Screen


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Dashboard:
    """The real sources, an empty cache, and a registry where nobody is."""
    monkeypatch.setenv("MINESTREAM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    page = Dashboard.here()
    assert page is not None
    assert not page.built
    return page


def test_without_the_registry_the_page_is_missing_and_the_reason_is_told(
    page: Dashboard, tmp_path: Path
) -> None:
    said = io.StringIO()
    with beside(Home(tmp_path)) as building:
        assert building is not None
        building.finish(Screen(Console(file=said, width=400)))
    assert "the dashboard is not built; everything else runs." in said.getvalue()
    assert "could not be fetched" in said.getvalue()
    assert "✓" not in said.getvalue()
    assert not page.built


def _break_off(page: Dashboard, folder: Path) -> None:
    with beside(Home(folder)):
        deadline = time.monotonic() + 60
        while not (page.cache / "work" / "package.json").exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        raise KeyboardInterrupt


def test_a_start_that_is_broken_off_leaves_no_build_behind(page: Dashboard, tmp_path: Path) -> None:
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    with pytest.raises(KeyboardInterrupt):
        _break_off(page, tmp_path)
    left = [child for child in psutil.Process().children(recursive=True) if child.pid not in before]
    assert left == []
    assert not page.built


def test_where_no_gateway_is_wanted_no_page_is(page: Dashboard, tmp_path: Path) -> None:
    with beside(Home(tmp_path), wanted=False) as building:
        assert building is None
    assert not page.cache.exists()
