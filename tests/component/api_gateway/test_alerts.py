"""REST of alerts over a real database: which ones, page by page, and one with all its steps."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from tests.component.api_gateway.alerting import Alerting, transition, writing
from tests.component.api_gateway.conftest import NOW, Check, collect

from minestream_schemas.ids import derived_id


@pytest.fixture
def alerting(database_url: str) -> Iterator[Alerting]:
    with writing(database_url) as opened:
        yield opened


async def summaries(api: httpx.AsyncClient, **query: Any) -> list[str]:
    answer = await api.get("/api/v1/alerts", params=query)
    assert answer.status_code == 200, answer.text
    return [item["summary"] for item in answer.json()["items"]]


async def test_an_alert_is_listed_once_as_its_newest_transition_left_it(
    api: httpx.AsyncClient, alerting: Alerting, fits: Check
) -> None:
    alerting.write(
        transition("hot", 1),
        transition("hot", 2, severity="critical", value=93.0, limit=90.0),
        transition("later", fired_at=NOW, miner="m-2"),
    )
    answer = await api.get("/api/v1/alerts")
    fits("/api/v1/alerts", answer)
    later, hot = answer.json()["items"]
    assert later["alert_id"] == str(derived_id("alert", "later"))
    assert (hot["number"], hot["severity"], hot["value"], hot["limit"]) == (2, "critical", 93, 90)
    assert hot["notified_channels"] == []
    assert "traceparent" not in hot


async def test_filters_find_what_fires_how_bad_where_and_by_which_rule(
    api: httpx.AsyncClient, alerting: Alerting
) -> None:
    alerting.write(
        transition("a", summary="a"),
        transition("b", summary="b", severity="critical", miner="m-2", site_id="site-b"),
        transition("c", summary="c"),
        transition("c", 2, summary="c", phase="resolved"),
        transition("d", summary="d", rule="offline", severity="critical"),
    )
    everything = set(await summaries(api))
    assert everything == {"a", "b", "c", "d"}
    for query, wanted in (
        ({"firing": "true"}, {"a", "b", "d"}),
        ({"firing": "false"}, {"c"}),
        ({"severity": "critical"}, {"b", "d"}),
        ({"severity": ["critical", "warning"], "firing": "true"}, {"a", "b", "d"}),
        ({"site": "site-b"}, {"b"}),
        ({"miner": ["m-2", "nobody"]}, {"b"}),
        ({"rule": "offline"}, {"d"}),
        ({"rule": "offline", "site": "site-b"}, set()),
    ):
        assert set(await summaries(api, **query)) == wanted, query


async def test_pages_over_alerts_that_fired_together_give_each_once(
    api: httpx.AsyncClient, alerting: Alerting
) -> None:
    for n in range(20):
        fired_at = NOW - timedelta(minutes=n // 5)
        alerting.write(transition(f"n-{n}", summary=str(n), fired_at=fired_at))
    items = await collect(api, "/api/v1/alerts", limit=3)
    assert [int(item["summary"]) // 5 for item in items] == [n // 5 for n in range(20)]
    assert len({item["alert_id"] for item in items}) == 20


async def test_one_alert_tells_each_step_and_each_notification_with_its_tries(
    api: httpx.AsyncClient, alerting: Alerting, fits: Check
) -> None:
    first = transition("hot", 1)
    second = transition("hot", 2, phase="resolved")
    alerting.write(first, second)
    alerting.notify(first, "webhook", "sent", attempts=3)
    alerting.notify(first, "email", "sent")
    alerting.notify(second, "webhook", "failed", attempts=9, error="410: gone")
    alerting.notify(second, "email", "pending")
    answer = await api.get(f"/api/v1/alerts/{first['alert_id']}")
    fits("/api/v1/alerts/{alert_id}", answer)
    said = answer.json()
    assert [step["phase"] for step in said["transitions"]] == ["firing", "resolved"]
    assert [
        (each["number"], each["channel"], each["state"], each["attempts"])
        for each in said["notifications"]
    ] == [
        (1, "email", "sent", 1),
        (1, "webhook", "sent", 3),
        (2, "email", "pending", 0),
        (2, "webhook", "failed", 9),
    ]
    assert said["notified_channels"] == ["email", "webhook"]
    assert (said["waiting"], said["failed"], said["error"]) == (1, 1, "webhook: 410: gone")


async def test_an_alert_that_is_not_there_is_a_problem_and_so_is_what_is_no_id(
    api: httpx.AsyncClient, fits: Check
) -> None:
    unknown = await api.get(f"/api/v1/alerts/{derived_id('alert', 'nobody')}")
    assert unknown.status_code == 404
    fits("/api/v1/alerts/{alert_id}", unknown)
    for path in ("/api/v1/alerts/7", "/api/v1/alerts?severity=awful", "/api/v1/alerts?limit=0"):
        assert (await api.get(path)).status_code == 422


async def test_where_the_alerter_has_never_run_the_answer_says_what_to_do(
    api: httpx.AsyncClient, alerting: Alerting, fits: Check
) -> None:
    alerting.remove()
    for path in ("/api/v1/alerts", f"/api/v1/alerts/{derived_id('alert', 'a')}"):
        answer = await api.get(path)
        assert answer.status_code == 503
        assert "alerting_v1" in answer.json()["detail"]
        assert "minestream migrate" in answer.json()["detail"]
    fits("/api/v1/alerts", await api.get("/api/v1/alerts"))
    assert (await api.get("/api/v1/miners")).status_code == 200
