"""The market collector over real Kafka and emulated markets: what it says, and what fails it."""

import asyncio
import json
import socket
from itertools import pairwise
from urllib.request import urlopen
from uuid import UUID

from tests.component.collector_market.market_line import MarketLine, Markets

from minestream_dialects.market import normalise_market
from minestream_emulators.market.sites import RETRY_AFTER_S
from minestream_emulators.troubles import Trouble
from minestream_runtime import traces
from minestream_schemas.gap import Gap, GapCause
from minestream_schemas.market import RAW_MARKET, CoinIndicators, CoinPrice, NetworkState, RawMarket
from minestream_schemas.raw import PollStatus

SUBJECTS = {
    "coingecko/simple_price",
    "coingecko/coins_markets",
    "coingecko/market_chart/litecoin",
    "coingecko/market_chart/dogecoin",
    "coingecko/market_chart/bitcoin",
    "litecoinspace/network/litecoin",
    "litesolo/network/dogecoin",
    "mempool/network/bitcoin",
}


def fresh(source: str) -> str:
    return f'minestream_source_fresh{{source="{source}"}}'


def said(subject: str, status: str) -> str:
    source, message = subject.split("/")[:2]
    labels = f'message="{message}",source="{source}",status="{status}"'
    return f"minestream_source_messages_total{{{labels}}}"


def ready(line: MarketLine) -> dict[str, object]:
    with urlopen(f"http://127.0.0.1:{line.port()}/readyz", timeout=30) as page:
        body = json.loads(page.read())
    assert isinstance(body, dict)
    return body


def of_source(gaps: list[Gap]) -> list[Gap]:
    return [gap for gap in gaps if gap.cause is GapCause.SOURCE_SILENT]


def still_open(gaps: list[Gap]) -> dict[UUID, Gap]:
    """The gaps of sources that have no end, by their ids."""
    ended = {gap.gap_id for gap in gaps if gap.ended_at}
    return {gap.gap_id: gap for gap in of_source(gaps) if gap.gap_id not in ended}


async def test_prices_charts_and_networks_are_published_verbatim_and_can_be_read(
    line: MarketLine, markets: Markets
) -> None:
    line.start(**markets.environment)
    await line.measured(
        lambda seen: (
            seen.get(said("coingecko/simple_price", "ok"), 0) >= 3
            and seen.get(said("coingecko/market_chart", "ok"), 0) == 3
            and all(seen.get(fresh(name)) == 1 for name in ("coingecko", "litesolo", "mempool"))
        )
    )
    line.end()
    records = await line.records(RAW_MARKET)
    answers = [RawMarket.from_json(record.value or b"") for record in records]
    assert {answer.subject for answer in answers} == SUBJECTS
    assert {answer.status for answer in answers} == {PollStatus.OK}
    assert {entry["event"] for entry in line.ledger()} == {str(raw.event_id) for raw in answers}
    for record, raw in zip(records, answers, strict=True):
        assert record.key == raw.subject.encode()
        context = traces.context_of(record.headers)
        assert context is not None
        assert context.trace_id == raw.event_id.int, "an event's id is its trace's"
    events = [event for raw in answers for event in normalise_market(raw)]
    assert all(event.quality_flags == () for event in events)
    by_kind = {
        kind: {event.coin_id for event in events if isinstance(event, kind)}
        for kind in (CoinPrice, CoinIndicators, NetworkState)
    }
    assert set(map(frozenset, by_kind.values())) == {frozenset({"litecoin", "dogecoin", "bitcoin"})}
    charts = sum(raw.endpoint == "market_chart" for raw in answers)
    assert charts == 3, "what is not due is not asked again"


