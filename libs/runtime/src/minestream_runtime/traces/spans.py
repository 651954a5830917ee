"""Traces: the way of one poll through all services, its context in the records' headers (W3C).

The id of a poll's trace *is* the id of its raw event, so a row leads to its trace and an event's
id is all that a search needs. A span is made only where its trace is sampled; what is not costs a
header that is handed on.
"""

import secrets
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from time import time_ns
from typing import Any, Final
from uuid import UUID

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import Link, NonRecordingSpan, Span, SpanContext, SpanKind, TraceFlags

from minestream_runtime import semconv
from minestream_runtime.errors import MinestreamError
from minestream_runtime.settings import Settings
from minestream_runtime.traces.endpoint import EndpointExporter
from minestream_runtime.traces.files import FileExporter

Headers = tuple[tuple[str, bytes], ...]
Carrier = Mapping[str, bytes] | Iterable[tuple[str, bytes]]
Attributes = Mapping[str, str | int | float | bool]

TRACEPARENT: Final = "traceparent"
_LENGTH: Final = 55
_RANDOM_BITS: Final = 56
"""The bits of a trace id that W3C calls random; those of a UUIDv7 are."""
_TEXT_LENGTH: Final = 500
_SEND_EVERY_S: Final = 1.0
_END_S: Final = 5.0
"""How long the end waits for what was not sent yet."""
_asked: ContextVar[int | None] = ContextVar("minestream_trace_id", default=None)


@contextmanager
def configured(service: str, settings: Settings) -> Iterator[None]:
    """Make spans and export them, until the context ends; what waits then is still sent.

    Without an endpoint and a folder no span is kept, and none is made.

    Args:
        service: as its topics and group call it.
        settings: where to (``otlp_endpoint``, ``trace_folder``) and how many (``trace_ratio``).
    """
    exporters: list[SpanExporter] = []
    endpoint: EndpointExporter | None = None
    if settings.trace_folder is not None:
        file = settings.trace_folder / f"{service}-{settings.instance}.jsonl"
        exporters.append(FileExporter(file))
    if settings.otlp_endpoint is not None:
        endpoint = EndpointExporter(settings.otlp_endpoint)
        exporters.append(endpoint)
    provider = TracerProvider(
        sampler=PollSampler(settings.trace_ratio if exporters else 0.0),
        resource=Resource.create(
            {
                "service.name": service,
                "service.namespace": settings.topic_namespace,
                "service.instance.id": settings.instance,
            }
        ),
        id_generator=_Ids(),
        shutdown_on_exit=False,
    )
    for exporter in exporters:
        provider.add_span_processor(
            BatchSpanProcessor(exporter, schedule_delay_millis=_SEND_EVERY_S * 1000)
        )
    _current.use(provider.get_tracer("minestream"), exporting=bool(exporters))
    _current.flush = provider.force_flush
    try:
        yield
    finally:
        _current.use(trace.NoOpTracer(), exporting=False)
        _end(provider, endpoint)


def _end(provider: TracerProvider, endpoint: EndpointExporter | None) -> None:
    """Send what waits, unless the endpoint takes nothing or too long."""
    if endpoint is not None and endpoint.failing:
        endpoint.shutdown()
    # an endpoint that drips its answer would hold the end up for as long as it likes
    ending = threading.Thread(target=provider.shutdown, daemon=True)
    ending.start()
    ending.join(_END_S)
    if endpoint is not None:
        endpoint.shutdown()


@contextmanager
def root(
    name: str,
    event_id: UUID,
    *,
    kind: SpanKind = SpanKind.INTERNAL,
    attributes: Attributes | None = None,
) -> Iterator[Span]:
    """A trace's first span, current until it ends; the trace's id is the event's.

    Args:
        name: what is done, without anything that varies.
        event_id: of the raw event that this becomes.
        kind: as OpenTelemetry has them.
        attributes: names from ``semconv``.
    """
    if not _current.wants(event_id.int):
        yield NonRecordingSpan(
            SpanContext(event_id.int, _span_id(), is_remote=False, trace_flags=TraceFlags(0))
        )
        return
    token = _asked.set(event_id.int)
    try:
        span = _current.tracer.start_span(name, Context(), kind, attributes)
    finally:
        _asked.reset(token)
    with _entered(span):
        yield span


