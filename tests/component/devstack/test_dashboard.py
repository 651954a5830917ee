"""The dashboard's page is built by the real npm, from a page so small that it needs no network."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from minestream_devstack.dashboard import Dashboard, node
from minestream_runtime.errors import ConfigurationError

BUILD = """
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
appendFileSync(process.env.TALLY, process.version + "\\n");
if (process.env.SLOW) await new Promise((done) => setTimeout(done, 60_000));
mkdirSync("dist/assets", { recursive: true });
writeFileSync("dist/index.html", readFileSync("page.html"));
writeFileSync("dist/assets/code.js", "//".repeat(2000));
"""


class Sources:
    """The sources of a page, and a tally of its builds."""

    def __init__(self, folder: Path) -> None:
        self.web, self.cache, self.tally = folder / "web", folder / "cache", folder / "tally"
        self.web.mkdir()
        self.tally.touch()
        self.writes("page.html", "<title>one</title>")
        self.writes("build.mjs", BUILD)
        self.locks({})

    def locks(self, dependencies: dict[str, str]) -> None:
        """Say which packages are needed."""
        package = {"name": "page", "version": "1.0.0", "private": True}
        package |= {"scripts": {"build": "node build.mjs"}, "dependencies": dependencies}
        there = {
            f"node_modules/{name}": {"version": version} for name, version in dependencies.items()
        }
        lock = {"name": "page", "version": "1.0.0", "lockfileVersion": 3}
        self.writes("package.json", json.dumps(package))
        self.writes("package-lock.json", json.dumps(lock | {"packages": {"": package, **there}}))

    def writes(self, name: str, text: str) -> None:
        (self.web / name).write_text(text)

    @property
    def page(self) -> Dashboard:
        return Dashboard(self.web, self.cache)

    @property
    def builds(self) -> int:
        return len(self.tally.read_text().splitlines())


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sources:
    found = Sources(tmp_path)
    monkeypatch.setenv("TALLY", str(found.tally))
    monkeypatch.setenv("npm_config_userconfig", str(tmp_path / "npmrc"))
    return found


def test_the_same_content_is_built_once_and_the_sources_stay_clean(sources: Sources) -> None:
    before = sorted(sources.web.rglob("*"))
    folder = sources.page.build()
    assert (folder / "index.html").read_text() == "<title>one</title>"
    assert (folder / "assets" / "code.js.br").stat().st_size < 100
    assert (folder / "assets" / "code.js.gz").exists()
    assert sorted(sources.web.rglob("*")) == before
    assert sources.page.build() == folder
    assert sources.builds == 1
    assert sources.page.build(force=True) == folder
    assert sources.builds == 2


def test_a_changed_source_is_another_build_and_what_a_tool_leaves_is_none(
    sources: Sources,
) -> None:
    first = sources.page.build()
    (sources.web / "node_modules").mkdir()
    sources.writes("node_modules/left.js", "left")
    sources.writes("tsconfig.tsbuildinfo", "left")
    assert sources.page.folder == first
    sources.writes("page.html", "<title>two</title>")
    second = sources.page.build()
    assert second != first
    assert (first / "index.html").read_text() == "<title>one</title>"
    assert (second / "index.html").read_text() == "<title>two</title>"


def test_sources_that_do_not_build_say_why_and_leave_nothing(sources: Sources) -> None:
    sources.writes("build.mjs", 'throw new Error("a brace is missing")')
    with pytest.raises(ConfigurationError, match=r"(?s)`npm run build` failed.*a brace is missing"):
        sources.page.build()
    assert not sources.page.built


def test_without_the_registry_the_error_says_what_to_do(
    sources: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")  # nobody is there
    sources.locks({"left-pad": "1.3.0"})
    with pytest.raises(ConfigurationError, match=r"(?s)could not be fetched.*npm_config_registry"):
        sources.page.build()
    assert not sources.page.built
    assert sources.builds == 0


def test_two_who_build_at_the_same_time_build_once(sources: Sources) -> None:
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: sources.page.build(), range(2))
    assert first == second
    assert sources.builds == 1


def until(holds: Callable[[], bool], *, within_s: float = 90) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_build_that_is_killed_half_way_leaves_nothing_half_built(sources: Sources) -> None:
    script = (
        "import pathlib, sys; from minestream_devstack.dashboard import Dashboard;"
        "Dashboard(*map(pathlib.Path, sys.argv[1:])).build()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(sources.web), str(sources.cache)],
        env=os.environ | {"SLOW": "1"},
        start_new_session=True,
    )
    try:
        until(lambda: sources.builds == 1)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(60)
    assert not sources.page.built
    assert (sources.page.build() / "index.html").exists()


def test_a_build_that_nobody_used_for_long_goes(sources: Sources) -> None:
    old = sources.page.build()
    os.utime(old, (0, 0))
    sources.writes("page.html", "<title>two</title>")
    new = sources.page.build()
    assert not old.exists()
    assert new.exists()


def test_it_is_built_by_the_node_of_the_wheel(sources: Sources) -> None:
    sources.page.build()
    told = subprocess.run([node(), "--version"], capture_output=True, text=True, check=True)
    assert sources.tally.read_text() == told.stdout
