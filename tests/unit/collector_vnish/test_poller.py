"""One poll against a small web server: what is asked, when it stops, what it may tell."""

# ruff: noqa: S105, S106 - secrets of miners that live for one test

import asyncio
import errno
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Never

import msgspec
import pytest
from aiohttp import web
from cryptography.fernet import Fernet

from collector_vnish.adapters.vnish import Vnish
from collector_vnish.settings import VnishSettings
from minestream_runtime import semconv, traces
from minestream_runtime.clock import SystemClock
from minestream_runtime.collecting.family import Miner as Asked
from minestream_runtime.collecting.fleet import Fleet
from minestream_runtime.collecting.owners import Owner
from minestream_runtime.collecting.poller import Poller
from minestream_runtime.devices.http import device_session
from minestream_runtime.sealing import Sealer
from minestream_runtime.settings import Settings
from minestream_schemas.inventory import InventoryEntry
from minestream_schemas.raw import PollStatus, RawMiner

PASSWORD = "open-sesame"
Handler = Callable[[web.BaseRequest], web.Response]
SETTINGS = {"miner": {"pools": [{"url": "p:1", "user": "u", "pass": "hunter2,n=rig-7"}]}}


@dataclass
class Miner:
    """A miner of a test: canned answers, and what it was asked."""

    firmware: str = "1.2.7"
    answers: dict[str, Handler] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    token: str = "t-1"
    address: str = ""

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.path.removeprefix("/api/v1/")
        self.asked.append(path)
        if path in self.answers:
            return self.answers[path](request)
        if path == "unlock":
            right = (await request.json()) == {"pw": PASSWORD}
            return web.json_response({"token": self.token}) if right else web.Response(status=403)
        if path == "settings":
            allowed = request.headers.get("Authorization") == f"Bearer {self.token}"
            return web.json_response(SETTINGS) if allowed else web.Response(status=401)
        bodies = {
            "summary": {"miner": {"hr_realtime": 1.0}},
            "info": {"fw_name": "Vnish", "fw_version": self.firmware},
            "status": {"miner_state": "mining"},
            "perf-summary": {"current_preset": None},
            "chips": {"chains": []},
            "boards": [],
        }
        return web.json_response(bodies[path]) if path in bodies else web.Response(status=404)


class Held(SystemClock):
    """The machine's clock, whose seconds a test moves on."""

    at_s = 1000.0

    def monotonic(self) -> float:
        return self.at_s


