"""The collector follows the pool's feed, with real Kafka behind it; on any router the same."""

import json
import signal
from functools import partial

import pytest
from tests.component.collector_pool.pool_world import Line, Pool, of, workers

from minestream_emulators.prohashing.site import POOL_KEY
from minestream_emulators.troubles import Trouble
from minestream_schemas.pool import PoolMessage, RawPool
from minestream_schemas.raw import PollStatus


def everything(said: list[RawPool]) -> object:
    """Each kind of message has been told, and several changes."""
    kinds = (PoolMessage.PROFITABILITY, PoolMessage.BALANCES, PoolMessage.GENERAL)
    return (
        all(of(said, each) for each in (*kinds, PoolMessage.STATUS))
        and len(workers(said, snapshot=True)) >= 3
        and len(workers(said, snapshot=False)) >= 9
    )


def has_snapshots(number: int, said: list[RawPool]) -> bool:
    """All three workers have been told whole so often."""
    return len(workers(said, snapshot=True)) >= 3 * number


async def test_a_snapshot_then_changes_that_are_merged_and_verbatim(line: Line, feed: Pool) -> None:
    line.start(feed)
    said = await line.said(everything)
    first = {each.subject: each for each in workers(said, snapshot=True)}
    assert {json.loads(each.body or "")["miner_name"] for each in first.values()} == feed.names
    for subject, whole in first.items():
        record = json.loads(whole.body or "")
        assert subject == f"prohashing-main/{record['uuid']}"
        for change in workers(said, snapshot=False):
            if change.subject == subject and change.received_at > whole.received_at:
                record |= json.loads(change.body or "")
                assert json.loads(change.merged or "") == record
    gauges = [
        f'minestream_source_{name}{{source="prohashing-main"}}' for name in ("connected", "fresh")
    ]
    await line.measured(lambda seen: [seen.get(name) for name in gauges] == [1, 1])


async def test_whichever_way_the_feed_goes_it_is_joined_again_with_a_new_snapshot(
    line: Line, feed: Pool
) -> None:
    line.start(feed, MINESTREAM_POOL_PING_TIMEOUT_S="6")
    for number, stop in enumerate(feed.breaks.values(), start=1):
        await line.said(partial(has_snapshots, number))
        await stop()
        await line.until(partial(line.has_joined, number + 1))
    rounds = len(feed.breaks) + 1
    said = await line.said(lambda said: len(workers(said, snapshot=True)) >= 3 * rounds)
    last = workers(said, snapshot=True)[-3:]
    assert {json.loads(each.body or "")["miner_name"] for each in last} == feed.names
    assert len(line.logged("feed_lost")) == len(feed.breaks)
    lost = of(said, PoolMessage.WORKER, PollStatus.TIMEOUT)
    assert [each.error for each in lost] == [each["error"] for each in line.logged("feed_lost")]


async def test_a_wrong_key_is_told_once_and_what_needs_none_goes_on(line: Line, feed: Pool) -> None:
    feed.troubles.begin(Trouble.POOL_WRONG_KEY, for_s=None)
    line.start(feed)
    refused = PollStatus.UNAUTHORISED
    said = await line.said(
        lambda said: (
            of(said, PoolMessage.WORKER, refused)
            and of(said, PoolMessage.BALANCES, refused)
            and of(said, PoolMessage.PROFITABILITY)
        )
    )
    assert all(each.body is None for each in said if each.status is refused)
    assert not workers(said, snapshot=True)
    await line.until(lambda: "ready" in line.page("/readyz"))
    feed.troubles.heal()
    said = await line.said(lambda said: len(workers(said, snapshot=True)) >= 3)
    over_the_feed = [each for each in said if each.dialect == "prohashing-wamp"]
    assert len(of(over_the_feed, PoolMessage.WORKER, refused)) == 1
    assert len(line.logged("key_refused")) == 1
    await line.until(lambda: line.logged("key_taken"))


async def test_changes_of_the_wrong_shape_are_told_as_garbage_and_stop_nothing(
    line: Line, feed: Pool
) -> None:
    line.start(feed)
    await line.said(lambda said: len(workers(said, snapshot=False)) >= 1)
    feed.troubles.begin(Trouble.POOL_MALFORMED, for_s=None)
    said = await line.said(lambda said: len(of(said, PoolMessage.WORKER, PollStatus.GARBAGE)) >= 5)
    feed.troubles.heal()
    before = len(workers(said, snapshot=False))
    said = await line.said(lambda said: len(workers(said, snapshot=False)) >= before + 3)
    garbage = of(said, PoolMessage.WORKER, PollStatus.GARBAGE)
    assert {each.body for each in garbage} >= {"[1, 2, 3]", "null", '{"hashrate": 17000000000.0}'}
    assert {each.error for each in garbage} == {"not a worker's record: without uuid"}
    assert len(line.logged("messages_unreadable")) == 1
    assert len(line.logged("feed_joined")) == 1


@pytest.mark.soak
async def test_killed_at_any_moment_what_its_ledger_has_is_on_kafka(line: Line, feed: Pool) -> None:
    process = line.start(feed)
    await line.said(everything)
    process.send_signal(signal.SIGKILL)
    process.wait()
    safe = {each["event"] for each in line.ledger()}
    line.start(feed)
    said = await line.said(lambda said: safe <= {str(each.event_id) for each in said})
    assert len({each.event_id for each in said}) == len(said), "none twice"
    await line.until(lambda: len(line.logged("feed_joined")) == 2)


async def test_the_key_is_nowhere_but_where_it_belongs(line: Line, feed: Pool) -> None:
    traces = line.folder / "traces"
    line.start(
        feed,
        MINESTREAM_LOG_LEVEL="debug",
        MINESTREAM_TRACE_RATIO="1",
        MINESTREAM_TRACE_FOLDER=str(traces),
        MINESTREAM_POOL_FALLBACK_AFTER_S="0",
    )
    await line.said(everything)
    feed.site.router.missing.add("f_all_miner_updates")
    await next(iter(feed.breaks.values()))()
    feed.troubles.begin(Trouble.POOL_WRONG_KEY, for_s=None)
    said = await line.said(
        lambda said: (
            any(each.status is PollStatus.UNAUTHORISED for each in said)
            and len(of(said, PoolMessage.WALLET)) >= 1
        )
    )
    pages = line.page("/metrics") + line.page("/readyz")
    await line.end()
    told = "".join(each.to_json().decode() for each in said)
    files = "".join(file.read_text() for file in [line.folder / "log", *traces.glob("*")])
    for place in (told, pages, files):
        assert len(place) > 500
        assert POOL_KEY not in place
    spans = [json.loads(row) for row in files.splitlines() if '"receive pool worker"' in row]
    assert spans, "every message has a trace of its own"
