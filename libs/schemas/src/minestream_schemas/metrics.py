"""The names of all metrics, with unit and meaning. A name not listed here cannot be used."""

from dataclasses import dataclass
from typing import Final, Literal

MetricName = Literal[
    "miner_poll_total",
    "miner_poll_errors_total",
    "miner_poll_latency_ms",
    "minestream_poll_lateness_seconds",
    "minestream_polls_skipped_total",
    "minestream_targets",
    "minestream_polls_in_flight",
    "minestream_spool_events",
    "minestream_spool_bytes",
    "minestream_spool_age_seconds",
    "minestream_spool_dropped_total",
    "collector_upload_total",
    "collector_upload_latency_ms",
    "collector_upload_requests_total",
    "collector_upload_items_total",
    "collector_upload_seconds",
    "collector_key_refused_total",
    "minestream_upload_batches_total",
    "minestream_upload_refused_total",
    "minestream_event_age_seconds",
    "minestream_events_published_total",
    "minestream_events_processed_total",
    "minestream_events_repeated_total",
    "minestream_events_late_total",
    "minestream_events_ahead_total",
    "minestream_events_rerouted_total",
    "minestream_dead_letters_total",
    "minestream_left_out_total",
    "minestream_fence_dropped_total",
    "minestream_windows_closed_total",
    "minestream_window_lateness_seconds",
    "minestream_consumer_lag_records",
    "minestream_batch_rows",
    "minestream_batch_seconds",
    "minestream_rows_written_total",
    "minestream_maintenance_seconds",
    "minestream_database_seconds",
    "minestream_http_request_seconds",
    "minestream_outbox_waiting",
    "minestream_stream_clients",
    "minestream_stream_subscriptions",
    "minestream_stream_sent_total",
    "minestream_stream_coalesced_total",
    "minestream_stream_closed_total",
    "minestream_alert_transitions_total",
    "minestream_alerts_firing",
    "minestream_notifications_total",
    "minestream_notifications_waiting",
    "minestream_notification_age_seconds",
    "minestream_source_messages_total",
    "minestream_source_fresh",
    "minestream_source_age_seconds",
    "minestream_source_connected",
    "minestream_source_joins_total",
    "minestream_source_dropped_total",
    "minestream_source_errors_total",
    "minestream_breakers_open",
    "minestream_breaker_opened_total",
    "minestream_source_calls_total",
    "minestream_source_credits_total",
    "minestream_source_quota_left",
    "minestream_task_runs_total",
    "minestream_task_seconds",
    "minestream_task_ok_at_seconds",
    "minestream_archive_waiting_bytes",
    "minestream_archive_seconds",
    "minestream_archive_bytes_total",
    "minestream_archive_files_total",
    "minestream_abacus_rows_total",
    "minestream_abacus_batches_total",
    "minestream_abacus_failures_total",
    "minestream_abacus_call_seconds",
    "minestream_abacus_newest_age_seconds",
    "minestream_abacus_state",
]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: its kind, what it means, in which unit, and by which labels it is told apart."""

    kind: Literal["counter", "gauge", "histogram"]
    meaning: str
    unit: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


HOPS: Final = ("published", "processor", "stored", "pushed", "judged")
"""Where an event's age is taken: on Kafka, normalised, in its row, on a websocket, by the rules."""

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_MS = (5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000)
_ROWS = (1, 10, 50, 100, 500, 1_000, 5_000)

