"""Runs a service's one coroutine with logs, health, signals and exit codes."""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from minestream_runtime import health, logs, traces
from minestream_runtime.errors import ConfigurationError, MinestreamError
from minestream_runtime.settings import Settings

S = TypeVar("S", bound=Settings)
Main = Callable[[S, health.Health], Awaitable[None]]

EXIT_OK, EXIT_FAULT, EXIT_CONFIGURATION = 0, 70, 78


def run_service(name: str, settings_type: type[S], main: Main[S]) -> None:
    """Run a service until it ends or is told to; then exit the process.

    SIGTERM and SIGINT cancel ``main``, whose ``finally`` blocks have their time.

    Args:
        name: the service, as its topics and group call it.
        settings_type: read from the environment before anything else.
        main: takes the settings and the health to register its checks with.
    """
    run_loaded(name, settings_type.load, main)


def run_loaded(
    name: str, load: Callable[[], S], main: Main[S], *, worded: Callable[[str], str] = str
) -> None:
    """The same, for settings that come from elsewhere; see ``run_service``.

    Args:
        name: the service.
        load: gives the settings, or raises a ``ConfigurationError``.
        main: takes the settings and the health.
        worded: says what was set up wrong in the words of who set it up.
    """
    sys.exit(asyncio.run(_run(name, load, main, worded)))


async def _run(
    name: str, load: Callable[[], S], main: Main[S], worded: Callable[[str], str]
) -> int:
    log = structlog.get_logger()
    try:
        settings = load()
    except ConfigurationError as exc:
        logs.configure(name)
        return _refused(worded(str(exc)))
    logs.configure(name, level=settings.log_level)
    ready = health.Health()
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(main(settings, ready))
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, task.cancel)
    log.info("service_started", instance=settings.instance)
    try:
        async with health.serving(ready, host=settings.health_host, port=settings.health_port):
            with traces.configured(name, settings):
                await task
    except asyncio.CancelledError:
        log.info("service_stopped")
        return EXIT_OK
    except (Exception, BaseExceptionGroup) as exc:
        refused = _configuration(exc)
        if refused is not None:
            return _refused(worded(str(refused)))
        log.exception("service_failed", error_type=_kind(exc))
        return EXIT_FAULT
    return EXIT_OK


def _refused(why: str) -> int:
    """Tell an operator what to change: the text says it all, and a traceback would bury it."""
    structlog.get_logger().error("configuration_refused", error=why)
    return EXIT_CONFIGURATION


def _configuration(exc: BaseException) -> BaseException | None:
    """What was set up wrong, also where it comes in groups; None: it is something else."""
    found: BaseException | None = exc if isinstance(exc, ConfigurationError) else None
    if isinstance(exc, BaseExceptionGroup):
        found = exc.subgroup(ConfigurationError)
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found


def _kind(exc: BaseException) -> str:
    if isinstance(exc, BaseExceptionGroup):
        return type(exc.exceptions[0]).__name__
    return exc.kind if isinstance(exc, MinestreamError) else type(exc).__name__
