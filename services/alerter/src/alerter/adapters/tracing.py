"""Spans of judging, relaying and telling: one trace leads from a poll to its notification."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from typing import Final

from opentelemetry.trace import Span, SpanContext, SpanKind

from alerter.domain.lifecycle import Transition
from alerter.domain.reading import Reading
from minestream_runtime import semconv, traces
from minestream_runtime.errors import MinestreamError
from minestream_schemas.alert import ALERT
from minestream_schemas.telemetry import TELEMETRY

_JUDGE: Final = f"judge {TELEMETRY.name}"
_KAFKA: Final[dict[str, str]] = {
    semconv.MESSAGING_SYSTEM: "kafka",
    semconv.MESSAGING_DESTINATION: TELEMETRY.name,
}


@contextmanager
def judged(
    readings: Sequence[Reading], transitions: Sequence[Transition]
) -> Iterator[list[Transition]]:
    """The spans of a batch of one partition, while it is written.

    A reading that led to a transition has one whether its poll was sampled or not.

    Yields:
        the transitions, each with the context of its span: what follows stands under it.
    """
    causes = {transition.alert.source_event_id for transition in transitions}
    parents = [
        (context, {**_KAFKA, **_whose(reading)})
        for reading in readings
        if reading.event_id not in causes and (context := _sampled(reading.traceparent))
    ]
    attributes: traces.Attributes = {**_KAFKA, semconv.MESSAGING_BATCH: len(readings)}
    with ExitStack() as spans:
        spans.enter_context(traces.batch("judge batch", _JUDGE, parents, attributes=attributes))
        yield [
            replace(transition, traceparent=carried(spans.enter_context(_led_to(transition))))
            for transition in transitions
        ]


def notifying(
    channel: str, where: str, *, notification_id: str, alert_id: str, traceparent: str | None
) -> AbstractContextManager[Span]:
    """The span of one try to tell people."""
    return traces.child(
        f"notify {channel}",
        context_of(traceparent),
        kind=SpanKind.CLIENT,
        attributes={
            semconv.SERVER_ADDRESS: where,
            semconv.NOTIFICATION_ID: notification_id,
            semconv.ALERT_ID: alert_id,
        },
    )


@contextmanager
def relaying(traceparent: str | None) -> Iterator[traces.Headers]:
    """The span of one transition on its way to Kafka; gives what its record carries."""
    with traces.child(
        f"publish {ALERT.name}",
        context_of(traceparent),
        kind=SpanKind.PRODUCER,
        attributes={**_KAFKA, semconv.MESSAGING_DESTINATION: ALERT.name},
    ) as span:
        yield traces.headers_of(span)


def refused(traceparent: str | None, exc: MinestreamError, *, kind: str) -> None:
    """A span for a record that was set aside."""
    traces.failed(_JUDGE, context_of(traceparent), exc, kind=kind, text=str(exc), attributes=_KAFKA)


def context_of(traceparent: str | None) -> SpanContext | None:
    """The context that a header holds."""
    if traceparent is None:
        return None
    return traces.context_of({traces.TRACEPARENT: traceparent.encode("ascii", "replace")})


def carried(span: Span) -> str | None:
    """The context of a span as a header holds it."""
    return next((value.decode() for _, value in traces.headers_of(span)), None)


def _sampled(traceparent: str | None) -> SpanContext | None:
    if traceparent is None or traceparent.endswith("0"):
        return None
    context = context_of(traceparent)
    return context if context is not None and context.trace_flags.sampled else None


def _led_to(transition: Transition) -> AbstractContextManager[Span]:
    alert = transition.alert
    return traces.child(
        _JUDGE,
        context_of(transition.traceparent),
        kind=SpanKind.CONSUMER,
        attributes={
            **_KAFKA,
            semconv.EVENT_ID: str(alert.source_event_id),
            semconv.MINER_ID: alert.subject,
            semconv.ALERT_ID: str(alert.alert_id),
        },
        always=True,
    )


def _whose(reading: Reading) -> dict[str, str]:
    return {semconv.EVENT_ID: str(reading.event_id), semconv.MINER_ID: reading.subject}
