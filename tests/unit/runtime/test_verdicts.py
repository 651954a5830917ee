import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minestream_runtime.edge.verdicts import SLOW_S, judge


def told(**fields: Any) -> bytes:
    given = {"processed": 0, "online": 0, "offline": 0, "processing_time_ms": 0}
    return json.dumps({"success": True, "data": given | fields}).encode()


@given(
    items=st.integers(1, 20),
    status=st.integers(100, 599),
    body=st.binary(max_size=200) | st.just(told(processed=3)),
    retry_after=st.none() | st.text(max_size=9) | st.floats().map(str),
)
def test_any_answer_says_something_of_each_item_and_only_ours_publishes(
    items: int, status: int, body: bytes, retry_after: str | None
) -> None:
    verdict = judge(items, status, body, retry_after)
    assert len(verdict.settled) == items
    assert 0 <= verdict.wait_s <= 300
    if any(each.published for each in verdict.settled):
        assert status in {200, 503}
        assert (items, body) == (3, told(processed=3))


def test_each_item_is_published_refused_or_waits() -> None:
    refused = [{"index": 0, "kind": "site", "reason": "another's"}]
    verdict = judge(4, 503, told(processed=2, refused=refused, waiting=[2]), "9")
    assert [each.published for each in verdict.settled] == [False, True, False, True]
    assert verdict.settled[0].refused == ("site", "another's")
    assert (verdict.outcome, verdict.state, verdict.wait_s) == ("partly", "down", 9.0)


@pytest.mark.parametrize(
    ("said", "wait_s"),
    [("120", 120), ("31536000", 300), ("inf", 300), ("-5", 1), ("nan", 1), ("soon", 1), (None, 1)],
)
def test_no_answer_has_a_site_wait_longer_than_five_minutes_or_not_at_all(
    said: str | None, wait_s: float
) -> None:
    assert judge(1, 503, told(waiting=[0]), said).wait_s == wait_s


def test_a_refused_key_says_what_to_look_at_and_waits_long() -> None:
    verdict = judge(1, 401, b'{"success": false, "error": "Invalid API key"}', None)
    assert verdict.state == "refused"
    assert verdict.wait_s == SLOW_S
    assert "is the key this site's, and not revoked?" in verdict.why


@pytest.mark.parametrize(
    ("status", "location", "said", "wait_s"),
    [
        (200, None, "is `gateway` its address, and does no portal or proxy answer", 5),
        (404, None, "is `gateway` its address, and does no portal or proxy answer", 5),
        (403, None, "is `gateway` its address, and does no portal or proxy answer", SLOW_S),
        (502, None, "a proxy before it has no answer from it", 5),
        (302, "https://u:p@portal.example:8443/login?a=b", "to https://portal.example:8443,", 5),
        (301, "https://minestream.example.com/api", "to https://minestream.example.com,", 5),
        (307, "/login?token=b", "leads to another page, and is not followed", 5),
        (302, "https://[::1/", "leads to another page, and is not followed", 5),
    ],
)
def test_who_answers_in_the_gateways_place_is_told_with_what_to_do(
    status: int, location: str | None, said: str, wait_s: float
) -> None:
    verdict = judge(2, status, b"<html>Welcome</html>", None, location)
    assert (verdict.state, verdict.wait_s) == ("down", wait_s)
    assert f"HTTP {status}, not an answer of ours: " in verdict.why
    assert said in verdict.why
    assert "our key" not in verdict.why
    assert not any(secret in verdict.why for secret in ("u:p", "token=", "a=b"))


def test_an_answer_that_does_not_add_up_publishes_nothing() -> None:
    assert judge(5, 200, told(processed=4), None).outcome == "away"
