"""What ``minestream inventory scan`` does where it is not told otherwise."""

import re

import pytest
from typer.testing import CliRunner

from api_gateway.adapters.command import app

NOBODY = {"MINESTREAM_DATABASE_URL": "postgresql://minestream@127.0.0.1:1/none"}


def test_untold_a_scan_looks_at_the_ports_of_miners_and_of_no_other() -> None:
    done = CliRunner().invoke(app, ["scan", "127.9.9.8/30"], env=NOBODY)
    assert done.exit_code == 0, done.output
    assert "2 addresses, port 80, 443, 4028, 4433: at least 1 s" in done.stderr
    assert "not compared with the fleet" in done.stderr


def test_untold_a_scan_makes_200_connects_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    told = CliRunner().invoke(app, ["scan", "--help"])
    [rate] = [line for line in told.stdout.splitlines() if "--rate" in line]
    assert re.search(r"Connects per second.*default: 200", rate)
