"""One JSON line per log event, on standard output; nothing else configures logging."""

import logging
import sys
from typing import Any

import structlog
from opentelemetry import trace

_LEAST = {
    # a line for each attempt while a broker is away; that it went and came back is ours to tell
    "aiokafka": logging.CRITICAL,
    "aiohttp.access": logging.WARNING,
    "asyncio": logging.WARNING,
    "faust": logging.WARNING,
    # each request with its query, and each header: both may hold a key
    "httpcore": logging.WARNING,
    "httpx": logging.WARNING,
    "mode": logging.WARNING,
    "opentelemetry": logging.CRITICAL,  # likewise; traces that are lost are told once
    "uvicorn.access": logging.WARNING,
}


_AGAIN_S = 600.0


class _Once(logging.Filter):
    """Lets the same line through once in ten minutes.

    While a database is away its pool says each attempt, and why it failed: that is worth a line.
    """

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """See ``logging``."""
        line, at_s = record.getMessage(), record.created
        self._said = {said: at for said, at in self._said.items() if at_s - at < _AGAIN_S}
        return self._said.setdefault(line, at_s) == at_s


def hush(*libraries: str) -> None:
    """Let a command speak for itself: of what is logged only the critical is shown.

    Args:
        libraries: loggers of which the same holds.
    """
    for name in libraries:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


def configure(service: str, *, level: str = "info") -> None:
    """Send structlog and the standard library's logging to standard output, as JSON.

    Args:
        service: bound to every line.
        level: the least level shown; libraries stay at warning.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        _add_trace,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stdout),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
            foreign_pre_chain=shared,
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name, least in _LEAST.items():
        logging.getLogger(name).setLevel(least)
    logging.getLogger("psycopg.pool").filters[:] = [_Once()]
    structlog.contextvars.bind_contextvars(service=service)


def _add_trace(
    logger: object, method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Name the trace that a line belongs to, where it is sampled."""
    del logger, method
    context = trace.get_current_span().get_span_context()
    if context.is_valid and context.trace_flags.sampled:
        event["trace_id"] = f"{context.trace_id:032x}"
    return event


def unheard() -> Any:
    """A logger that nobody hears: for commands, whose reader sees the answer itself."""
    return structlog.wrap_logger(structlog.ReturnLogger())