METRICS: Final[dict[MetricName, Metric]] = {
    "miner_poll_total": Metric("counter", "polls by outcome", "polls", ("status",)),
    "miner_poll_errors_total": Metric(
        "counter", "polls without a whole answer", "polls", ("status",)
    ),
    "miner_poll_latency_ms": Metric("histogram", "one poll, all its endpoints", "ms", (), _MS),
    "minestream_poll_lateness_seconds": Metric(
        "histogram", "how long after its due time a poll began", "s", (), _SECONDS
    ),
    "minestream_polls_skipped_total": Metric(
        "counter",
        "due polls left out: late (we were), busy (the last is under way), overload (no slot), "
        "site (its turn), own_fault (this machine could not ask), not_ours, bug",
        "polls",
        ("reason",),
    ),
    "minestream_targets": Metric("gauge", "miners in this shard", "miners"),
    "minestream_polls_in_flight": Metric("gauge", "polls under way", "polls", ("lane",)),
    "minestream_spool_events": Metric("gauge", "events waiting for Kafka on disk", "events"),
    "minestream_spool_bytes": Metric("gauge", "what waits for Kafka on disk, compressed", "bytes"),
    "minestream_spool_age_seconds": Metric("gauge", "age of the oldest waiting event", "s"),
    "minestream_spool_dropped_total": Metric(
        "counter", "events dropped from a full spool", "events"
    ),
    "collector_upload_total": Metric(
        "counter", "events that a collector handed over, by where they went", "events", ("outcome",)
    ),
    "collector_upload_latency_ms": Metric(
        "histogram", "from handing an event over to its acknowledgement", "ms", (), _MS
    ),
    "collector_upload_requests_total": Metric(
        "counter", "uploads that the gateway was sent", "uploads", ("site", "outcome")
    ),
    "collector_upload_items_total": Metric(
        "counter", "what became of the items of uploads", "items", ("site", "outcome")
    ),
    "collector_upload_seconds": Metric(
        "histogram", "from an upload's last byte to its answer", "s", (), _SECONDS
    ),
    "collector_key_refused_total": Metric(
        "counter", "uploads refused for their collector key", "uploads", ("reason",)
    ),
    "minestream_upload_batches_total": Metric(
        "counter", "batches that an edge site sent to its gateway", "batches", ("outcome",)
    ),
    "minestream_upload_refused_total": Metric(
        "counter", "events of an edge site that the gateway refused for good", "events", ("kind",)
    ),
    "minestream_event_age_seconds": Metric(
        "histogram",
        f"age of an event when a hop had dealt with it: {', '.join(HOPS)}",
        "s",
        ("hop",),
        _SECONDS,
    ),
    "minestream_events_published_total": Metric(
        "counter", "events acknowledged by Kafka", "events", ("topic",)
    ),
    "minestream_events_processed_total": Metric(
        "counter", "events dealt with", "events", ("topic",)
    ),
    "minestream_events_repeated_total": Metric(
        "counter", "events seen before", "events", ("topic",)
    ),
    "minestream_events_late_total": Metric(
        "counter", "events older than their miner's newest", "events", ("topic",)
    ),
    "minestream_events_ahead_total": Metric(
        "counter", "events too far ahead of the clock to be judged", "events", ("topic",)
    ),
    "minestream_events_rerouted_total": Metric(
        "counter",
        "events found on a partition that is not their key's, sent home",
        "events",
        ("topic",),
    ),
    "minestream_dead_letters_total": Metric("counter", "records set aside", "records", ("kind",)),
    "minestream_left_out_total": Metric(
        "counter",
        "records passed over with a line in the log, as nothing of them must be kept",
        "records",
        ("topic", "kind"),
    ),
    "minestream_fence_dropped_total": Metric(
        "counter", "stale records refused at a rebalance", "records"
    ),
    "minestream_windows_closed_total": Metric("counter", "windows closed", "windows", ("by",)),
    "minestream_window_lateness_seconds": Metric(
        "histogram", "how long after its end a window was closed", "s", ("by",), _SECONDS
    ),
    "minestream_consumer_lag_records": Metric(
        "gauge", "records not yet dealt with", "records", ("topic",)
    ),
    "minestream_batch_rows": Metric(
        "histogram", "records in one transaction", "records", (), _ROWS
    ),
    "minestream_batch_seconds": Metric("histogram", "one transaction", "s", (), _SECONDS),
    "minestream_rows_written_total": Metric("counter", "rows committed", "rows", ("table",)),
    "minestream_maintenance_seconds": Metric(
        "histogram", "one task of the storage's upkeep", "s", ("task",), _SECONDS
    ),
    "minestream_database_seconds": Metric(
        "histogram", "time spent in the database, by what for", "s", ("what",), _SECONDS
    ),
    "minestream_http_request_seconds": Metric(
        "histogram", "one request to the gateway", "s", ("route", "status"), _SECONDS
    ),
    "minestream_outbox_waiting": Metric("gauge", "events committed, not yet on Kafka", "events"),
    "minestream_stream_clients": Metric("gauge", "open websockets", "websockets"),
    "minestream_stream_subscriptions": Metric(
        "gauge", "subscriptions of all websockets", "subscriptions"
    ),
    "minestream_stream_sent_total": Metric(
        "counter", "messages sent to websockets", "messages", ("kind",)
    ),
    "minestream_stream_coalesced_total": Metric(
        "counter",
        "readings that a newer one overtook before a slow client took them",
        "readings",
    ),
    "minestream_stream_closed_total": Metric(
        "counter", "websockets ended", "websockets", ("code",)
    ),
    "minestream_alert_transitions_total": Metric(
        "counter", "alerts that fired, changed or ended", "transitions", ("rule", "phase")
    ),
    "minestream_alerts_firing": Metric(
        "gauge",
        "alerts that fire, of all alerters together: each tells the same, take the greatest",
        "alerts",
        ("rule",),
    ),
    "minestream_notifications_total": Metric(
        "counter",
        "tries to tell people: sent, delayed (to be tried again) or failed for good",
        "tries",
        ("channel", "outcome"),
    ),
    "minestream_notifications_waiting": Metric(
        "gauge", "notifications committed, not yet told", "notifications", ("channel",)
    ),
    "minestream_notification_age_seconds": Metric(
        "histogram", "from an alert's transition to its notification", "s", ("channel",), _SECONDS
    ),
    "minestream_source_messages_total": Metric(
        "counter",
        "messages of pools and markets, by how they ended",
        "messages",
        ("source", "message", "status"),
    ),
    "minestream_source_fresh": Metric(
        "gauge", "1: the source says something recent; 0: it does not", "1", ("source",)
    ),
    "minestream_source_age_seconds": Metric(
        "gauge", "age of the newest that the source has said", "s", ("source",)
    ),
    "minestream_source_connected": Metric(
        "gauge", "1: joined to the source's feed; 0: not", "1", ("source",)
    ),
    "minestream_source_joins_total": Metric(
        "counter", "times that we joined the source's feed", "joins", ("source",)
    ),
    "minestream_source_dropped_total": Metric(
        "counter", "messages of a feed dropped from a full queue", "messages", ("source",)
    ),
    "minestream_source_errors_total": Metric(
        "counter",
        "questions without a good answer, by class: connectivity, auth, rate_limit, malformed",
        "questions",
        ("source", "kind"),
    ),
    "minestream_breakers_open": Metric(
        "gauge",
        "circuit breakers that are open: what failed is left alone",
        "breakers",
        ("source",),
    ),
    "minestream_breaker_opened_total": Metric(
        "counter", "times that a circuit breaker opened", "openings", ("source",)
    ),
    "minestream_source_calls_total": Metric(
        "counter",
        "calls of pools and markets, by how they ended; quota: refused by ourselves, not sent",
        "calls",
        ("source", "outcome"),
    ),
    "minestream_source_credits_total": Metric(
        "counter", "what the calls of a source have cost of its quota", "credits", ("source",)
    ),
    "minestream_source_quota_left": Metric(
        "gauge", "what a source's quota still allows", "credits", ("source", "per")
    ),
    "minestream_task_runs_total": Metric(
        "counter",
        "runs of a task: ok, failed, or left out because it ran still or we were not there",
        "runs",
        ("task", "outcome"),
    ),
    "minestream_task_seconds": Metric("histogram", "one run of a task", "s", ("task",), _SECONDS),
    "minestream_task_ok_at_seconds": Metric(
        "gauge", "when a task last succeeded, seconds since 1970", "s", ("task",)
    ),
    "minestream_archive_waiting_bytes": Metric(
        "gauge", "records read that are in no file yet", "bytes"
    ),
    "minestream_archive_seconds": Metric(
        "histogram", "closing a partition's files", "s", (), _SECONDS
    ),
    "minestream_archive_bytes_total": Metric(
        "counter", "records as they came, and the files that hold them", "bytes", ("topic", "form")
    ),
    "minestream_archive_files_total": Metric(
        "counter", "files added to the lake", "files", ("topic",)
    ),
    "minestream_abacus_rows_total": Metric(
        "counter", "feature rows that the feature store has taken", "rows", ("group",)
    ),
    "minestream_abacus_batches_total": Metric(
        "counter", "batches of feature rows dealt with", "batches", ("group",)
    ),
    "minestream_abacus_failures_total": Metric(
        "counter", "calls of the feature store that failed, by what that means", "calls", ("cause",)
    ),
    "minestream_abacus_call_seconds": Metric(
        "histogram", "handing one batch over, all its calls", "s", (), _SECONDS
    ),
    "minestream_abacus_newest_age_seconds": Metric(
        "gauge", "age of the newest row that the feature store has taken", "s", ("group",)
    ),
    "minestream_abacus_state": Metric(
        "gauge",
        "1 at the state of the way to the feature store: idle, closed, open, half_open, refused",
        "state",
        ("state",),
    ),
}
