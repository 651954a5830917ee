"""Traces over OTLP: they arrive whole; an endpoint that is away, slow or broken costs only them."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psutil
import pytest
import structlog
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from minestream_runtime import semconv, traces
from minestream_runtime.clock import SystemClock, new_event_id
from minestream_runtime.settings import Settings
from minestream_runtime.traces import endpoint as trace_endpoint
from minestream_runtime.traces import spans
from minestream_runtime.traces.files import spans_of


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spans are sent after a moment, and given up soon, so that nobody waits for them."""
    monkeypatch.setattr(spans, "_SEND_EVERY_S", 0.05)
    monkeypatch.setattr(trace_endpoint, "_TIMEOUT_S", 0.9)


Answer = Callable[[BaseHTTPRequestHandler], None]


class Backend(ThreadingHTTPServer):
    """An OTLP endpoint that answers as told and keeps what it was sent."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.requests: list[ExportTraceServiceRequest] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    def names(self) -> list[str]:
        return [
            span.name
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


class _Handler(BaseHTTPRequestHandler):
    server: Backend

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert self.path == "/v1/traces"
        self.server.requests.append(ExportTraceServiceRequest.FromString(body))
        self.server.answer(self)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Nothing: the test says what matters."""


def status(code: int) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


def never(_: BaseHTTPRequestHandler) -> None:
    time.sleep(30)


def drip(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    for _ in range(300):
        try:
            handler.wfile.write(b".")
        except OSError:
            return
        time.sleep(0.1)


@pytest.fixture
def backend() -> Iterator[Callable[[Answer], Backend]]:
    started: list[Backend] = []

    def start(answer: Answer) -> Backend:
        server = Backend(answer)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        started.append(server)
        return server

    yield start
    for server in started:
        server.shutdown()
        server.server_close()


@pytest.fixture
def said() -> Iterator[list[Any]]:
    """What is logged, from any thread."""
    with structlog.testing.capture_logs() as lines:
        yield lines


def settings_of(server: Backend, **more: Any) -> Settings:
    return Settings(otlp_endpoint=f"http://127.0.0.1:{server.server_port}/", trace_ratio=1, **more)


def poll() -> None:
    with traces.root("poll miner", new_event_id(SystemClock().now())):
        pass


def _reached(server: Backend, number: int) -> bool:
    return len(server.requests) >= number


def eventually(holds: Callable[[], bool], *, within_s: float = 15) -> None:
    deadline_s = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline_s
        time.sleep(0.02)


def test_a_trace_arrives_with_its_ids_its_service_and_its_attributes(
    backend: Callable[[Answer], Backend], said: list[Any]
) -> None:
    server = backend(status(200))
    event_id = new_event_id(SystemClock().now())
    with (
        traces.configured("svc", settings_of(server, instance="7")),
        traces.root("poll miner", event_id, attributes={semconv.MINER_ID: "m-1"}) as span,
    ):
        headers = dict(traces.headers_of(span))
        with traces.child("send", traces.sampled(headers)):
            pass
    (request,) = server.requests
    (resource,) = request.resource_spans
    named = {each.key: each.value.string_value for each in resource.resource.attributes}
    assert named["service.name"] == "svc"
    assert named["service.instance.id"] == "7"
    send, root = resource.scope_spans[0].spans
    assert root.trace_id == send.trace_id == event_id.bytes
    assert (root.parent_span_id, send.parent_span_id) == (b"", root.span_id)
    assert {each.key: each.value.string_value for each in root.attributes} == {
        semconv.MINER_ID: "m-1"
    }
    assert said == []


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (status(500), "HTTP 500"),
        (status(503), "HTTP 503"),
        (status(401), "HTTP 401"),
        (never, "Timeout"),
    ],
    ids=["500", "503", "401", "never"],
)
def test_an_endpoint_that_does_not_take_them_is_told_once_and_holds_nothing_up(
    backend: Callable[[Answer], Backend],
    said: list[Any],
    monkeypatch: pytest.MonkeyPatch,
    answer: Answer,
    reason: str,
) -> None:
    monkeypatch.setattr(trace_endpoint, "_TIMEOUT_S", 0.3)
    server = backend(answer)
    with traces.configured("svc", settings_of(server)):
        for number in range(1, 3):
            began_s = time.monotonic()
            for _ in range(500):
                poll()
            assert time.monotonic() - began_s < 5
            eventually(partial(_reached, server, number))
    assert [line["event"] for line in said] == ["traces_do_not_arrive"]
    assert reason in said[0]["error"]
    assert said[0]["endpoint"] == f"127.0.0.1:{server.server_port}"


def test_spans_for_a_dead_endpoint_take_bounded_memory_and_no_time(
    said: list[Any], tmp_path: Path
) -> None:
    settings = Settings(
        otlp_endpoint="http://user:s3cret@127.0.0.1:9", trace_folder=tmp_path, trace_ratio=1
    )
    this = psutil.Process()
    last = new_event_id(SystemClock().now())
    began_s = time.monotonic()
    with traces.configured("svc", settings):
        for _ in range(3000):
            poll()
        before = this.memory_info().rss
        for _ in range(12_000):
            poll()
        grown = this.memory_info().rss - before
        with traces.root("poll miner", last):
            pass
    assert grown < 30 * 1024 * 1024
    assert time.monotonic() - began_s < 60
    assert [line["event"] for line in said] == ["traces_do_not_arrive"]
    assert "s3cret" not in str(said)
    assert len(spans_of(tmp_path, last.hex)) == 1  # what goes to the file is none the worse


def test_an_endpoint_that_drips_its_answer_does_not_hold_up_the_end(
    backend: Callable[[Answer], Backend], said: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spans, "_END_S", 0.5)
    server = backend(drip)
    with traces.configured("svc", settings_of(server)):
        poll()
        eventually(lambda: len(server.requests) == 1)
        began_s = time.monotonic()
    assert time.monotonic() - began_s < 3
    assert said == []


def test_an_endpoint_that_comes_back_is_told_with_what_was_lost(
    backend: Callable[[Answer], Backend], said: list[Any]
) -> None:
    server = backend(status(500))
    with traces.configured("svc", settings_of(server)):
        poll()
        eventually(lambda: len(said) == 1)
        server.answer = status(200)
        poll()
        eventually(lambda: len(said) == 2)
        server.answer = status(500)
        poll()
        eventually(lambda: len(said) == 3)
    events = [line["event"] for line in said]
    assert events == ["traces_do_not_arrive", "traces_arrive_again", "traces_do_not_arrive"]
    assert said[1]["spans_lost"] == 1


def test_many_threads_may_make_spans_at_once(
    backend: Callable[[Answer], Backend], said: list[Any]
) -> None:
    server = backend(status(200))
    with traces.configured("svc", settings_of(server)), ThreadPoolExecutor(8) as threads:
        for _ in threads.map(lambda _: poll(), range(400)):
            pass
    assert len(server.names()) == 400
    assert said == []
