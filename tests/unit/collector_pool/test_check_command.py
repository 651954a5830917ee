"""``minestream pool check`` says what answers, what refuses us, and what limits us until when."""

import asyncio
import json
import re
from datetime import datetime
from pathlib import Path

import pytest
from aiohttp import web
from tests.unit.collector_pool.http_pools import Handler, emulated_pools
from typer.testing import CliRunner, Result

from collector_pool.adapters.command import app
from minestream_emulators.pools.site import KEY
from minestream_emulators.troubles import Trouble


def _file(folder: Path, url: str) -> Path:
    path = folder / "pools.yaml"
    path.write_text(
        f"""\
accounts:
  - {{account_id: viabtc-main, pool: viabtc, key: "${{TOKEN}}", url: "{url}/viabtc"}}
  - {{account_id: litecoin-main, pool: litecoinpool, key: "${{TOKEN}}", url: "{url}/litecoinpool"}}
""",
        encoding="utf-8",
    )
    return path


async def _check(file: Path, *accounts: str) -> Result:
    arguments = ["check", "--file", str(file), *accounts]
    return await asyncio.to_thread(lambda: CliRunner().invoke(app, arguments, env={"TOKEN": KEY}))


async def test_what_answers_is_told_call_by_call(tmp_path: Path) -> None:
    async with emulated_pools() as (_, _, url):
        result = await _check(_file(tmp_path, url), "litecoin-main")
    assert (result.exit_code, result.output) == (0, "litecoin-main  api: answers\n")


async def test_a_rate_limit_says_which_source_until_when_and_what_is_shown_meanwhile(
    tmp_path: Path,
) -> None:
    async with emulated_pools() as (_, troubles, url):
        troubles.begin(Trouble.POOL_429, for_s=None)
        result = await _check(_file(tmp_path, url), "litecoin-main")
    assert result.exit_code == 1
    assert re.search(
        r"litecoin-main  litecoinpool limits us until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC; "
        r"meanwhile the collector shows its last answers, marked stale",
        result.output,
    )
    assert "429" in result.output


async def test_a_program_is_told_the_same_of_each_call(tmp_path: Path) -> None:
    async with emulated_pools() as (_, troubles, url):
        file = _file(tmp_path, url)
        well = await _check(file, "litecoin-main", "--json")
        troubles.begin(Trouble.POOL_429, for_s=None)
        limited = await _check(file, "litecoin-main", "--json")
    of = {"account_id": "litecoin-main", "pool": "litecoinpool", "call": "api"}
    ok = of | {"ok": True, "status": "ok", "why": None, "not_before": None}
    assert [json.loads(line) for line in well.stdout.splitlines()] == [ok]
    assert (well.exit_code, limited.exit_code) == (0, 1)
    [told] = map(json.loads, limited.stdout.splitlines())
    assert told["ok"] is False
    assert "429" in told["why"]
    assert datetime.fromisoformat(told["not_before"]).tzinfo is not None


@pytest.mark.parametrize("trouble", [Trouble.POOL_WRONG_KEY, Trouble.POOL_DOWN])
async def test_a_refusal_or_silence_is_told_and_no_key(tmp_path: Path, trouble: Trouble) -> None:
    async with emulated_pools() as (_, troubles, url):
        troubles.begin(trouble, for_s=None)
        result = await _check(_file(tmp_path, url), "litecoin-main")
    assert result.exit_code == 1
    assert re.search(r"api: .*(403|connection broke)", result.output)
    assert KEY not in result.output


async def test_each_call_is_tried_as_a_key_may_have_leave_for_some_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collector_pool.adapters.command._MOST_APART_S", 0.01)

    async def door(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.endswith(("/hashrate/worker", "/reward/history")):
            return await handler(request)
        return web.json_response({"code": 12004, "message": f"IP not allowed for {KEY}"})

    async with emulated_pools(door=door) as (_, _, url):
        file = _file(tmp_path, url)
        text = file.read_text(encoding="utf-8")
        file.write_text(text.replace("pool: viabtc,", "pool: viabtc, coin: litecoin,"))
        result = await _check(file, "viabtc-main")
    assert result.exit_code == 1
    lines = [line for line in result.output.splitlines() if line.startswith("viabtc-main")]
    refused = "code 12004: IP not allowed for ***"
    assert lines == [
        f"viabtc-main  hashrate: {refused}",
        "viabtc-main  workers: answers",
        f"viabtc-main  account: {refused}",
        f"viabtc-main  profit: {refused}",
        f"viabtc-main  payments: {refused}",
        "viabtc-main  profit-dogecoin: answers",
        f"viabtc-main  payments-dogecoin: {refused}",
    ]


async def test_an_account_that_is_not_there_is_told(tmp_path: Path) -> None:
    result = await _check(_file(tmp_path, "http://127.0.0.1:1"), "nobody")
    assert result.exit_code == 2
    assert "no account nobody" in result.output


async def test_a_file_with_faults_is_told_by_line(tmp_path: Path) -> None:
    file = _file(tmp_path, "http://127.0.0.1:1")
    file.write_text(file.read_text().replace("pool: viabtc", "pool: via"), encoding="utf-8")
    result = await _check(file)
    assert result.exit_code == 1
    assert f"{file}:2: accounts[0].pool: one of" in result.output
