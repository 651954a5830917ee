"""Where each pool is asked, what, how far apart and with what key: as their own papers say."""

from datetime import UTC, datetime

import pytest
from pydantic import SecretStr
from tests.unit.dialects.pool_snapshots import said_of

from minestream_dialects.pools import POOLS
from minestream_dialects.pools.port import Call, Span

KEY = "my-key-of-32-letters"
SPAN = Span(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 22, 12, tzinfo=UTC))
WHO = "bc1qxy2kgdygjrsqtzq2n0yrf2493p83kkfjhx0wlh"
SAID = said_of(key=KEY, address=WHO, coin="bitcoin")
FIRST_AND_LAST_S = f"{int(SPAN.begin.timestamp())}/{int(SPAN.end.timestamp())}"
ASKED: dict[str, tuple[str, float, tuple[str, ...]]] = {
    "ocean": (
        "https://api.ocean.xyz/v1",
        1.0,
        (
            f"user_hashrate/{WHO}",
            f"statsnap/{WHO}",
            f"user_hashrate_full/{WHO}",
            f"earnpay/{WHO}/{FIRST_AND_LAST_S}",
        ),
    ),
    "braiins": (
        "https://pool.braiins.com",
        5.0,
        (
            "accounts/profile/json/btc",
            "accounts/workers/json/btc",
            "accounts/rewards/json/btc",
            "accounts/payouts/json/btc",
        ),
    ),
    "litecoinpool": ("https://www.litecoinpool.org", 60.0, ("api",)),
}
KEYED = {
    "ocean": {},
    "braiins": {"Pool-Auth-Token": KEY},
    "litecoinpool": {"api_key": KEY},
    "f2pool": {"F2P-API-SECRET": KEY},
    "viabtc": {"X-API-KEY": KEY},
}


def calls(pool: str) -> tuple[Call, ...]:
    given = {"account_id": f"{pool}-main", "pool": pool, **SAID[pool]}
    return POOLS[pool].calls(POOLS[pool].account.model_validate(given), SPAN)


@pytest.mark.parametrize("pool", ASKED)
def test_a_pool_is_asked_where_its_papers_say_and_no_oftener(pool: str) -> None:
    url, apart_s, paths = ASKED[pool]
    assert (POOLS[pool].url, POOLS[pool].apart_s) == (url, apart_s)
    assert tuple(call.path for call in calls(pool)) == paths


@pytest.mark.parametrize("pool", sorted(POOLS))
def test_each_question_carries_the_key_as_the_pool_wants_it_and_as_a_secret(pool: str) -> None:
    for call in calls(pool):
        sent = {**call.params, **call.headers}
        secrets = {name: each for name, each in sent.items() if isinstance(each, SecretStr)}
        assert {name: each.get_secret_value() for name, each in secrets.items()} == KEYED[pool]
        assert KEY not in repr(call)
