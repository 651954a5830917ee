"""Runs an app on uvicorn inside a service that owns its signals and its ending."""

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager

import structlog
import uvicorn
from starlette.types import ASGIApp

from api_gateway.adapters.http.patience import Patience
from api_gateway.adapters.stream.wire import Wire
from api_gateway.domain.stream.requests import MAX_MESSAGE_BYTES
from minestream_runtime.errors import ConfigurationError


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the runtime."""
        yield


async def serve(app: ASGIApp, *, host: str, port: int) -> None:
    """Answer requests until cancelled; then let those under way end.

    Args:
        app: what answers.
        host: where to listen.
        port: 0 takes any free one; the log says which.

    Raises:
        ConfigurationError: the address is taken or not ours.
    """
    config = uvicorn.Config(
        app,
        http=Patience,
        ws=Wire,
        ws_max_size=MAX_MESSAGE_BYTES,
        ws_ping_interval=None,  # the hub's heartbeats ask for a sign of life
        ws_per_message_deflate=False,  # one frame for all clients; 300 KB of memory for each less
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
    )
    with closing(listen(host, port)) as listener:
        server = _Server(config)
        serving = asyncio.ensure_future(server.serve(sockets=[listener]))
        structlog.get_logger().info("gateway_listening", host=host, port=listener.getsockname()[1])
        try:
            await asyncio.shield(serving)
        finally:
            server.should_exit = True
            await serving


def listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    Args:
        host: an address or name; one with a colon is IPv6.
        port: 0 takes any free one.

    Raises:
        ConfigurationError: the address is taken or not ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # named protocol: asyncio turns Nagle's algorithm off only where it stands (40 ms an answer)
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(1024)
    except OSError as exc:
        listener.close()
        raise ConfigurationError(
            f"cannot listen on {host}:{port} ({exc.strerror}): "
            "set MINESTREAM_GATEWAY_HOST or MINESTREAM_GATEWAY_PORT"
        ) from exc
    return listener
