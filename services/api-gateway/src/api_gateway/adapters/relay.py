"""The relay of the fleet's outbox."""

from api_gateway.adapters.database import Writer
from api_gateway.adapters.database.outbox import OUTBOX
from api_gateway.settings import GatewaySettings
from minestream_runtime.clock import Clock
from minestream_runtime.database.outbox import Relay, Ways
from minestream_runtime.kafka import Producer


def relay_of(settings: GatewaySettings, writer: Writer, producer: Producer, clock: Clock) -> Relay:
    """What brings the fleet's changes onto Kafka.

    Args:
        settings: how often to look, how long to keep.
        writer: of the fleet schema.
        producer: to Kafka.
        clock: for the pace of tidying up.
    """
    ways = Ways(poll_s=settings.outbox_poll_s, keep_s=settings.outbox_keep_s)
    return Relay(OUTBOX, writer.connection, producer, clock, ways)
