"""The uploader on slow and broken lines, behind proxies, with another key or clock."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from tests.unit.runtime.upload_world import KEY, Answer, taken, world

from minestream_runtime.errors import BrokerUnavailableError, RecordRefusedError


async def test_on_a_slow_line_batches_shrink_until_they_come_through_in_time(
    tmp_path: Path,
) -> None:
    async with world(tmp_path, deadline_s=0.4) as this:
        this.gateway.takes_s, this.gateway.takes_each_s = 0.0, 0.05
        left = list(range(16))
        for _ in range(20):
            outcomes = await this.send(*left)
            left = [each for each, outcome in zip(left, outcomes, strict=True) if outcome]
            if not left:
                break
            this.clock.by_s += 10
        assert not left, "the same batch again and again would never come through"


async def test_an_answer_that_is_lost_or_cut_short_has_the_same_sent_again(tmp_path: Path) -> None:
    async with world(tmp_path) as this:
        this.gateway.cuts = ["before", "within"]
        for _ in range(2):
            [outcome] = await this.send(1)
            assert isinstance(outcome, BrokerUnavailableError)
            this.clock.by_s += 10
        assert await this.send(1) == [None]
        assert this.gateway.uploads == [[1], [1], [1]]


@pytest.mark.parametrize("body", ["<html>413 Request Entity Too Large</html>", ""])
async def test_a_proxy_that_takes_less_than_we_send_holds_nothing_up(
    tmp_path: Path, body: str
) -> None:
    def proxy(items: list[Any]) -> Answer:
        size = sum(len(json.dumps(item["event"])) for item in items)
        return (413, body, {}) if size > 50 else (200, taken(items), {})

    async with world(tmp_path) as this:
        this.gateway.answers = [proxy] * 50
        outcomes = await this.send(*["x" * 20] * 5, "y" * 100, "z")
        assert [number for number, each in enumerate(outcomes) if each is not None] == [5]
        assert isinstance(outcomes[5], RecordRefusedError)


@pytest.mark.parametrize(("said", "least_s"), [("7", 7), ("Sun, 22 Nov 2026 07:28:00 GMT", 1)])
async def test_too_many_uploads_wait_as_long_as_the_gateway_says(
    tmp_path: Path, said: str, least_s: int
) -> None:
    answer = {"success": False, "error": "too many uploads"}
    async with world(tmp_path) as this:
        this.gateway.answers = [lambda _: (429, answer, {"Retry-After": said})]
        assert "too many uploads" in str((await this.send(1))[0])
        this.clock.by_s = least_s - 0.5
        assert isinstance((await this.send(1))[0], BrokerUnavailableError)
        assert len(this.gateway.uploads) == 1
        this.clock.by_s = least_s * 1.25 + 0.1
        assert await this.send(1) == [None]


async def test_a_new_key_is_tried_at_once_where_the_old_one_was_refused(tmp_path: Path) -> None:
    answer = {"success": False, "error": "Invalid API key"}
    async with world(tmp_path) as this:
        this.gateway.answers = [lambda _: (401, answer, {})]
        await this.send(1)
        fault = this.uploader.fault()
        assert fault is not None
        assert fault.startswith("the gateway refuses our key (Invalid API key)")
        assert "minestream collector-key create" in fault
        assert KEY not in fault
        this.uploader.take_key(SecretStr(KEY))
        assert isinstance((await this.send(1))[0], BrokerUnavailableError), "it is the same"
        this.gateway.key = "hsc_" + "n" * 40
        this.uploader.take_key(SecretStr(this.gateway.key))
        assert await this.send(1) == [None]
        assert this.uploader.fault() is None


@pytest.mark.parametrize(("ahead_s", "said"), [(3600, "ahead of"), (-3600, "behind")])
async def test_a_clock_that_is_not_the_gateways_is_told_and_stops_nothing(
    tmp_path: Path, ahead_s: int, said: str
) -> None:
    async with world(tmp_path) as this:
        assert await this.send(1) == [None]
        assert this.uploader.clock_fault() is None
        this.clock.wall_by_s = ahead_s
        assert await this.send(2) == [None]
        fault = this.uploader.clock_fault()
        assert fault is not None
        assert said in fault
        this.clock.wall_by_s = 0
        assert await this.send(3) == [None]
        assert this.uploader.clock_fault() is None


@pytest.mark.parametrize("date", ["yesterday", f"Sun, 22 Nov {'9' * 20} 07:28:00 GMT"])
async def test_a_date_that_is_none_costs_nothing(tmp_path: Path, date: str) -> None:
    async with asyncio.timeout(30), world(tmp_path) as this:
        this.gateway.answers = [lambda items: (200, taken(items), {"Date": date})]
        assert await this.send(1) == [None]
        assert this.uploader.clock_fault() is None
        assert await this.send(2) == [None]