@asynccontextmanager
async def polling(
    miner: Miner,
    *,
    password: str | None = None,
    deadline_s: float = 1.0,
    clock: SystemClock | None = None,
) -> AsyncIterator[Callable[[], "asyncio.Future[RawMiner]"]]:
    clock = clock or SystemClock()
    settings = VnishSettings(kafka_bootstrap="127.0.0.1:1", poll_deadline_s=deadline_s)
    sealer = Sealer([Fernet.generate_key()])
    server = web.Server(miner.handle)
    runner = web.ServerRunner(server, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    miner.address = f"127.0.0.1:{runner.addresses[0][1]}"
    entry = InventoryEntry(
        miner_id="m-1",
        site_id="site",
        address=miner.address,
        dialect="vnish",
        sealed=sealer.seal({"password": password}, miner_id="m-1") if password else None,
    )
    async with device_session() as session:
        owner = Owner([Vnish(session, clock, deadline_s=deadline_s)])
        fleet = Fleet(
            settings,
            sealer,
            owner.claim,
            add=lambda *_: None,
            remove=lambda _: None,
            clock=clock,
        )
        fleet.there("m-1", entry)
        poller = Poller(fleet, clock, collector_id="collector-vnish-0")

        async def once() -> RawMiner:
            polled = await poller.poll("m-1")
            assert polled.event is not None
            assert msgspec.json.decode(polled.event.memo)["miner"] == "m-1"
            assert PASSWORD.encode() not in polled.event.value
            assert b"hunter2" not in polled.event.value
            return RawMiner.from_json(polled.event.value)

        yield lambda: asyncio.ensure_future(once())
    await runner.cleanup()


async def test_the_first_poll_asks_everything_and_the_second_only_the_summary() -> None:
    miner = Miner()
    async with polling(miner) as poll:
        first = await poll()
        assert miner.asked == ["summary", "info", "status", "perf-summary", "chips"]
        assert (first.status, first.firmware) == (PollStatus.OK, "1.2.7")
        miner.asked.clear()
        second = await poll()
        assert miner.asked == ["summary"]
        assert {"info", "status", "perf-summary", "summary"} == second.endpoints.keys()


async def test_what_fails_three_times_is_left_alone_for_30_s_and_then_for_60() -> None:
    clock, ill = Held(), "perf-summary"
    miner = Miner(answers={ill: lambda _: web.Response(status=500)})
    async with polling(miner, clock=clock) as poll:
        for asked in (1, 2, 3, 3):
            assert (await poll()).status is PollStatus.PARTIAL
            assert miner.asked.count(ill) == asked
        for rest_s, asked in ((29.9, 3), (0.1, 4), (59.9, 4), (0.1, 5)):
            clock.at_s += rest_s
            await poll()
            assert miner.asked.count(ill) == asked


async def test_a_firmware_of_1_3_is_asked_for_boards() -> None:
    miner = Miner(firmware="1.3.3")
    async with polling(miner) as poll:
        assert "boards" in (await poll()).endpoints
    assert "chips" not in miner.asked


async def test_an_old_firmware_without_chips_is_asked_for_boards_in_the_same_poll() -> None:
    miner = Miner(answers={"chips": lambda _: web.Response(status=404)})
    async with polling(miner) as poll:
        event = await poll()
    assert event.status is PollStatus.OK
    assert event.endpoints["boards"].status is PollStatus.OK


async def test_settings_are_unlocked_once_and_published_masked() -> None:
    miner = Miner()
    async with polling(miner, password=PASSWORD) as poll:
        event = await poll()
    assert miner.asked[-2:] == ["unlock", "settings"]
    told = msgspec.json.decode(event.endpoints["settings"].body or "")
    assert told["miner"]["pools"][0] == {"url": "p:1", "user": "u", "pass": "n=rig-7"}


async def test_a_token_serves_until_it_ends_and_is_then_replaced() -> None:
    miner = Miner()
    async with polling(miner), device_session() as session:
        family = Vnish(session, SystemClock(), deadline_s=1.0)
        sealed = Sealer([Fernet.generate_key()]).seal({"password": PASSWORD}, miner_id="m-1")
        entry = InventoryEntry(miner_id="m-1", site_id="site", address=miner.address, sealed=sealed)
        asked = Asked(entry, family, miner.address, None, {"password": PASSWORD}, 60.0)

        async def ask() -> object:
            answer = await family.ask(asked, "settings", 1.0)
            assert answer.body.status is PollStatus.OK
            return asked.session

        assert await ask() == "t-1"
        assert await ask() == "t-1"
        assert miner.asked == ["unlock", "settings", "settings"]
        miner.token = "t-2"
        assert await ask() == "t-2"
        assert miner.asked[3:] == ["settings", "unlock", "settings"]


async def test_after_a_restart_the_settings_are_read_at_once() -> None:
    since_s = iter([900, 960, 5])

    def summary(_: web.BaseRequest) -> web.Response:
        status = {"miner_state": "mining", "miner_state_time": next(since_s)}
        return web.json_response({"miner": {"miner_status": status}})

    miner = Miner(answers={"summary": summary})
    async with polling(miner, password=PASSWORD) as poll:
        await poll()
        miner.asked.clear()
        await poll()
        assert miner.asked == ["summary"]
        event = await poll()
    assert miner.asked == ["summary", "summary", "info", "settings"]
    assert event.endpoints["settings"].status is PollStatus.OK


async def test_a_wrong_password_is_told_once_and_not_tried_again() -> None:
    miner = Miner()
    async with polling(miner, password="wrong") as poll:
        first, second = await poll(), await poll()
    assert (first.status, second.status) == (PollStatus.UNAUTHORISED, PollStatus.OK)
    assert miner.asked.count("unlock") == 1
    assert "wrong" not in first.to_json().decode()


async def test_settings_that_cannot_be_read_are_not_published_at_all() -> None:
    miner = Miner(answers={"settings": lambda _: web.Response(text='{"pass": "hunter2"')})
    async with polling(miner, password=PASSWORD) as poll:
        event = await poll()
    assert event.endpoints["settings"].status is PollStatus.GARBAGE
    assert event.endpoints["settings"].body is None
    assert event.status is PollStatus.PARTIAL


@pytest.mark.parametrize(
    ("firmware", "told"),
    [('"1.2.7\\ud800"', "1.2.7"), ('"1.2\\u0000"', "1.2"), (f'"{"1" * 900_000}"', "1" * 256)],
)
async def test_no_word_for_its_firmware_costs_a_miner_its_poll(firmware: str, told: str) -> None:
    info = f'{{"fw_name": "Vnish", "fw_version": {firmware}}}'
    miner = Miner(answers={"info": lambda _: web.Response(text=info)})
    async with polling(miner) as poll:
        assert (await poll()).firmware == told


@pytest.mark.parametrize(
    ("settings", "status"),
    [
        ('{"pass": "hunter2", "host": "\\ud800"}', PollStatus.OK),
        ('{"a":' * 900 + '{"pass": "hunter2"}' + "}" * 900, PollStatus.GARBAGE),
    ],
)
async def test_no_settings_cost_a_miner_its_poll(settings: str, status: PollStatus) -> None:
    miner = Miner(answers={"settings": lambda _: web.Response(text=settings)})
    async with polling(miner, password=PASSWORD) as poll:
        event = await poll()
    body = event.endpoints["settings"]
    assert (body.status, body.body is not None) == (status, status is PollStatus.OK)
    assert event.endpoints["summary"].status is PollStatus.OK


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"<html>login</html>", PollStatus.GARBAGE),
        (b"", PollStatus.GARBAGE),
        (b"\xff\xfe\x00", PollStatus.GARBAGE),
        (b'{"miner": {"a": 1}', PollStatus.GARBAGE),
        (b'{"STATUS": "E"}', PollStatus.GARBAGE),
        (b'{"miner": {"a": 1,}}\x00', PollStatus.OK),
        (b"[" * 5000, PollStatus.GARBAGE),
        ("ü".encode() * 5000, PollStatus.GARBAGE),
    ],
)
async def test_bodies_are_kept_as_they_came(body: bytes, status: PollStatus) -> None:
    miner = Miner(answers={"summary": lambda _: web.Response(body=body)})
    async with polling(miner) as poll:
        event = await poll()
    summary = event.endpoints["summary"]
    assert (event.status, summary.status) == (status, status)
    kept = summary.body or ""
    if summary.encoding == "base64":
        assert msgspec.json.decode(f'"{kept}"', type=bytes) == body[:4096]
    else:
        assert kept.encode() == body[: len(kept.encode())]
    if status is PollStatus.OK:
        assert kept.encode() == body


