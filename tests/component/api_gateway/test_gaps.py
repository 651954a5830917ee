from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
from tests.component.api_gateway.conftest import NOW, Check, Telemetry, collect

LINK = {"subject": "collector-vnish-0", "cause": "link_down", "reported_by": "collector-vnish-0"}
SILENT = {"subject": "m-1", "cause": "miner_silent", "reported_by": "processor"}


def gap(number: int, began_min: int, ended_min: int | None, **what: Any) -> dict[str, Any]:
    """A gap that began and ended so many minutes ago."""
    ended_at = None if ended_min is None else NOW - timedelta(minutes=ended_min)
    ids = {"gap_id": UUID(int=number), "event_id": UUID(int=number)}
    return what | ids | {"began_at": NOW - timedelta(minutes=began_min), "ended_at": ended_at}


def numbers(items: list[dict[str, Any]]) -> list[int]:
    return [UUID(item["gap_id"]).int for item in items]


async def test_a_collectors_gaps_are_found_by_its_id_its_cause_and_their_time(
    api: httpx.AsyncClient, telemetry: Telemetry, fits: Check
) -> None:
    telemetry.insert(
        "gap",
        gap(1, 3000, 2990, **LINK),
        gap(2, 2000, None, **LINK),
        gap(3, 60, 50, **LINK, lost_total=7),
        gap(4, 55, 40, **SILENT),
    )
    answer = await api.get("/api/v1/gaps")
    fits("/api/v1/gaps", answer)
    assert numbers(answer.json()["items"]) == [2, 3, 4]  # the first ended more than 24 h ago
    assert answer.json()["items"][1]["lost_total"] == 7

    async def found(**query: Any) -> list[int]:
        return numbers((await api.get("/api/v1/gaps", params=query)).json()["items"])

    assert await found(subject="collector-vnish-0") == [2, 3]
    assert await found(subject=["m-1", "nobody"]) == [4]
    assert await found(cause=["miner_silent", "collector_down"]) == [4]
    past = {"from": NOW - timedelta(minutes=2995), "to": NOW - timedelta(minutes=2000)}
    assert await found(**{key: at.isoformat() for key, at in past.items()}) == [1]


async def test_pages_over_gaps_that_began_together_give_each_once(
    api: httpx.AsyncClient, telemetry: Telemetry
) -> None:
    telemetry.insert("gap", *(gap(n, 60 - n // 5, None, **SILENT) for n in range(20)))
    assert numbers(await collect(api, "/api/v1/gaps", limit=3)) == list(range(20))
