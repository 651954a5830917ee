"""Pools, the market, and a miner's series with both, over REST."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from tests.component.api_gateway.conftest import NOW, Check, Telemetry, collect, entry, put, reading

from api_gateway.adapters.database import Writer
from minestream_schemas.ids import derived_id

ACCOUNT = {"account_id": "prohashing-main", "pool": "prohashing"}


def _ids(*parts: object) -> dict[str, Any]:
    return {"event_id": derived_id("t", *parts), "raw_event_id": derived_id("raw", *parts)}


def worker(name: str, ago_s: float = 5.0, **more: Any) -> dict[str, Any]:
    given = {
        **_ids(name, ago_s, more.get("worker_id")),
        **ACCOUNT,
        "subject": more.get("miner_id") or f"prohashing-main/{name}",
        "ts": datetime.now(UTC) - timedelta(seconds=ago_s),
        "worker": name,
        "worker_id": f"id-{name}",
        "algorithm": "scrypt",
    }
    return given | more


def priced(coin_id: str, usd: float, ago_s: float = 0.0) -> dict[str, Any]:
    at = NOW - timedelta(seconds=ago_s)
    given = {"ts": at, "fetched_at": at, "coin_id": coin_id, "source": "coingecko"}
    return _ids(coin_id, ago_s) | given | {"price_usd": usd}


async def test_an_account_is_told_with_workers_hashrate_rates_and_balances(
    api: httpx.AsyncClient, telemetry: Telemetry, fits: Check
) -> None:
    now = datetime.now(UTC)
    telemetry.insert(
        "pool_worker_latest",
        worker("l9-1", miner_id="m-1", hashrate_hs=1.5e10),
        worker("l9-2", miner_id="m-2", hashrate_hs=1.6e10),
        worker("l9-2", 1000, miner_id="m-2", hashrate_hs=1.6e10, worker_id="id-over"),
        worker("l9-3", 1000, hashrate_hs=7e10),
        worker("mute"),
        worker("s21-1", algorithm="sha256d", hashrate_hs=2e14),
    )
    rate = {"subject": "prohashing/scrypt", "algorithm": "scrypt", "unit_hs": 1e6}
    rate |= {"ts": now - timedelta(seconds=30), "received_at": now, "usd_per_hs_day": 4.5e-10}
    telemetry.insert("pool_rate_latest", _ids("rate") | ACCOUNT | rate)
    owed = {"subject": "prohashing-main/Litecoin", "coin": "Litecoin", "balance_coins": 1.25}
    telemetry.insert("pool_balance_latest", _ids("owed") | ACCOUNT | owed | {"ts": now})
    other = {"account_id": "other", "pool": "elsewhere"}
    telemetry.insert("pool_balance_latest", _ids("x") | other | owed | {"ts": now})
    answer = await api.get("/api/v1/pools")
    fits("/api/v1/pools", answer)
    elsewhere, account = answer.json()["items"]
    assert (elsewhere["account_id"], elsewhere["workers_total"]) == ("other", 0)
    counts = ("workers_total", "workers_fresh", "workers_matched", "workers_unmatched")
    assert [account[name] for name in counts] == [5, 4, 2, 3]
    assert account["ts"] == now.isoformat().replace("+00:00", "Z")
    assert 0 <= account["age_s"] < 60
    assert account["algorithms"] == {
        "scrypt": {
            "workers_total": 4,
            "workers_fresh": 3,
            "workers_matched": 2,
            "hashrate_hs": 3.1e10,
            "hashrate_said": 2,
        },
        "sha256d": {
            "workers_total": 1,
            "workers_fresh": 1,
            "workers_matched": 0,
            "hashrate_hs": 2e14,
            "hashrate_said": 1,
        },
    }
    [paid] = account["rates"]
    assert (paid["algorithm"], paid["usd_per_hs_day"], paid["fee_ratio"]) == (
        *("scrypt", 4.5e-10),
        None,
    )
    assert paid["age_s"] >= 30
    assert [balance["balance_coins"] for balance in account["balances"]] == [1.25]


async def test_workers_are_paged_and_those_without_a_miner_found(
    api: httpx.AsyncClient, telemetry: Telemetry, fits: Check
) -> None:
    telemetry.insert(
        "pool_worker_latest",
        *(
            worker(f"w-{n // 2:02}", worker_id=f"id-{n % 2}", miner_id="m-1" if n % 3 else None)
            for n in range(20)
        ),
        worker("w-00", worker_id=None, account_id="zz"),
    )
    path = "/api/v1/pools/workers"
    answer = await api.get(path, params={"limit": 7})
    fits(path, answer)
    items = await collect(api, path, limit=7)
    assert len(items) == 21
    assert items == sorted(
        items, key=lambda item: (item["account_id"], item["worker"], item["worker_id"] or "")
    )
    assert (items[-1]["account_id"], items[-1]["worker_id"]) == ("zz", None)
    assert items[0]["fresh"] is True
    unmatched = await collect(api, path, limit=3, unmatched="true")
    assert len(unmatched) == 8
    assert {item["miner_id"] for item in unmatched} == {None}
    matched = await collect(api, path, limit=5, unmatched="false", account="prohashing-main")
    assert {item["miner_id"] for item in matched} == {"m-1"}
    assert len(matched) == 13


async def test_a_connection_that_was_replaced_is_not_shown_when_it_is_stale(
    api: httpx.AsyncClient, telemetry: Telemetry
) -> None:
    telemetry.insert(
        "pool_worker_latest",
        worker("w-1", 901, worker_id="before"),
        worker("w-1", 5, worker_id="now"),
        worker("w-2", 9000, worker_id="alone"),
    )
    answer = await api.get("/api/v1/pools/workers")
    shown = [(item["worker_id"], item["fresh"]) for item in answer.json()["items"]]
    assert shown == [("now", True), ("alone", False)]


async def test_a_worker_that_feed_and_http_have_told_counts_once(
    api: httpx.AsyncClient, telemetry: Telemetry
) -> None:
    telemetry.insert(
        "pool_worker_latest",
        worker("w-1", 60, worker_id="a", hashrate_hs=1e10),
        worker("w-1", 70, worker_id="b", hashrate_hs=1e10),
        worker("w-1", 5, worker_id=None, hashrate_hs=2e10),
        worker("w-2", 60, worker_id=None, hashrate_hs=4e10),
        worker("w-2", 5, worker_id="c", hashrate_hs=3e10),
    )
    [account] = (await api.get("/api/v1/pools")).json()["items"]
    assert account["workers_fresh"] == 2
    assert account["algorithms"]["scrypt"]["hashrate_hs"] == 5e10
    items = (await api.get("/api/v1/pools/workers")).json()["items"]
    assert [item["worker_id"] for item in items] == [None, "c"]


def stats(account: str, coin: str, ago_s: float = 30.0, **more: Any) -> dict[str, Any]:
    given = {
        **_ids("stats", account, coin, ago_s),
        "account_id": account,
        "pool": account.partition("-")[0],
        "subject": f"{account}/{coin}",
        "ts": datetime.now(UTC) - timedelta(seconds=ago_s),
        "algorithm": "sha256d",
        "coin": coin,
        "stale": False,
    }
    return given | more


def reward(account: str, ago: timedelta, kind: str = "credit", **more: Any) -> dict[str, Any]:
    given = {
        **_ids("reward", account, str(ago), kind),
        "account_id": account,
        "pool": account.partition("-")[0],
        "subject": f"{account}/bitcoin",
        "ts": datetime.now(UTC) - ago,
        "kind": kind,
        "coin": "bitcoin",
        "amount_coins": 0.001,
        "payout_scheme": "FPPS",
    }
    return given | more


async def test_what_pools_say_of_accounts_is_told_with_its_age_and_whether_it_is_old(
    api: httpx.AsyncClient, telemetry: Telemetry, fits: Check
) -> None:
    telemetry.insert(
        "pool_stats_latest",
        stats("braiins-main", "bitcoin", hashrate_hs=2.8e13, payout_kind="daily"),
        stats("litecoinpool-main", "litecoin", merged_coins=["dogecoin"], stale=True),
        stats("litecoinpool-main", "dogecoin", 2000.0, unpaid_coins=234.1),
    )
    answer = await api.get("/api/v1/pools/stats")
    fits("/api/v1/pools/stats", answer)
    items = answer.json()["items"]
    assert [(each["account_id"], each["coin"], each["fresh"]) for each in items] == [
        ("braiins-main", "bitcoin", True),
        ("litecoinpool-main", "dogecoin", False),
        ("litecoinpool-main", "litecoin", False),
    ]
    assert items[2]["merged_coins"] == ["dogecoin"]
    assert items[0]["hashrate_hs"] == 2.8e13
    assert 29 <= items[0]["age_s"] < 90
    of_one = await api.get("/api/v1/pools/stats", params={"account": "braiins-main"})
    assert len(of_one.json()["items"]) == 1


async def test_payouts_tell_when_and_bear_that_a_pool_does_not(
    api: httpx.AsyncClient, telemetry: Telemetry, fits: Check
) -> None:
    now = datetime.now(UTC)
    telemetry.room(now - timedelta(days=50), now + timedelta(days=1), "pool_reward")
    told: dict[str, Any] = {"payout_kind": "per_block", "payout_threshold_coins": 0.01048576}
    telemetry.insert(
        "pool_stats_latest",
        stats("braiins-main", "bitcoin", payout_kind="daily", payout_scheme="FPPS"),
        stats("ocean-main", "bitcoin", next_payout_coins=0.0105, **told),
    )
    telemetry.insert(
        "pool_reward",
        reward("braiins-main", timedelta(days=2), "payout", amount_coins=0.0125),
        reward("braiins-main", timedelta(days=1), "payout", amount_coins=0.0126),
        reward("braiins-main", timedelta(hours=1), amount_coins=9.0),
    )
    answer = await api.get("/api/v1/pools/payouts")
    fits("/api/v1/pools/payouts", answer)
    braiins, ocean = answer.json()["items"]
    assert (braiins["payout_kind"], braiins["payout_threshold_coins"]) == ("daily", None)
    assert (braiins["next_payout_at"], braiins["last_payout_coins"]) == (None, 0.0126)
    assert (ocean["payout_threshold_coins"], ocean["last_payout_at"]) == (0.01048576, None)


async def test_rewards_are_paged_from_the_newest_on(
    api: httpx.AsyncClient, telemetry: Telemetry, fits: Check
) -> None:
    now = datetime.now(UTC)
    telemetry.room(now - timedelta(days=50), now + timedelta(days=1), "pool_reward")
    days = [reward("braiins-main", timedelta(days=day), period_s=86400.0) for day in range(1, 8)]
    paid = reward("braiins-main", timedelta(days=3, hours=1), "payout")
    telemetry.insert("pool_reward", *days, paid, reward("ocean-main", timedelta(days=2)))
    telemetry.insert("pool_reward", reward("braiins-main", timedelta(days=40)))
    path = "/api/v1/pools/rewards"
    fits(path, await api.get(path))
    whole = await collect(api, path, account="braiins-main", limit=3)
    assert len(whole) == 8
    assert [each["ts"] for each in whole] == sorted((each["ts"] for each in whole), reverse=True)
    payouts = await collect(api, path, kind="payout")
    assert [each["amount_coins"] for each in payouts] == [0.001]
    begin = (datetime.now(UTC) - timedelta(days=41)).isoformat()
    assert len(await collect(api, path, **{"from": begin})) == 10


async def test_a_rewards_query_that_makes_no_sense_is_refused(api: httpx.AsyncClient) -> None:
    path = "/api/v1/pools/rewards"
    for query in (
        {"from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"},
        {"kind": "gift"},
        {"cursor": "bm90IG91cnM"},
    ):
        assert (await api.get(path, params=query)).status_code == 422


async def test_the_market_tells_each_coin_with_what_is_known_of_it(
    api: httpx.AsyncClient, telemetry: Telemetry, fits: Check
) -> None:
    empty = await api.get("/api/v1/market")
    fits("/api/v1/market", empty)
    assert empty.json() == {"items": []}
    telemetry.insert("price_latest", priced("litecoin", 82.1, 40.0) | {"change_24h_ratio": -0.02})
    chain = {"ts": NOW, "coin_id": "dogecoin", "symbol": "DOGE", "algorithm": "scrypt"}
    chain |= {"source": "litesolo", "difficulty": 4.1e7, "block_reward_coins": 1e4}
    telemetry.insert("network_latest", _ids("chain") | chain | {"block_time_s": 60.0})
    shape = {"ts": NOW, "coin_id": "litecoin", "source": "coingecko", "step_s": 86_400.0}
    telemetry.insert("indicators_latest", _ids("shape") | shape | {"points": 30, "rsi_14": 54.2})
    answer = await api.get("/api/v1/market")
    fits("/api/v1/market", answer)
    doge, litecoin = answer.json()["items"]
    assert (doge["coin_id"], doge["symbol"], doge["price"]) == ("dogecoin", "DOGE", None)
    assert doge["network"]["difficulty"] == 4.1e7
    assert litecoin["price"]["price_usd"] == 82.1
    assert litecoin["price"]["change_24h_ratio"] == -0.02
    assert litecoin["price"]["age_s"] >= 40
    assert litecoin["indicators"]["rsi_14"] == 54.2
    assert litecoin["network"] is None
    assert "raw_event_id" not in answer.text


async def test_a_miner_its_pool_and_the_market_are_one_series(
    api: httpx.AsyncClient, writer: Writer, telemetry: Telemetry, fits: Check
) -> None:
    await put(writer, [entry("m-1"), entry("m-2")])
    ten = (NOW - timedelta(days=1)).replace(hour=10, minute=0, second=0)
    telemetry.room(ten, NOW, "reading", "pool_worker", "price")
    money = {"rate_usd_per_hs_day": 4e-10, "revenue_basis": "pool_rate"}
    money |= {"revenue_usd_per_day": 6.4, "power_cost_usd_per_day": 3.6, "profit_usd_per_day": 2.8}
    telemetry.insert("reading", reading("m-1", ten, hashrate_hs=1.6e10, power_w=3e3, **money))
    said = worker("l9-1", subject="m-1", miner_id="m-1", hashrate_hs=1.5e10)
    telemetry.insert("pool_worker", said | {"ts": ten + timedelta(minutes=6)})
    telemetry.insert("price", priced("litecoin", 82.1) | {"ts": ten})
    path = "/api/v1/miners/m-1/unified"
    asked: dict[str, Any] = {"from": (ten + timedelta(minutes=1)).isoformat(), "step": 300}
    answer = await api.get(path, params=asked | {"to": (ten + timedelta(minutes=7)).isoformat()})
    fits("/api/v1/miners/{miner_id}/unified", answer)
    body = answer.json()
    assert (body["from"], body["to"], body["step_s"]) == (
        ten.isoformat().replace("+00:00", "Z"),
        (ten + timedelta(minutes=10)).isoformat().replace("+00:00", "Z"),
        300,
    )
    first, second = body["items"]
    known = {
        "readings": 1,
        "hashrate_mean_hs": 1.6e10,
        "revenue_basis": "pool_rate",
        "profit_mean_usd_per_day": 2.8,
        "pool_hashrate_mean_hs": None,
        "litecoin_price_usd": 82.1,
        "bitcoin_price_usd": None,
    }
    assert {name: first[name] for name in known} == known
    assert (second["readings"], second["hashrate_mean_hs"]) == (0, None)
    assert (second["pool_hashrate_mean_hs"], second["profit_mean_usd_per_day"]) == (1.5e10, None)
    silent = await api.get("/api/v1/miners/m-2/unified")
    assert {item["readings"] for item in silent.json()["items"]} == {0}
    assert len(silent.json()["items"]) in {288, 289}


@pytest.mark.parametrize(
    ("query", "status", "told"),
    [
        ("from=2026-01-01T00:00:00Z&to=2026-01-01T00:00:00Z", 422, "before to"),
        ("step=7", 422, "greater than or equal to 60"),
        ("step=70", 422, "divides an hour"),
        ("step=18000", 422, "divide a day"),
        ("from=2025-01-01T00:00:00Z&to=2026-01-01T00:00:00Z&step=3600", 422, "at most 2000"),
        ("", 404, "no miner nobody"),
    ],
)
async def test_a_series_that_makes_no_sense_is_refused_with_what_is_allowed(
    api: httpx.AsyncClient, query: str, status: int, told: str
) -> None:
    answer = await api.get(f"/api/v1/miners/nobody/unified?{query}")
    assert answer.status_code == status
    assert told in answer.text


async def test_a_sites_summary_adds_up_the_money_that_is_known(
    api: httpx.AsyncClient, writer: Writer, telemetry: Telemetry, fits: Check
) -> None:
    now = datetime.now(UTC)
    await put(writer, [entry(f"m-{n}") for n in range(4)])
    telemetry.insert(
        "latest",
        reading(
            "m-0",
            now,
            revenue_usd_per_day=6.5,
            power_cost_usd_per_day=4.0,
            profit_usd_per_day=2.5,
        ),
        reading("m-1", now, power_cost_usd_per_day=4.5),
        reading("m-2", now - timedelta(hours=1), revenue_usd_per_day=99.0),
        reading("m-3", now, status="offline", power_cost_usd_per_day=99.0),
    )
    answer = await api.get("/api/v1/sites/site-a/summary")
    fits("/api/v1/sites/{site_id}/summary", answer)
    body = answer.json()
    assert (body["revenue_usd_per_day"], body["revenue_said"]) == (6.5, 1)
    assert (body["power_cost_usd_per_day"], body["power_cost_said"]) == (8.5, 2)
    assert (body["profit_usd_per_day"], body["profit_said"]) == (2.5, 1)
