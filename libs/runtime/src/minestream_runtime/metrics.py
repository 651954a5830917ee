"""Prometheus metrics, made from the contract's registry of names and from nothing else."""

from functools import cache

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics

from minestream_schemas.metrics import METRICS, Metric, MetricName

# when each series began: a quarter of all lines, and asked by nobody
disable_created_metrics()  # type: ignore[no-untyped-call] # prometheus_client lacks its types


def _entry(name: MetricName, kind: str) -> Metric:
    entry = METRICS[name]
    if entry.kind != kind:
        raise ValueError(f"{name} is a {entry.kind}, not a {kind}")
    return entry


@cache
def counter(name: MetricName) -> Counter:
    """The process's counter of that name."""
    entry = _entry(name, "counter")
    return Counter(name, entry.meaning, entry.labels)


@cache
def gauge(name: MetricName) -> Gauge:
    """The process's gauge of that name."""
    entry = _entry(name, "gauge")
    return Gauge(name, entry.meaning, entry.labels)


@cache
def histogram(name: MetricName) -> Histogram:
    """The process's histogram of that name."""
    entry = _entry(name, "histogram")
    return Histogram(name, entry.meaning, entry.labels, buckets=entry.buckets)
