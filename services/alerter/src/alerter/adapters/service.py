"""Puts the evaluator, the senders and the relay together."""

import asyncio
from datetime import timedelta
from typing import Final

import httpx
import structlog

from alerter.adapters.channel import Channel
from alerter.adapters.evaluator import SERVICE, Evaluator
from alerter.adapters.mail import Mail, MailServer
from alerter.adapters.relay import relay_of
from alerter.adapters.sender import Sender
from alerter.adapters.stages import Passing, unwatched
from alerter.adapters.store import Store
from alerter.adapters.webhook import Webhook, http_client
from alerter.settings import AlerterSettings
from minestream_runtime.clock import Clock, SystemClock
from minestream_runtime.database import Role, open_pool, storage_dialect
from minestream_runtime.health import Health
from minestream_runtime.kafka import Producer
from minestream_runtime.kafka.setting_aside import SettingAside

_CONNECTIONS: Final = 5


async def serve(settings: AlerterSettings, health: Health, *, passing: Passing = unwatched) -> None:
    """Run until cancelled.

    Args:
        settings: everything it is told.
        health: its readiness is registered here; a channel that is away is only a note.
        passing: told of each stage that work passes.

    Raises:
        ConfigurationError: the schema is not there: run ``minestream migrate``.
    """
    clock = SystemClock()
    async with (
        open_pool(settings, Role.WRITER, name=SERVICE, most=_CONNECTIONS) as pool,
        Producer(settings) as producer,
        http_client(timeout_s=settings.notify_timeout_s) as http,
    ):
        channels = channels_of(settings, http, clock)
        store = Store(
            pool,
            group=settings.group(SERVICE),
            rules=settings.rules,
            channels=[channel.name for channel in channels],
            stale=timedelta(seconds=settings.alert_stale_s),
            passing=passing,
        )
        wakes = {channel.name: asyncio.Event() for channel in channels}
        letters = SettingAside(producer, service=SERVICE, bug_limit=settings.alert_bug_limit)
        evaluator = Evaluator(settings, store, letters, clock, list(wakes.values()))
        health.checks["judges"] = evaluator.fault
        await storage_dialect(pool, "alerting")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(evaluator.run())
            tasks.create_task(relay_of(settings, pool, producer, clock, passing=passing).run())
            for channel in channels:
                sender = Sender(
                    settings, pool, channel, clock, wakes[channel.name], passing=passing
                )
                health.notes[channel.name] = sender.fault
                tasks.create_task(sender.run())


def channels_of(settings: AlerterSettings, http: httpx.AsyncClient, clock: Clock) -> list[Channel]:
    """The channels that are configured; none is no fault, and said once."""
    channels: list[Channel] = []
    if settings.webhook_url is not None:
        channels.append(
            Webhook(
                http,
                settings.webhook_url,
                settings.webhook_secret,
                clock,
                timeout_s=settings.notify_timeout_s,
            )
        )
    if settings.smtp_url is not None and settings.mail_from is not None:
        channels.append(
            Mail(
                MailServer.at(settings.smtp_url.get_secret_value()),
                sender=settings.mail_from,
                recipients=settings.recipients,
                clock=clock,
                timeout_s=settings.notify_timeout_s,
            )
        )
    log = structlog.get_logger()
    log.info("channels", names=[channel.name for channel in channels])
    if not channels:
        log.warning("nobody_is_told", hint="set MINESTREAM_WEBHOOK_URL or MINESTREAM_SMTP_URL")
    elif settings.webhook_url is not None and settings.webhook_secret is None:
        log.warning("webhook_is_not_signed", hint="set MINESTREAM_WEBHOOK_SECRET")
    return channels