async def test_a_chains_second_source_answers_for_the_first_and_is_asked_no_oftener(
    line: MarketLine, markets: Markets
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        nowhere = f"http://127.0.0.1:{taken.getsockname()[1]}"
        line.start(
            **markets.environment
            | {
                "MINESTREAM_LITECOINSPACE_URL": nowhere,
                "MINESTREAM_MARKET_SOURCES": "litecoinspace,litesolo",
                "MINESTREAM_MARKET_NETWORK_EVERY_S": "300",
            }
        )
        async with asyncio.timeout(60):
            while True:
                answers = {raw.subject: raw for raw in await line.answers()}
                if "litesolo/network/litecoin" in answers:
                    break
    refused = answers["litecoinspace/network/litecoin"]
    assert (refused.status, refused.body) == (PollStatus.REFUSED, None)
    assert refused.error == "no connection (ECONNREFUSED)"
    (state,) = normalise_market(answers["litesolo/network/litecoin"])
    assert isinstance(state, NetworkState)
    assert (state.coin_id, state.source) == ("litecoin", "litesolo")
    own = answers["litesolo/network/dogecoin"]
    assert answers["litesolo/network/litecoin"].fetched_at == own.fetched_at
    assert markets.asked() == {"litesolo": 1}, "two wants, one answer"
    (told,) = line.logged("source_failing")
    assert told["subject"] == "litecoinspace/network/litecoin"


async def test_retry_after_is_obeyed_and_then_all_is_well_again(
    line: MarketLine, markets: Markets
) -> None:
    line.start(**markets.environment, MINESTREAM_MARKET_SOURCES="coingecko")
    await line.measured(lambda seen: seen.get(said("coingecko/simple_price", "ok"), 0) >= 1)
    markets.troubles.begin(Trouble.MARKET_429, for_s=None)
    await line.until(lambda: bool(line.logged("source_wants_pause")))
    markets.troubles.heal()
    await line.until(lambda: bool(line.logged("source_takes_calls")))
    times = sorted(at_s for at_s, _ in markets.calls)
    longest_s = max(after - before for before, after in pairwise(times))
    assert longest_s > RETRY_AFTER_S - 0.5, "nothing was sent in the meantime"
    failed = [raw for raw in await line.answers() if raw.status is not PollStatus.OK]
    assert {(raw.status, raw.http_status, raw.body) for raw in failed} == {
        (PollStatus.ERROR, 429, None)
    }
    assert failed[0].error is not None
    assert "429 Too Many Requests; not before 20" in failed[0].error
    (told,) = line.logged("source_wants_pause")
    assert told["told_by_source"] is True


async def test_a_429_without_retry_after_is_met_with_growing_pauses(
    line: MarketLine, markets: Markets
) -> None:
    markets.troubles.begin(Trouble.MARKET_429_BARE, for_s=None)
    line.start(**markets.environment, MINESTREAM_MARKET_SOURCES="coingecko")
    await line.until(lambda: len(markets.calls) >= 4)
    times = [at_s for at_s, _ in markets.calls[:4]]
    assert times[-1] - times[0] > 1.5, (
        "half a second, one, two, less the jitter, for all wants together"
    )
    markets.troubles.heal()
    await line.measured(lambda seen: seen.get(said("coingecko/simple_price", "ok"), 0) >= 1)
    (told,) = line.logged("source_wants_pause")
    assert told["told_by_source"] is False


async def test_a_market_that_is_down_is_a_gap_which_even_a_killed_collector_closes(
    line: MarketLine, markets: Markets
) -> None:
    where = markets.environment | {
        "MINESTREAM_MARKET_SOURCES": "coingecko,mempool",
        "MINESTREAM_MARKET_MISSED": "2",
    }
    collector = line.start(**where)
    await line.measured(lambda seen: seen.get(fresh("coingecko")) == 1)
    markets.troubles.begin(Trouble.MARKET_DOWN, for_s=None)
    wanted = {"market/simple_price", "market/coins_markets", "market/network/bitcoin"}
    opened = still_open(
        await line.told(lambda gaps: {gap.subject for gap in still_open(gaps).values()} == wanted)
    )
    assert (await asyncio.to_thread(ready, line))["status"] == "ready", "it is not our fault"
    await line.measured(lambda seen: seen.get(fresh("coingecko")) == 0)
    collector.kill()
    collector.wait()
    markets.troubles.heal()
    line.start(**where)
    gaps = await line.told(lambda gaps: not opened.keys() & still_open(gaps).keys())
    for gap in of_source(gaps):
        assert gap.ended_at is None or gap.ended_at > gap.began_at
    told = {line["of"] for line in line.logged("market_fresh")}
    assert told == wanted


async def test_an_answer_that_says_nothing_is_published_and_its_second_source_asked(
    line: MarketLine, markets: Markets
) -> None:
    line.start(
        **markets.environment
        | {
            "MINESTREAM_LITECOINSPACE_URL": f"{markets.url}/nonsense",
            "MINESTREAM_MARKET_SOURCES": "litecoinspace,litesolo",
        }
    )
    await line.measured(lambda seen: seen.get(said("litecoinspace/network", "ok"), 0) >= 3)
    answers = {raw.subject: raw for raw in await line.answers()}
    assert answers["litecoinspace/network/litecoin"].body == '{"status": "be right back"}'
    assert answers["litesolo/network/litecoin"].status is PollStatus.OK
    (told,) = line.logged("source_failing")
    assert told["error"] == "no difficulty (field_missing:difficulty)"
    assert line.logged("market_silent") == [], "somebody has answered"


async def test_a_price_below_zero_costs_its_own_coin_alone(
    line: MarketLine, markets: Markets
) -> None:
    markets.troubles.begin(Trouble.MARKET_NEGATIVE, for_s=None)
    line.start(**markets.environment, MINESTREAM_MARKET_SOURCES="coingecko")
    await line.measured(lambda seen: seen.get(said("coingecko/simple_price", "ok"), 0) >= 1)
    raw = next(raw for raw in await line.answers() if raw.endpoint == "simple_price")
    assert {event.coin_id for event in normalise_market(raw)} == {"dogecoin", "bitcoin"}


async def test_a_wrong_key_is_a_state_that_is_told_and_no_reason_to_hammer(
    line: MarketLine, markets: Markets
) -> None:
    key = "CG-wrong-and-secret"
    traced = line.folder / "traces"
    line.start(
        **markets.environment,
        MINESTREAM_COINGECKO_PLAN="demo",
        MINESTREAM_COINGECKO_KEY=key,
        MINESTREAM_TRACE_FOLDER=str(traced),
        MINESTREAM_TRACE_RATIO="1",
        MINESTREAM_LOG_LEVEL="debug",
    )
    await line.measured(lambda seen: seen.get(said("mempool/network", "ok"), 0) >= 4)
    assert markets.asked()["coingecko"] <= 2
    noted = await asyncio.to_thread(ready, line)
    assert noted["status"] == "ready"
    assert isinstance(noted["notes"], dict)
    assert noted["notes"]["refused"] == "coingecko"
    line.end()
    (told,) = line.logged("source_refuses_us")
    assert (told["source"], told["http_status"], told["level"]) == ("coingecko", 401, "error")
    values = [record.value or b"" for record in await line.records(RAW_MARKET)]
    refused = [raw for raw in map(RawMarket.from_json, values) if raw.source == "coingecko"]
    assert {raw.status for raw in refused} == {PollStatus.UNAUTHORISED}
    assert {raw.error for raw in refused} == {"error 10002: API Key Missing"}
    spans = b"".join(path.read_bytes() for path in traced.iterdir())
    assert b"ask coingecko simple_price" in spans
    for place in (line.log_bytes(), spans, *values):
        assert key.encode() not in place


async def test_prices_that_stand_still_are_told_while_they_are_published(
    line: MarketLine, markets: Markets
) -> None:
    line.start(
        **markets.environment,
        MINESTREAM_MARKET_SOURCES="coingecko,mempool",
        MINESTREAM_MARKET_STALE_AFTER_S="5",
    )
    await line.measured(lambda seen: seen.get(fresh("coingecko")) == 1)
    markets.troubles.begin(Trouble.MARKET_STALE, for_s=None)
    opened = of_source(await line.told(lambda gaps: len(of_source(gaps)) >= 2))
    assert {gap.subject for gap in opened} == {"market/simple_price", "market/coins_markets"}
    assert {line["of"] for line in line.logged("market_stale")} == {gap.subject for gap in opened}
    assert line.logged("market_silent") == []
    markets.troubles.heal()
    await line.told(lambda gaps: sum(bool(gap.ended_at) for gap in gaps) >= 2)
    answers = await line.answers()
    assert {answer.status for answer in answers} == {PollStatus.OK}


async def test_what_is_heard_while_kafka_is_away_waits_on_disk_and_arrives_in_order(
    line: MarketLine, markets: Markets
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        away = f"127.0.0.1:{taken.getsockname()[1]}"
        collector = line.start(
            **markets.environment,
            MINESTREAM_KAFKA_BOOTSTRAP=away,
            MINESTREAM_PUBLISH_DEADLINE_S="0.5",
        )
        await line.until(lambda: sum(entry["via"] == "spool" for entry in line.ledger()) >= 12)
    collector.kill()
    collector.wait()
    kept = [entry["event"] for entry in line.ledger()]
    line.start(**markets.environment)
    await line.measured(lambda seen: seen.get("minestream_spool_events") == 0)
    line.end()
    answers = await line.answers()
    assert set(kept) <= {str(raw.event_id) for raw in answers}
    for subject in SUBJECTS:
        times = [raw.fetched_at for raw in answers if raw.subject == subject]
        assert times == sorted(times)


async def test_without_sources_it_idles_and_is_ready(line: MarketLine, markets: Markets) -> None:
    line.start(**markets.environment, MINESTREAM_MARKET_SOURCES="none")
    await line.until(lambda: bool(line.logged("market_idle")))
    await line.measured(lambda seen: "minestream_spool_events" in seen)
    assert (await asyncio.to_thread(ready, line))["status"] == "ready"
    assert len(line.logged("market_idle")) == 1
    assert markets.calls == []
