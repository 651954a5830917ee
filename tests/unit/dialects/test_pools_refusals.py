"""What a pool refuses in its own words: told as that, and neither as figures nor as an outage."""

import pytest
from tests.unit.dialects.pool_snapshots import REWARDS, SNAPSHOTS, recorded

from minestream_dialects.pools import POOLS
from minestream_schemas.raw import PollStatus


@pytest.mark.parametrize(
    ("pool", "answer", "status", "limited"),
    [
        ("f2pool", recorded("f2pool_error_assembled.json"), PollStatus.UNAUTHORISED, False),
        ("f2pool", {"code": 7, "msg": "requests too frequently"}, PollStatus.ERROR, True),
        ("f2pool", {"code": "B001"}, PollStatus.ERROR, False),
        ("f2pool", {"code": 9, "msg": "auth_error: no permission"}, PollStatus.UNAUTHORISED, False),
        (
            "f2pool",
            {"code": 5010, "msg": 'permission denied: permission denied name="unlimited"'},
            PollStatus.UNAUTHORISED,
            False,
        ),
        (
            "f2pool",
            {"code": 5001, "msg": 'params error: worker="token key-1"'},
            PollStatus.ERROR,
            False,
        ),
        ("viabtc", {"code": 2, "message": "Invalid api key"}, PollStatus.UNAUTHORISED, False),
        ("viabtc", {"code": 12004, "message": "IP limited"}, PollStatus.UNAUTHORISED, False),
        ("viabtc", {"code": "12003", "message": "tonce"}, PollStatus.UNAUTHORISED, False),
        ("viabtc", {"data": {}}, PollStatus.ERROR, False),
        ("ocean", {"result": None}, PollStatus.ERROR, False),
        ("ocean", {"result": None, "error": "too many requests"}, PollStatus.ERROR, True),
        ("litecoinpool", {"error": "Invalid API key"}, PollStatus.UNAUTHORISED, False),
    ],
)
def test_a_refusal_said_with_200_is_one(
    pool: str,
    answer: object,
    status: PollStatus,
    limited: bool,  # noqa: FBT001 - a case
) -> None:
    refusal = POOLS[pool].refusal(answer)
    assert refusal is not None
    assert (refusal.status, refusal.limited) == (status, limited)


def test_a_refusal_says_what_the_pool_says() -> None:
    refusal = POOLS["f2pool"].refusal({"code": 1003, "msg": "not_found: mining user\n" + "x" * 500})
    assert refusal is not None
    assert refusal.text.startswith("code 1003: not_found: mining user ")
    assert len(refusal.text) < 150


@pytest.mark.parametrize(
    ("answer", "ends"),
    [
        ({"error": "No such user or user has no active workers"}, True),
        ({"result": None}, True),
        ({"error": "internal server error"}, False),
    ],
)
def test_ocean_says_whether_what_it_said_before_holds(answer: object, *, ends: bool) -> None:
    refusal = POOLS["ocean"].refusal(answer)
    assert refusal is not None
    assert (refusal.status, refusal.ends) == (PollStatus.ERROR, ends)


def test_an_address_that_ocean_knows_nothing_of_is_told_so_and_no_unreadable_answer() -> None:
    refusal = POOLS["ocean"].refusal({"result": None})
    assert refusal is not None
    assert "nothing was mined to it yet" in refusal.text
    assert POOLS["ocean"].refusal({"result": {}}) is None
    assert POOLS["litecoinpool"].refusal({"user": {}, "error": "market data are late"}) is None


@pytest.mark.parametrize("pool", sorted(POOLS))
def test_a_recorded_answer_is_no_refusal(pool: str) -> None:
    for file in (*SNAPSHOTS[pool].values(), *REWARDS.get(pool, {}).values()):
        assert POOLS[pool].refusal(recorded(file)) is None
    assert not any(POOLS[pool].more(recorded(file)) for file in SNAPSHOTS[pool].values())
