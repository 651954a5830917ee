"""Where spans arrive in these tests: a real OTLP endpoint that keeps them all."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1 import trace_pb2


@dataclass(frozen=True)
class Seen:
    """A span that arrived at the backend."""

    service: str
    span: trace_pb2.Span

    @property
    def attributes(self) -> dict[str, Any]:
        """By name, the values as Python has them."""
        return {
            each.key: getattr(each.value, each.value.WhichOneof("value"))
            for each in self.span.attributes
        }

    @property
    def failed(self) -> bool:
        """Is it about an error?"""
        return self.span.status.code == trace_pb2.Status.STATUS_CODE_ERROR


@dataclass
class Backend:
    """An OTLP endpoint that keeps all spans."""

    url: str = ""
    spans: list[Seen] = field(default_factory=list, repr=False)

    async def take(self, request: web.Request) -> web.Response:
        """``POST /v1/traces``."""
        sent = ExportTraceServiceRequest.FromString(await request.read())
        for resource in sent.resource_spans:
            named = {each.key: each.value.string_value for each in resource.resource.attributes}
            for scope in resource.scope_spans:
                self.spans += [Seen(named["service.name"], span) for span in scope.spans]
        body = ExportTraceServiceResponse().SerializeToString()
        return web.Response(body=body, content_type="application/x-protobuf")

    def by_trace(self) -> dict[bytes, list[Seen]]:
        """The spans of each trace."""
        found: dict[bytes, list[Seen]] = {}
        for seen in self.spans:
            found.setdefault(seen.span.trace_id, []).append(seen)
        return found


@contextlib.asynccontextmanager
async def listening() -> AsyncIterator[Backend]:
    """A backend, and where it is, while the block runs."""
    there = Backend()
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.add_routes([web.post("/v1/traces", there.take)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    there.url = f"http://{host}:{port}"
    try:
        yield there
    finally:
        await runner.cleanup()


def edges_of(spans: list[Seen]) -> set[tuple[str | None, str, str]]:
    """Parent's name, name, service."""
    names = {seen.span.span_id: seen.span.name for seen in spans}
    return {(names.get(seen.span.parent_span_id), seen.span.name, seen.service) for seen in spans}
