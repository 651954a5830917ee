"""The uploader against a gateway of a test, over real HTTP."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.unit.runtime.upload_world import KEY, Answer, taken, world

from minestream_runtime.edge.dead_letters import DeadLetters
from minestream_runtime.errors import BrokerUnavailableError, RecordRefusedError
from minestream_schemas.gap import GAP


async def test_what_waits_goes_up_together_in_order_one_upload_at_a_time(tmp_path: Path) -> None:
    async with world(tmp_path, most_items=10) as this:
        assert await this.send(*range(25)) == [None] * 25
        assert [len(upload) for upload in this.gateway.uploads] == [10, 10, 5]
        assert [event for upload in this.gateway.uploads for event in upload] == list(range(25))
        assert this.gateway.most_under_way == 1


async def test_a_batch_ends_before_it_is_too_large_but_one_event_may_be(tmp_path: Path) -> None:
    async with world(tmp_path, most_bytes=1 << 16) as this:
        texts = ["a" * 40_000, "b" * 40_000, "c" * 200_000, "d"]
        assert await this.send(*texts) == [None] * 4
        assert [[text[0] for text in upload] for upload in this.gateway.uploads] == [
            ["a"],
            ["b"],
            ["c"],
            ["d"],
        ]


async def test_only_the_traces_header_goes_along(tmp_path: Path) -> None:
    seen: list[Any] = []

    def look(items: list[Any]) -> Answer:
        seen.extend(items)
        return 200, taken(items), {}

    async with world(tmp_path) as this:
        this.gateway.answers = [look]
        await this.send(1, traceparent="00-abc", other="x")
    assert seen == [{"topic": GAP.name, "event": 1, "headers": {"traceparent": "00-abc"}}]


async def test_a_refused_event_is_filed_with_its_reason_and_blocks_none(tmp_path: Path) -> None:
    fault = {"index": 1, "kind": "schema", "reason": "status: Field required"}
    async with world(tmp_path) as this:
        this.gateway.answers = [lambda items: (200, taken(items, refused=[fault]), {})]
        outcomes = await this.send("first", "second", "third")
        assert [type(each) for each in outcomes] == [
            type(None),
            RecordRefusedError,
            type(None),
        ]
        [line] = this.refused.read_text().splitlines()
        assert this.refused.stat().st_mode & 0o077 == 0
        told = json.loads(line)
        assert (told["kind"], told["reason"]) == ("schema", "status: Field required")
        assert told["item"]["event"] == "second"
        assert datetime.fromisoformat(told["at"]).astimezone(UTC) <= datetime.now(UTC)


def test_the_file_of_refused_events_does_not_grow_for_ever(tmp_path: Path) -> None:
    letters = DeadLetters(tmp_path / "refused", most_bytes=1000)
    for _ in range(100):
        letters.put(b'"x"', kind="schema", reason="r" * 50, at=datetime.now(UTC))
    sizes = [path.stat().st_size for path in tmp_path.iterdir()]
    assert len(sizes) == 2
    assert max(sizes) <= 1000


async def test_of_a_half_published_upload_the_rest_fails_and_all_that_waits(
    tmp_path: Path,
) -> None:
    async with world(tmp_path, most_items=3) as this:
        this.gateway.answers = [
            lambda items: (503, taken(items, waiting=[1]), {"Retry-After": "7"})
        ]
        outcomes = await this.send(*range(5))
        assert [type(each) for each in outcomes] == [
            type(None),
            BrokerUnavailableError,
            type(None),
            BrokerUnavailableError,  # behind it: nothing overtakes what is to be sent again
            BrokerUnavailableError,
        ]
        assert len(this.gateway.uploads) == 1
        this.clock.by_s = 6
        assert isinstance((await this.send(9))[0], BrokerUnavailableError), "it said 7 s"
        assert len(this.gateway.uploads) == 1
        this.clock.by_s = 9
        assert await this.send(9) == [None]


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_key_is_tried_again_slowly(tmp_path: Path, status: int) -> None:
    async with world(tmp_path) as this:
        answer = {"success": False, "error": "Invalid API key"}
        this.gateway.answers = [lambda _: (status, answer, {})]
        [outcome] = await this.send(1)
        assert isinstance(outcome, BrokerUnavailableError)
        assert "Invalid API key" in str(outcome)
        assert KEY not in str(outcome)
        this.clock.by_s = 59
        assert isinstance((await this.send(1))[0], BrokerUnavailableError)
        assert len(this.gateway.uploads) == 1
        this.clock.by_s = 76
        assert await this.send(1) == [None]


async def test_too_large_a_batch_is_halved_until_it_fits_and_the_one_at_fault_is_refused(
    tmp_path: Path,
) -> None:
    came: list[int] = []

    def choke(items: list[Any]) -> Answer:
        events = [item["event"] for item in items]
        if len(events) > 4 or 6 in events:
            return 413, {"success": False, "error": "at most 4 items"}, {}
        came.extend(events)
        return 200, taken(items), {}

    async with world(tmp_path) as this:
        this.gateway.answers = [choke] * 50
        outcomes = await this.send(*range(10))
        assert [number for number, each in enumerate(outcomes) if each is not None] == [6]
        assert isinstance(outcomes[6], RecordRefusedError)
    assert came == [0, 1, 2, 3, 4, 5, 7, 8, 9]


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (200, "<html>Log in to the hotel's network</html>"),
        (200, {"success": True}),
        (200, {"success": True, "data": taken([1, 2])["data"]}),
        (302, ""),
        (404, "not found"),
        (502, "bad gateway"),
        (500, {"success": False, "error": "boom"}),
    ],
)
async def test_what_is_no_answer_of_the_gateway_publishes_nothing(
    tmp_path: Path, status: int, said: Any
) -> None:
    async with world(tmp_path) as this:
        this.gateway.answers = [lambda _: (status, said, {})]
        [outcome] = await this.send(1)
        assert isinstance(outcome, BrokerUnavailableError)


async def test_a_gateway_that_hangs_or_is_away_fails_the_send_in_time(tmp_path: Path) -> None:
    async with world(tmp_path, deadline_s=0.2) as this:
        this.gateway.takes_s = 1.0
        [outcome] = await this.send(1)
        assert isinstance(outcome, BrokerUnavailableError)
        assert "0.2 s" in str(outcome)
    async with world(tmp_path, gateway="http://127.0.0.1:1") as this:
        [outcome] = await this.send(1)
        assert isinstance(outcome, BrokerUnavailableError)
        assert "ConnectError" in str(outcome)


async def test_what_comes_at_the_moment_of_a_failure_does_not_pass_what_failed(
    tmp_path: Path,
) -> None:
    async with world(tmp_path, deadline_s=0.2) as this:
        this.gateway.takes_s = 1.0
        [first] = await this.send(1)
        this.gateway.takes_s = 0.01
        [second] = await this.send(2)
        assert isinstance(first, BrokerUnavailableError)
        assert isinstance(second, BrokerUnavailableError)
        this.clock.by_s += 1
        assert await this.send(1, 2) == [None, None]
        assert [2] not in this.gateway.published


async def test_who_gives_up_waiting_is_not_uploaded(tmp_path: Path) -> None:
    async with world(tmp_path, linger_s=0.2) as this:
        sending = asyncio.ensure_future(this.send(1))
        await asyncio.sleep(0.05)
        sending.cancel()
        await asyncio.wait([sending])
        assert await this.send(2) == [None]
        assert this.gateway.uploads == [[2]]