@contextmanager
def child(
    name: str,
    parent: SpanContext | None,
    *,
    kind: SpanKind = SpanKind.INTERNAL,
    attributes: Attributes | None = None,
    always: bool = False,
) -> Iterator[Span]:
    """A span under another, current until it ends; none where the other is not sampled.

    Args:
        name: what is done, without anything that varies.
        parent: of ``context_of`` or a span's; None: there is none, and there will be no span.
        kind: as OpenTelemetry has them.
        attributes: names from ``semconv``.
        always: make it whatever the parent is, and sample all that comes under it.
    """
    if not always and (parent is None or not parent.trace_flags.sampled):
        yield NonRecordingSpan(parent or trace.INVALID_SPAN_CONTEXT)
        return
    marks = {**(attributes or {}), semconv.ALWAYS: True} if always else attributes
    span = _current.tracer.start_span(name, _under(parent), kind, marks)
    with _entered(span):
        yield span


@contextmanager
def batch(
    name: str,
    each: str | Callable[[Attributes], str],
    parents: Sequence[tuple[SpanContext, Attributes]],
    *,
    attributes: Attributes | None = None,
) -> Iterator[None]:
    """One span for a batch, which links to its sampled messages, and one for each of these.

    Each message's span stands under the message's own context and lasts as long as the batch.

    Args:
        name: of the batch's span.
        each: of each message's span; or what makes it of the message's attributes.
        parents: the sampled messages' contexts and attributes; none: no span is made.
        attributes: of the batch's span.
    """
    if not parents:
        yield
        return
    began = time_ns()
    span = _current.tracer.start_span(
        name,
        Context(),
        SpanKind.CONSUMER,
        {**(attributes or {}), semconv.ALWAYS: True},
        [Link(parent) for parent, _ in parents],
        began,
    )
    with _entered(span):
        yield
    ended = time_ns()
    for parent, own in parents:
        _current.tracer.start_span(
            each if isinstance(each, str) else each(own),
            _under(parent),
            SpanKind.CONSUMER,
            own,
            [Link(span.get_span_context())],
            began,
        ).end(ended)


def failed(
    name: str,
    parent: SpanContext | None,
    exc: BaseException,
    *,
    kind: str,
    text: str | None = None,
    attributes: Attributes | None = None,
) -> None:
    """A span for an error, kept whatever the share of traces that are.

    Args:
        name: what was tried.
        parent: the context of what it was tried with; None: of nothing in particular.
        exc: the error; one that is not a ``MinestreamError`` is named and not quoted.
        kind: low-cardinality; becomes ``error.type``.
        text: for people, in place of what the error says; holds no secret.
        attributes: names from ``semconv``.
    """
    marks = {**(attributes or {}), semconv.ERROR_TYPE: kind, semconv.ALWAYS: True}
    span = _current.tracer.start_span(name, _under(parent), SpanKind.INTERNAL, marks)
    told = _told_of(exc) if text is None else text[:_TEXT_LENGTH]
    said = {semconv.EXCEPTION_TYPE: type(exc).__name__, semconv.EXCEPTION_MESSAGE: told}
    span.add_event("exception", said)  # no stack: its causes' texts may quote what came
    span.set_status(trace.StatusCode.ERROR, told)
    span.end()


def kept(event_id: UUID) -> bool:
    """Is the trace of that poll among those that are kept?"""
    return _current.wants(event_id.int)


def headers_of_unkept(event_id: UUID) -> Headers:
    """What the record of a poll carries that has no spans: which trace it would have been.

    Costs a tenth of a ``root`` that makes none. An error on its way still finds its trace.
    """
    trace_id = event_id.hex  # its second half is random, and as good as any span's id
    return ((TRACEPARENT, f"00-{trace_id}-{trace_id[16:]}-00".encode()),)


def flush(*, within_s: float = 1.0) -> None:
    """Export what waits, for whoever ends the process at once; later than that it is lost.

    Args:
        within_s: an endpoint that does not answer holds nobody up for longer.
    """
    task = threading.Thread(target=_current.flush, name="last-spans", daemon=True)
    task.start()
    task.join(within_s)


def headers_of(span: Span) -> Headers:
    """What a record carries so that its reader's spans stand under this one; maybe nothing."""
    context = span.get_span_context()
    if not context.is_valid:
        return ()
    flags = "01" if context.trace_flags.sampled else "00"
    return ((TRACEPARENT, f"00-{context.trace_id:032x}-{context.span_id:016x}-{flags}".encode()),)


