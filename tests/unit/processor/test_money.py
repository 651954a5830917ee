"""What a miner earns: golden figures of published rates, and what holds of any."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minestream_dialects.prohashing import normalise_pool
from minestream_schemas.pool import PoolMessage, PoolRate, RawPool
from minestream_schemas.raw import PollStatus
from minestream_schemas.telemetry import MinerTelemetry
from minestream_schemas.units import Algorithm
from processor.domain.miner_state import SECOND_US, Worth, to_us
from processor.domain.money import (
    Chain,
    network_rate,
    pool_rate,
    power_cost_usd_per_day,
    revenue_usd_per_day,
    worth_fields,
)
from processor.domain.references import Limits, Network, References
from processor.domain.step import Reading, Rules, step

MakeReading = Callable[..., Reading]
FIXTURES = Path(__file__).parents[2] / "fixtures" / "prohashing"
GIGA = 1e9
AT_US = to_us(datetime(2026, 1, 1, tzinfo=UTC))

amounts = st.none() | st.floats(0, 1e18)
worths = st.builds(
    Worth,
    pool_us=st.none() | st.integers(0, AT_US),
    pool_hashrate_hs=amounts,
    usd_per_hs_day=amounts,
    by_pool=st.booleans(),
    price_us=st.none() | st.integers(0, AT_US),
)


def published() -> PoolRate:
    """Scrypt's rate in the pool's answer of 2019-01-15, read as the processor reads it."""
    raw = RawPool(
        event_id=UUID(int=1),
        account_id="prohashing-main",
        subject="prohashing-main",
        collector_id="collector-pool-0",
        pool="prohashing",
        dialect="prohashing-proxy",
        message=PoolMessage.PROFITABILITY,
        received_at=datetime(2019, 1, 15, 0, 4, 44, tzinfo=UTC),
        status=PollStatus.OK,
        snapshot=True,
        body=(FIXTURES / "http_proxy_profitability.json").read_text(),
    )
    told = normalise_pool(raw, miner_of=lambda _: None)
    (rate,) = (
        one for one in told if isinstance(one, PoolRate) and one.algorithm is Algorithm.SCRYPT
    )
    return rate


def rated(usd: float, fee_ratio: float | None = None) -> References:
    known = References(Limits())
    known.note_rate(
        Algorithm.SCRYPT,
        "prohashing",
        at_us=AT_US,
        event_id=bytes(16),
        usd=usd,
        fee_ratio=fee_ratio,
    )
    return known


def test_seventeen_gigahashes_at_prohashings_published_rate_brought_42_57_dollars_a_day() -> None:
    rate = published()
    assert rate.unit_hs == 1e6
    assert rate.usd_per_hs_day == pytest.approx(0.0025041009705167 / 1e6)
    revenue = revenue_usd_per_day(17.0 * GIGA, rate.usd_per_hs_day)
    assert revenue == pytest.approx(42.5697, abs=1e-4)
    assert revenue != pytest.approx(3.68, abs=0.01), "hashrate x usd x 86,400, counted in TH"


def test_litecoin_alone_at_the_rate_of_march_2025_brings_sixteen_gigahashes_1_96_dollars() -> None:
    assert revenue_usd_per_day(16 * GIGA, 0.1227 / GIGA) == pytest.approx(1.9632)


def test_an_l9s_power_costs_five_dollars_a_day_at_6_2_cents() -> None:
    assert power_cost_usd_per_day(3360, 0.062) == pytest.approx(4.99968)


def test_scrypt_by_the_networks_is_litecoin_and_dogecoin_together() -> None:
    litecoin = Chain(price_usd=82.1, reward_coins=6.25, difficulty=108e6)
    dogecoin = Chain(price_usd=0.17, reward_coins=10_000, difficulty=40e6)
    # by hand: 82.1 x 6.25 x 86,400 = 44,334,000 over 108e6 x 4,294,967,296 = 4.638564680e17
    assert network_rate([litecoin]) * GIGA == pytest.approx(0.0955770, abs=1e-7)
    # and 0.17 x 10,000 x 86,400 = 146,880,000 over 40e6 x 4,294,967,296 = 1.717986918e17
    assert network_rate([dogecoin]) * GIGA == pytest.approx(0.8549542, abs=1e-7)
    assert network_rate([litecoin, dogecoin]) * GIGA == pytest.approx(0.9505312, abs=1e-7)


def test_a_reading_says_what_it_earns_costs_and_brings(reading: MakeReading) -> None:
    rate = published().usd_per_hs_day
    assert rate is not None
    worth = rated(rate).worth(Algorithm.SCRYPT, None, AT_US)
    one = reading(60, hashrate_hs=17.0 * GIGA, power_w=3360.0, algorithm=Algorithm.SCRYPT)
    told = step(None, one._replace(worth=worth, tariff_usd_per_kwh=0.062), Rules()).telemetry
    assert told.revenue_basis == "pool_rate"
    assert told.rate_usd_per_hs_day == pytest.approx(2.5041009705167e-9, rel=1e-9, abs=0)
    assert told.price_at == datetime(2026, 1, 1, tzinfo=UTC)
    assert told.revenue_usd_per_day == pytest.approx(42.5697, abs=1e-4)
    assert told.power_cost_usd_per_day == pytest.approx(4.99968)
    assert told.profit_usd_per_day == pytest.approx(37.5700, abs=1e-4)
    assert MinerTelemetry.from_json(told.to_json()) == told


@pytest.mark.parametrize(
    ("url", "basis"),
    [
        (None, True),
        ("stratum+tcp://us.mining.prohashing.com:3333", True),
        ("mining.prohashing.com:3333", True),
        ("10.0.0.5:3333", True),  # a proxy of the farm's own: any pool may be behind it
        ("farm-proxy:3333", True),
        ("stratum+tcp://stratum.braiins.com:3333", False),
        ("stratum.litecoinpool.org:3333", False),
    ],
)
def test_a_pools_rate_is_not_for_a_miner_that_says_it_mines_elsewhere(
    url: str | None, *, basis: bool
) -> None:
    worth = rated(4e-10).worth(Algorithm.SCRYPT, None, AT_US, pool_url=url)
    assert worth.by_pool is basis
    assert (worth.usd_per_hs_day is None) is not basis, "no network is known here"


def test_a_pools_fee_is_taken_off_whichever_message_tells_it() -> None:
    assert pool_rate(4e-10, 0.0199) == pytest.approx(3.9204e-10, rel=1e-9, abs=0)
    known = rated(4e-10)
    known.note_rate(
        Algorithm.SCRYPT,
        "prohashing",
        at_us=AT_US - 3600 * SECOND_US,
        event_id=bytes(16),
        usd=None,
        fee_ratio=0.0199,
    )
    quote = known.quote(Algorithm.SCRYPT, "prohashing", AT_US)
    assert quote is not None
    assert quote.usd_per_hs_day == pytest.approx(3.9204e-10, rel=1e-9, abs=0)


@pytest.mark.parametrize("missing", ["price", "network", "none"])
def test_the_networks_rate_needs_every_coin_of_the_algorithm(missing: str) -> None:
    known = References(Limits())
    for number, coin in enumerate(("litecoin", "dogecoin")):
        at: dict[str, Any] = {"at_us": AT_US - number * SECOND_US, "event_id": bytes(16)}
        if (coin, missing) != ("dogecoin", "price"):
            known.note_price(coin, usd=80.0, **at)
        if (coin, missing) != ("dogecoin", "network"):
            known.note_network(coin, network=Network(1e8, 6.25), **at)
    quote = known.quote(Algorithm.SCRYPT, None, AT_US)
    if missing == "none":
        assert quote is not None
        assert (quote.basis, quote.oldest_us) == ("network", AT_US - SECOND_US)
    else:
        assert quote is None


@given(amounts, amounts, worths, amounts)
def test_profit_is_revenue_less_cost_and_nothing_follows_from_what_is_unknown(
    reading: MakeReading,
    hashrate: float | None,
    power: float | None,
    worth: Worth,
    tariff: float | None,
) -> None:
    watts = None if power is None else min(power, 1e5)
    told = worth_fields(reading(0, hashrate_hs=hashrate, power_w=watts).telemetry, worth, tariff)
    revenue, cost = told.get("revenue_usd_per_day"), told.get("power_cost_usd_per_day")
    assert ("revenue_usd_per_day" in told) == (None not in {hashrate, worth.usd_per_hs_day})
    assert ("power_cost_usd_per_day" in told) == (None not in {watts, tariff})
    assert ("profit_usd_per_day" in told) == (None not in {revenue, cost})
    assert isinstance(revenue, float | None)
    assert isinstance(cost, float | None)
    assert revenue is None or revenue >= 0
    assert cost is None or cost >= 0
    if revenue is not None and cost is not None:
        assert told["profit_usd_per_day"] == revenue - cost


def test_a_sum_beyond_what_a_number_can_say_is_not_said() -> None:
    assert revenue_usd_per_day(1e300, 1e300) is None
