"""How a service that cannot go on ends: its exit code, and the line that an operator finds."""

import json
import subprocess
import sys

import pytest

PROGRAM = """
import asyncio
from minestream_runtime.errors import ConfigurationError
from minestream_runtime.service import run_service
from minestream_runtime.settings import Settings

async def refuses():
    raise ConfigurationError("state_dir: no such folder; name another")

async def main(settings, health):
    {main}

run_service("some-service", Settings, main)
"""
DEEP = """async with asyncio.TaskGroup() as outer:
        async def inner():
            async with asyncio.TaskGroup() as group:
                group.create_task(refuses())
        outer.create_task(inner())"""


@pytest.mark.parametrize("main", ["await refuses()", DEEP], ids=["alone", "in groups"])
def test_what_to_change_stands_in_one_line_without_a_traceback(main: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(main=main)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (78, "")
    last = json.loads(ended.stdout.splitlines()[-1])
    assert (last["event"], last["level"]) == ("configuration_refused", "error")
    assert last["error"] == "state_dir: no such folder; name another"
    assert "Traceback" not in ended.stdout
