from datetime import UTC, datetime, timedelta
from typing import Any

from api_gateway.domain.pools import accounts_of

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def group(account_id: str, algorithm: str, total: int, matched: int, **more: Any) -> dict[str, Any]:
    given = {
        "account_id": account_id,
        "pool": "prohashing",
        "algorithm": algorithm,
        "workers_total": total,
        "workers_fresh": total,
        "workers_matched": matched,
        "hashrate_hs": 1e10,
        "hashrate_said": total,
        "ts": NOW - timedelta(seconds=30),
    }
    return given | more


def test_nobody_has_spoken_and_there_is_no_account() -> None:
    assert accounts_of([], [], [], now=NOW) == []


def test_an_account_adds_up_its_workers_and_keeps_hashrates_apart() -> None:
    groups = [group("a", "scrypt", 5, 4), group("a", "sha256d", 2, 2), group("b", "scrypt", 1, 0)]
    first, second = accounts_of(groups, [], [], now=NOW)
    assert (first["workers_total"], first["workers_matched"], first["workers_unmatched"]) == (
        *(7, 6),
        1,
    )
    assert set(first["algorithms"]) == {"scrypt", "sha256d"}
    assert first["algorithms"]["scrypt"]["hashrate_hs"] == 1e10
    assert second["account_id"] == "b"


def test_an_accounts_age_is_that_of_the_newest_it_said_and_never_negative() -> None:
    balance = {"account_id": "a", "pool": "prohashing", "coin": "Litecoin", "balance_coins": 1.0}
    (older,) = accounts_of([group("a", "scrypt", 1, 1)], [], [balance | {"ts": NOW}], now=NOW)
    assert (older["ts"], older["age_s"]) == (NOW, 0.0)
    ahead = balance | {"ts": NOW + timedelta(seconds=2)}
    (early,) = accounts_of([], [], [ahead], now=NOW)
    assert early["age_s"] == 0.0
    assert early["balances"] == [{"coin": "Litecoin", "balance_coins": 1.0, "ts": ahead["ts"]}]
