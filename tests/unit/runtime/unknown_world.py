"""A host that answers what a test wants, over HTTP and by commands at one port; and who asks it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

from minestream_runtime.clock import SystemClock
from minestream_runtime.devices.cgminer import CgminerClient
from minestream_runtime.devices.http import device_session
from minestream_runtime.discovery.probing import Prober, Transport


@dataclass(frozen=True)
class Question:
    name: str
    transport: Transport
    ports: tuple[int, ...]
    question: str
    auth: Literal["none", "digest", "basic"] = "none"


@dataclass(frozen=True)
class Somebody:
    family: str
    transport: Transport
    evidence: str
    model: str | None = None
    firmware: str | None = None
    locked: bool = False


STEPS = (
    Question("info", "http", (80, 443), "/info"),
    Question("stats", "http", (80, 443), "/stats"),
    Question("stats-digest", "http", (80, 443), "/stats", "digest"),
    Question("4028-stats", "tcp", (4028,), "stats"),
    Question("4028-version", "tcp", (4028,), "version"),
)


def recognise(
    step: Question,
    body: bytes,
    *,
    http_status: int | None = None,
    headers: Mapping[str, str] | None = None,
) -> Somebody | None:
    if (
        http_status == 401
        and step.auth == "none"
        and "known" in (headers or {})["WWW-Authenticate"]
    ):
        return Somebody("behind", "http", "its realm", locked=True)
    told = body.decode(errors="replace").strip("\0\n ")
    return Somebody(told[4:], step.transport, step.name) if told.startswith("I'm") else None


@dataclass
class Host:
    """One port that speaks HTTP and commands, as asked."""

    answers: dict[str, bytes | None] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    address: str = ""

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            start = await reader.read(2000)
            word = start.split(b" ")[1] if start.startswith(b"GET") else start.split(b'"')[3]
            self.asked.append(word.decode() + ("+" if b"Authorization" in start else ""))
            answer = self.answers.get(word.decode(), b"HTTP/1.1 404 x\r\nContent-Length: 0\r\n\r\n")
            if answer is None:
                await asyncio.sleep(60)
            writer.write(answer or b"")
            await writer.drain()
        finally:
            writer.close()


@asynccontextmanager
async def host(**answers: bytes | None) -> AsyncIterator[Host]:
    this = Host({name.replace("_", "/"): answer for name, answer in answers.items()})
    server = await asyncio.start_server(this.talk, "127.0.0.1", 0)
    this.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield this


@asynccontextmanager
async def prober(*, deadline_s: float = 0.4) -> AsyncIterator[Prober]:
    async with device_session() as session:
        yield Prober(
            session,
            CgminerClient(),
            SystemClock(),
            steps=STEPS,
            recognise=recognise,
            deadline_s=deadline_s,
        )


def page(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


REFUSAL = b'HTTP/1.1 401 x\r\nWWW-Authenticate: Digest realm="%s", nonce="n"\r\n\r\n'
