"""An answer becomes one event: verbatim, or its failure and nothing secret."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from collector_market.domain.records import Heard, to_event
from collector_market.domain.wants import Asking
from minestream_schemas.market import MarketEndpoint, RawMarket
from minestream_schemas.raw import PollStatus

AT = datetime(2026, 11, 21, 14, 30, tzinfo=UTC)
ID = UUID("019aa6d6-d300-7c11-8e2a-5d0f6b7a8c94")
SIMPLE = Asking("coingecko", MarketEndpoint.SIMPLE_PRICE, "simple/price")
LTC = Asking("litesolo", MarketEndpoint.NETWORK, "api/v1/chains", (), "litecoin")


def event(heard: Heard, asking: Asking = SIMPLE) -> RawMarket:
    return to_event(asking, heard, ID, "collector-market-0")


def test_what_can_be_read_goes_on_verbatim() -> None:
    body = ' {"litecoin": {"usd": 82.10, "x": "\\u00fc ü"}}\n'.encode()
    raw = event(Heard(PollStatus.OK, AT, 95.5, 200, body, AT))
    assert raw.body == body.decode()
    assert (raw.subject, raw.coin_id) == ("coingecko/simple_price", None)
    assert (raw.fetched_at, raw.latency_ms, raw.http_status) == (AT, 95.5, 200)
    assert (raw.server_at, raw.error, raw.event_id) == (AT, None, ID)
    assert RawMarket.from_json(raw.to_json()) == raw


def test_a_question_about_one_coin_says_which() -> None:
    raw = event(Heard(PollStatus.OK, AT, 1.0, 200, b"{}"), LTC)
    assert (raw.subject, raw.coin_id) == ("litesolo/network/litecoin", "litecoin")


def test_a_failure_has_its_status_and_its_reason_and_no_body() -> None:
    body = b'{"status": {"error_code": 10002, "error_message": "API Key Missing"}}'
    raw = event(Heard(PollStatus.UNAUTHORISED, AT, 1.0, 401, body, None, "401 Unauthorized"))
    assert (raw.status, raw.http_status, raw.body) == (PollStatus.UNAUTHORISED, 401, None)
    assert raw.error == "401 Unauthorized; error 10002"


def test_a_429_says_until_when() -> None:
    body = b'{"status": {"error_code": 429}}'
    until = datetime(2026, 11, 21, 14, 31, 0, 500, tzinfo=UTC)
    heard = Heard(PollStatus.ERROR, AT, 1.0, 429, body, None, "429 Too Many Requests", until)
    assert event(heard).error == "429 Too Many Requests; not before 2026-11-21T14:31:00+00:00"


@pytest.mark.parametrize("body", [None, b"", b"<html>", b"[1]", b'{"status": 5}', b"[" * 99_999])
def test_a_failure_whose_body_explains_nothing_is_told_all_the_same(body: bytes | None) -> None:
    raw = event(Heard(PollStatus.ERROR, AT, 1.0, 500, body, None, "500 Internal Server Error"))
    assert raw.error == "500 Internal Server Error"


def test_of_garbage_the_beginning_is_kept() -> None:
    raw = event(Heard(PollStatus.GARBAGE, AT, 1.0, 200, b"\xff" * 9000, None, "no JSON"))
    assert raw.body == "\ufffd" * 4096
    assert raw.error == "no JSON"
