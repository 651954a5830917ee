"""Around every request: its id, its duration by route, and the most that a query may be long."""

import re
import secrets
from typing import Final

import structlog
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api_gateway.adapters.http.problems import problem
from minestream_runtime.clock import Clock
from minestream_runtime.metrics import histogram

_HEADER: Final = "X-Request-Id"
_ACCEPTED: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_MAX_QUERY_BYTES: Final = 4096
_NO_ROUTE: Final = "(none)"


class Observed:
    """ASGI middleware; see the module.

    Args:
        app: what answers.
        clock: measures.
    """

    def __init__(self, app: ASGIApp, clock: Clock) -> None:
        self._app = app
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        given = request.headers.get(_HEADER, "")
        request_id = given if _ACCEPTED.fullmatch(given) else secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = request_id
        began, status = self._clock.monotonic(), 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[_HEADER] = request_id
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                if len(scope["query_string"]) > _MAX_QUERY_BYTES:
                    answer = problem(request, 414, f"at most {_MAX_QUERY_BYTES} bytes")
                    await answer(scope, receive, noting)
                else:
                    await self._app(scope, receive, noting)
            finally:
                route = getattr(scope.get("route"), "path", _NO_ROUTE)
                histogram("minestream_http_request_seconds").labels(route, str(status)).observe(
                    self._clock.monotonic() - began
                )
