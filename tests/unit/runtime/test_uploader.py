"""The uploader against a gateway of a test, over real HTTP."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import web
from pydantic import SecretStr

from minestream_runtime.clock import SystemClock
from minestream_runtime.edge.dead_letters import DeadLetters
from minestream_runtime.edge.uploader import Uploader
from minestream_runtime.errors import BrokerUnavailableError, RecordRefusedError
from minestream_schemas.gap import GAP
from minestream_schemas.upload import KEY_HEADER, UPLOAD_PATH

KEY = "hsc_" + "k" * 40
Answer = tuple[int, Any, dict[str, str]]


def taken(items: list[Any], *, refused: Any = (), waiting: Any = ()) -> dict[str, Any]:
    processed = len(items) - len(refused) - len(waiting)
    return {
        "success": not waiting,
        "data": {
            "processed": processed,
            "online": 0,
            "offline": 0,
            "processing_time_ms": 1,
            "refused": list(refused),
            "waiting": list(waiting),
        },
    }


@dataclass
class Gateway:
    """Takes everything, unless told otherwise."""

    answers: list[Callable[[list[Any]], Answer]] = field(default_factory=list)
    uploads: list[list[Any]] = field(default_factory=list)
    published: list[list[Any]] = field(default_factory=list)
    takes_s: float = 0.01
    under_way: int = 0
    most_under_way: int = 0
    takes_each_s: float = 0.0
    key: str = KEY
    cuts: list[str] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        assert request.headers[KEY_HEADER] == self.key
        assert request.headers["Content-Encoding"] == "gzip"
        # aiohttp has unpacked the body already
        body = await request.read()
        items = json.loads(gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        await asyncio.sleep(self.takes_s + self.takes_each_s * len(items))
        self.under_way -= 1
        self.uploads.append([item["event"] for item in items])
        status, said, headers = (
            self.answers.pop(0)(items) if self.answers else (200, taken(items), {})
        )
        if isinstance(said, dict) and "data" in said:
            left = {*said["data"]["waiting"], *(each["index"] for each in said["data"]["refused"])}
            events = self.uploads[-1]
            self.published.append([e for place, e in enumerate(events) if place not in left])
        if self.cuts:
            return await self.cut_short(request, json.dumps(said).encode(), self.cuts.pop(0))
        if isinstance(said, str):
            return web.Response(text=said, status=status, headers=headers)
        return web.json_response(said, status=status, headers=headers)

    @staticmethod
    async def cut_short(request: web.Request, said: bytes, where: str) -> web.Response:
        """It was taken, but the line breaks before or within the answer."""
        assert request.transport is not None
        if where == "within":
            response = web.StreamResponse(headers={"Content-Length": str(len(said))})
            await response.prepare(request)
            await response.write(said[: len(said) // 2])
        request.transport.close()
        return web.Response()


@dataclass
class Ahead(SystemClock):
    """The machine's clock, and what a test adds."""

    by_s: float = 0.0
    wall_by_s: float = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.wall_by_s)

    def monotonic(self) -> float:
        return super().monotonic() + self.by_s


@dataclass
class World:
    gateway: Gateway
    uploader: Uploader
    clock: Ahead
    refused: Path

    async def send(self, *events: Any, **headers: str) -> list[Any]:
        """Hand events over at once; what became of each."""
        carried = tuple((name, value.encode()) for name, value in headers.items())
        return await asyncio.gather(
            *(
                self.uploader.send(GAP, key=b"k", value=json.dumps(event).encode(), headers=carried)
                for event in events
            ),
            return_exceptions=True,
        )


@asynccontextmanager
async def world(folder: Path, *, gateway: str | None = None, **limits: Any) -> AsyncIterator[World]:
    there, clock = Gateway(), Ahead()
    app = web.Application(client_max_size=1 << 26)
    app.add_routes([web.post(UPLOAD_PATH, there.take)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    given: dict[str, Any] = {"linger_s": 0.02, "deadline_s": 2} | limits
    try:
        async with httpx.AsyncClient() as http:
            uploader = Uploader(
                http,
                gateway or f"http://{host}:{port}/",
                SecretStr(KEY),
                clock,
                DeadLetters(folder / "refused.jsonl", most_bytes=2000),
                **given,
            )
            running = asyncio.ensure_future(uploader.run())
            yield World(there, uploader, clock, folder / "refused.jsonl")
            running.cancel()
            await asyncio.wait([running])
    finally:
        await runner.cleanup()


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
    def choke(items: list[Any]) -> Answer:
        events = [item["event"] for item in items]
        if len(events) > 4 or 6 in events:
            return 413, {"success": False, "error": "at most 4 items"}, {}
        return 200, taken(items), {}

    async with world(tmp_path) as this:
        this.gateway.answers = [choke] * 50
        outcomes = await this.send(*range(10))
        assert [number for number, each in enumerate(outcomes) if each is not None] == [6]
        assert isinstance(outcomes[6], RecordRefusedError)


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