async def test_a_poll_stops_at_the_first_timeout_after_the_summary() -> None:
    miner = Miner()

    async def hang(request: web.BaseRequest) -> web.StreamResponse:
        if request.path.endswith("/info"):
            await asyncio.sleep(60)
        return await Miner.handle(miner, request)

    miner.handle = hang  # type: ignore[method-assign]
    async with polling(miner, deadline_s=0.3) as poll:
        event = await poll()
    assert miner.asked == ["summary"]
    assert event.status is PollStatus.PARTIAL
    assert event.endpoints["summary"].status is PollStatus.OK
    assert "no time left" in (event.error or "")


def spans(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "svc-0.jsonl").read_text().splitlines()]


async def test_a_poll_is_a_trace_named_after_its_event_with_a_span_per_request(
    tmp_path: Path,
) -> None:
    miner = Miner(answers={"chips": lambda _: web.Response(status=500)})
    settings = Settings(trace_folder=tmp_path, trace_ratio=1)
    with traces.configured("svc", settings):
        async with polling(miner, password=PASSWORD) as poll:
            event = await poll()
    *gets, root = spans(tmp_path)
    assert (root["name"], root["parent_id"]) == ("poll miner", None)
    asked = [path for path in miner.asked if path != "unlock"]
    assert [span["name"] for span in gets] == [f"GET {path}" for path in asked]
    assert {span["parent_id"] for span in gets} == {root["span_id"]}
    for span in (root, *gets):
        assert span["trace_id"] == event.event_id.hex
        assert span["attributes"][semconv.EVENT_ID] == str(event.event_id)
        assert span["attributes"][semconv.MINER_ID] == "m-1"
    assert root["attributes"][semconv.POLL_STATUS] == "partial"
    failed = next(span for span in gets if span["name"] == "GET chips")
    assert (failed["error"], failed["attributes"][semconv.HTTP_STATUS]) == ("HTTP 500", 500)
    told = (tmp_path / "svc-0.jsonl").read_text()
    for secret in (PASSWORD, miner.token, "hunter2", "hr_realtime"):
        assert secret not in told


async def test_what_this_machine_cannot_do_leaves_a_trace_of_every_poll(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> Never:
        raise OSError(errno.EMFILE, "too many open files")

    with traces.configured("svc", Settings(trace_folder=tmp_path, trace_ratio=0)):
        async with polling(Miner()) as poll:
            with monkeypatch.context() as patch:
                patch.setattr("socket.socket", refuse)
                with pytest.raises(AssertionError):  # there is no event
                    await poll()
    (span,) = spans(tmp_path)
    assert (span["name"], span["attributes"][semconv.ERROR_TYPE]) == (
        "ask miner",
        "poll_impossible",
    )
    assert span["trace_id"] == span["attributes"][semconv.EVENT_ID].replace("-", "")
