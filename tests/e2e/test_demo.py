"""The demonstration, as a new user runs it: one command, live numbers, Ctrl-C, nothing left."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

MINERS = 12
GIGA = 1e9


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("MINESTREAM_")
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "minestream_devstack", "demo", "--miners", str(MINERS)],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)
        if process.stdout is not None:
            process.stdout.close()


def address_in(process: subprocess.Popen[str], *, within_s: float = 200) -> str:
    """The gateway's address, from what the command prints."""
    assert process.stdout is not None
    said, deadline = [], time.monotonic() + within_s
    for line in process.stdout:
        said.append(line)
        if found := re.search(r"gateway\s+(http://\S+?)/api", line):
            return found[1]
        assert time.monotonic() < deadline, "".join(said)
    raise AssertionError("".join(said))


def left_in(folder: Path) -> list[str]:
    """Processes whose working files lie in the folder."""
    found = []
    for process in psutil.process_iter(["cmdline", "environ"]):
        words = [*(process.info["cmdline"] or []), *(process.info["environ"] or {}).values()]
        if process.pid != os.getpid() and any(str(folder) in word for word in words):
            found.append(" ".join(process.info["cmdline"] or []))
    return found


async def get(http: httpx.AsyncClient, path: str, **query: Any) -> Any:
    answer = await http.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.timeout(400)
async def test_one_command_shows_live_numbers_and_leaves_nothing_behind(
    demo: subprocess.Popen[str], tmp_path: Path
) -> None:
    address = await asyncio.to_thread(address_in, demo)
    async with httpx.AsyncClient(base_url=address, timeout=60) as http:
        async with asyncio.timeout(120):
            while True:
                page = await get(http, "/api/v1/miners", limit=100)
                heard = [item for item in page["items"] if item["hashrate_hs"]]
                if len(heard) == MINERS:
                    break
                await asyncio.sleep(1)
        l9s = [item["hashrate_hs"] for item in heard if "L9" in (item["model"] or "")]
        assert l9s
        assert all(10 * GIGA < rate < 25 * GIGA for rate in l9s), "an L9 makes 17 GH/s"
        assert {item["dialect"] for item in heard} >= {"vnish-1.2", "antminer-4028"}, "TCP too"
        one = heard[0]["miner_id"]
        history = await get(http, f"/api/v1/miners/{one}/telemetry", resolution="raw")
        assert history["items"][0]["miner_id"] == one
        site = heard[0]["site_id"]
        summary = await get(http, f"/api/v1/sites/{site}/summary")
        assert summary["miners_total"] == MINERS
    demo.send_signal(signal.SIGINT)
    said, _ = await asyncio.to_thread(demo.communicate, timeout=120)
    assert demo.returncode == 0, said
    assert left_in(tmp_path) == []
