"""A way to the database that can be cut."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit, urlunsplit


class Switch:
    """Cuts, freezes and mends the connections that run through a relay."""

    def __init__(self) -> None:
        self._open: set[asyncio.StreamWriter] = set()
        self._whole = True
        self._flows = asyncio.Event()
        self._flows.set()

    def cut(self) -> None:
        """Break all connections and refuse new ones."""
        self._whole = False
        for writer in self._open:
            writer.transport.abort()

    def freeze(self) -> None:
        """Keep all connections and carry nothing more, as a server that has frozen."""
        self._flows.clear()

    def mend(self) -> None:
        """Let new connections through, and what was frozen flow."""
        self._whole = True
        self._flows.set()

    async def join(
        self, near: tuple[asyncio.StreamReader, asyncio.StreamWriter], host: str, port: int
    ) -> None:
        """Carry one connection, both ways, until either side ends it."""
        if not self._whole:
            near[1].transport.abort()
            return
        far = await asyncio.open_connection(host, port)
        self._open |= {near[1], far[1]}
        await asyncio.gather(self._carry(near[0], far[1]), self._carry(far[0], near[1]))
        self._open -= {near[1], far[1]}

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                await self._flows.wait()
                writer.write(data)
                await writer.drain()
        writer.transport.abort()


@asynccontextmanager
async def relay(url: str) -> AsyncIterator[tuple[str, Switch]]:
    """A way to the database that can be cut: its address and the switch."""
    parts = urlsplit(url)
    switch = Switch()

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await switch.join((reader, writer), parts.hostname or "127.0.0.1", parts.port or 5432)

    server = await asyncio.start_server(meet, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    login = parts.netloc.rpartition("@")[0]
    try:
        yield urlunsplit(parts._replace(netloc=f"{login}@127.0.0.1:{port}")), switch
    finally:
        switch.cut()
        server.close()
        await asyncio.sleep(0.1)