def context_of(headers: Carrier) -> SpanContext | None:
    """The context in a record's headers; None where there is none, or none that can be read."""
    value = _carried(headers)
    if value is None or len(value) != _LENGTH:
        return None
    try:
        version, trace_id, span_id, flags = value.decode("ascii").split("-")
        context = SpanContext(
            int(trace_id, 16),
            int(span_id, 16),
            is_remote=True,
            trace_flags=TraceFlags(int(flags, 16)),
        )
    except ValueError:
        return None
    return context if context.is_valid and version != "ff" else None


def sampled(headers: Carrier) -> SpanContext | None:
    """The context in a record's headers if its trace is sampled; nearly free where it is not."""
    value = _carried(headers)
    if value is None or value.endswith(b"0"):
        return None
    context = context_of(headers)
    return context if context is not None and context.trace_flags.sampled else None


def _carried(headers: Carrier) -> bytes | None:
    if isinstance(headers, Mapping):
        return headers.get(TRACEPARENT)
    return next((value for name, value in headers if name == TRACEPARENT), None)


class PollSampler(Sampler):
    """Keeps a share of traces, by the random bits of their id; and whatever asks to be kept.

    OpenTelemetry's own sampler takes the lower 64 bits, of which a UUID fixes the first two.

    Args:
        ratio: the share, 0 to 1.
    """

    def __init__(self, ratio: float) -> None:
        self.ratio = ratio
        self._bound = round(ratio * (1 << _RANDOM_BITS))

    def keeps(self, trace_id: int) -> bool:
        """Is the trace of that id among those kept?"""
        return trace_id & ((1 << _RANDOM_BITS) - 1) < self._bound

    def should_sample(  # noqa: PLR0917 - as OpenTelemetry calls it
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Any = None,
        links: Sequence[Link] | None = None,
        trace_state: Any = None,
    ) -> SamplingResult:
        """Decide about a span."""
        del name, kind, links, trace_state
        parent = trace.get_current_span(parent_context).get_span_context()
        keep = (
            bool(attributes and attributes.get(semconv.ALWAYS))
            or (parent.is_valid and parent.trace_flags.sampled)
            or (not parent.is_valid and self.keeps(trace_id))
        )
        return SamplingResult(
            Decision.RECORD_AND_SAMPLE if keep else Decision.DROP, attributes if keep else None
        )

    def get_description(self) -> str:
        """What it is called in a provider's description."""
        return f"PollSampler{{{self.ratio}}}"


class _Ids(RandomIdGenerator):
    """Random ids, but for a trace that was asked for by its id."""

    def generate_trace_id(self) -> int:
        return _asked.get() or super().generate_trace_id()


class _Current:
    """The process's tracer; one that does nothing until traces are configured."""

    def __init__(self) -> None:
        self.use(trace.NoOpTracer(), exporting=False)

    def use(self, tracer: trace.Tracer, *, exporting: bool) -> None:
        self.tracer = tracer
        self.flush: Callable[[], object] = lambda: None
        sampler = getattr(tracer, "sampler", None)
        self._sampler = sampler if exporting and isinstance(sampler, PollSampler) else None

    def wants(self, trace_id: int) -> bool:
        return self._sampler is not None and self._sampler.keeps(trace_id)


_current: Final = _Current()


@contextmanager
def _entered(span: Span) -> Iterator[None]:
    """A span that is current until it ends; an error that passes through is named, not quoted."""
    with trace.use_span(
        span, end_on_exit=True, record_exception=False, set_status_on_exception=False
    ):
        try:
            yield
        except Exception as exc:
            kind = exc.kind if isinstance(exc, MinestreamError) else type(exc).__name__
            span.set_attribute(semconv.ERROR_TYPE, kind)
            span.set_status(trace.StatusCode.ERROR, _told_of(exc))
            raise


def _told_of(exc: BaseException) -> str:
    """What may be said of an error: the text of another's may quote what came."""
    said = str(exc) if isinstance(exc, MinestreamError) else type(exc).__name__
    return said[:_TEXT_LENGTH]


def _under(parent: SpanContext | None) -> Context:
    if parent is None:
        return Context()
    return trace.set_span_in_context(NonRecordingSpan(parent), Context())


def _span_id() -> int:
    return secrets.randbits(64) or 1
