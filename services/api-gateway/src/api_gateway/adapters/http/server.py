"""Runs an app on uvicorn inside a service that owns its signals and its ending."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager

import structlog
import uvicorn
from starlette.types import ASGIApp

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
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
    )
    with closing(_listening(host, port)) as listener:
        server = _Server(config)
        serving = asyncio.ensure_future(server.serve(sockets=[listener]))
        structlog.get_logger().info("gateway_listening", host=host, port=listener.getsockname()[1])
        try:
            await asyncio.shield(serving)
        finally:
            server.should_exit = True
            await serving


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as exc:
        raise ConfigurationError(
            f"cannot listen on {host}:{port} ({exc.strerror}): "
            "set MINESTREAM_GATEWAY_HOST or MINESTREAM_GATEWAY_PORT"
        ) from exc
