"""What all tests share: hypothesis is loaded before any of them runs, and Ctrl-C can be sent.

No example fails for the 200 ms that hypothesis gives it: on a loaded machine any may take longer.

Hypothesis' plugin would load it at the end of a run in which no test did, through pytest's
rewriting of sources; when Python 3.11 collects what a test left behind at that moment, parsing
fails with ``SystemError: AST constructor recursion depth mismatch`` (CPython gh-106905).
"""

import signal
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
import structlog

__all__ = ["hypothesis"]

TESTS = Path(__file__).parent
LONGEST_FIRST = (
    "e2e/test_dashboard.py",
    "e2e/test_nothing_lost.py",
    "e2e/test_every_service.py",
    "e2e/test_edge_sites.py",
    "e2e/test_trace.py",
    "component/processor/test_processor.py",
    "component/collector_market/test_market.py",
    "component/collector_vnish/test_collector.py",
    "component/processor/test_chaos.py",
    "component/devstack/test_stack.py",
    "component/processor/test_worth.py",
    "component/collector_pool/test_pool_outages.py",
    "component/devstack/test_kafka.py",
    "component/timescale_sink/test_delivery.py",
    "component/alerter/test_delivery.py",
    "component/archiver/test_archive.py",
    "component/archiver/test_replay.py",
    "component/collector_vnish/test_outage.py",
    "component/api_gateway/test_stream_edges.py",
    "component/collector_pool/test_feed.py",
    "component/api_gateway/test_inventory_command.py",
    "component/collector_cgminer/test_collector.py",
    "component/abacus_sink/test_delivery.py",
    "component/collector_market/test_two_markets.py",
    "component/processor/test_seen.py",
    "component/api_gateway/test_scan_command.py",
    "component/runtime/test_edge.py",
)
"""The files that take longest, by the seconds of one run on two cores."""

hypothesis.settings.register_profile("patient", hypothesis.settings.default, deadline=None)
hypothesis.settings.load_profile("patient")


def pytest_configure(config: pytest.Config) -> None:
    """Let what tests start hear SIGINT, which a shell's background job and its children ignore.

    And keep the files' order, which xdist would change to one by their count of tests: the last
    would be the long ones of a single test, at which one worker works and the others wait.
    """
    config.option.loadscopereorder = False
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files; within a file, and among all others, nothing changes."""
    places = {TESTS / name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    """Commands and services set up the logs of their process, for good; here it is everybody's."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)
