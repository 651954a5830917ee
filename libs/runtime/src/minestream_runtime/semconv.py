"""Names of spans' attributes: OpenTelemetry's semantic conventions 1.43, and our own.

Spelt here and nowhere else, so that a change of the conventions is a change of this file.
"""

from typing import Final

MESSAGING_SYSTEM: Final = "messaging.system"
MESSAGING_DESTINATION: Final = "messaging.destination.name"
MESSAGING_PARTITION: Final = "messaging.destination.partition.id"
MESSAGING_OFFSET: Final = "messaging.kafka.offset"
MESSAGING_OPERATION: Final = "messaging.operation.type"
MESSAGING_BATCH: Final = "messaging.batch.message_count"
ERROR_TYPE: Final = "error.type"
EXCEPTION_TYPE: Final = "exception.type"
EXCEPTION_MESSAGE: Final = "exception.message"
HTTP_METHOD: Final = "http.request.method"
HTTP_STATUS: Final = "http.response.status_code"
URL_PATH: Final = "url.path"
SERVER_ADDRESS: Final = "server.address"
NETWORK_TRANSPORT: Final = "network.transport"

EVENT_ID: Final = "minestream.event.id"
MINER_ID: Final = "minestream.miner.id"
MINER_COMMAND: Final = "minestream.miner.command"
SITE_ID: Final = "minestream.site.id"
POLL_STATUS: Final = "minestream.poll.status"
ALERT_ID: Final = "minestream.alert.id"
NOTIFICATION_ID: Final = "minestream.notification.id"
ROWS: Final = "minestream.rows"
CLIENTS: Final = "minestream.stream.clients"
ALWAYS: Final = "minestream.always"
"""Set at a span's start: it is kept whatever the share of traces that are."""


def place_of(topic: str, partition: int, offset: int) -> dict[str, str | int]:
    """The attributes that tell where a record of Kafka's lies."""
    return {
        MESSAGING_SYSTEM: "kafka",
        MESSAGING_DESTINATION: topic,
        MESSAGING_PARTITION: str(partition),
        MESSAGING_OFFSET: offset,
    }
