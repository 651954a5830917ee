"""Traces to a backend, OTLP over HTTP; one that is away costs spans and one line of the log."""

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import requests  # noqa: TID251 - the client of OpenTelemetry's exporter, in its thread
import structlog
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

_TIMEOUT_S: Final = 3.0


class EndpointExporter(SpanExporter):
    """Sends spans; says once that they do not arrive, and once that they do again.

    Used by one thread at a time. What is not sent after 3 s is lost: telemetry does not wait.

    Args:
        endpoint: ``http://host:4318``; its user and password stay out of the log.
    """

    def __init__(self, endpoint: str) -> None:
        self._session = _Session()
        self._inner = OTLPSpanExporter(
            endpoint=endpoint.rstrip("/") + "/v1/traces",
            timeout=_TIMEOUT_S,
            session=self._session,
        )
        parts = urlsplit(endpoint)
        self._where = f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
        self._lost = 0
        self._shut = False

    @property
    def failing(self) -> bool:
        """Did the last try fail?"""
        return self._lost > 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send spans."""
        if self._shut:
            return SpanExportResult.FAILURE
        result = self._inner.export(spans)
        log = structlog.get_logger()
        if result is SpanExportResult.SUCCESS:
            if self._lost:
                log.info("traces_arrive_again", endpoint=self._where, spans_lost=self._lost)
            self._lost = 0
            return result
        if not self._lost:
            log.warning("traces_do_not_arrive", endpoint=self._where, error=self._session.outcome)
        self._lost += len(spans)
        return result

    def shutdown(self) -> None:
        """Give up what is being tried again, and try nothing more."""
        if self._shut:
            return
        self._shut = True
        self._inner.shutdown()  # type: ignore[no-untyped-call] # OpenTelemetry's lacks its types


class _Session(requests.Session):
    """Remembers how the last request ended: the exporter itself does not always say."""

    outcome = "not tried"

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        try:
            response = super().request(*args, **kwargs)
        except requests.RequestException as exc:
            self.outcome = type(exc).__name__
            raise
        self.outcome = f"HTTP {response.status_code}"
        return response
