"""Every row arrives, and once, whoever dies and whoever is away."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.component.abacus_sink.conftest import KEY, feature, sink, until

from minestream_runtime.kafka import committed
from minestream_schemas.feature import FEATURE, FeatureGroup

if TYPE_CHECKING:
    from tests.component.abacus_sink.conftest import Abacus, Tell

    from abacus_sink.settings import AbacusSettings

_GROUPS = {group.value for group in FeatureGroup}


async def test_rows_of_three_groups_arrive_in_batches_and_no_group_is_registered_twice(
    settings: AbacusSettings, abacus: Abacus, tell: Tell
) -> None:
    market, pool = FeatureGroup.MARKET_DATA, FeatureGroup.POOL_PERFORMANCE
    await tell(*map(feature, range(2500)))
    await tell(feature(1, market, entity="litecoin"))
    async with sink(settings):
        rows = await abacus.has(2500)
        (price,) = await abacus.has(1, market)
    assert len({row["row_id"] for row in rows}) == len(rows) == 2500
    assert price["coin_id"] == "litecoin"
    assert price["timestamp"] == "2026-11-21T12:00:01.000+00:00"
    calls = await abacus.calls("appendMultipleData")
    assert max(call["rows"] for call in calls) <= 1000
    assert max(call["size"] for call in calls) <= 1_001_000
    async with sink(settings):
        await tell(feature(2, pool, entity="prohashing-main/w1"))
        (worker,) = await abacus.has(1, pool)
    assert worker["worker_id"] == "prohashing-main/w1"
    assert (worker["accepted_shares"], worker["effective_hashrate"]) == (812, 1.6e10)
    for method, count in {
        "createOnlineFeatureGroup": 3,
        "setFeatureGroupSchema": 3,
        "addFeatureGroupToProject": 3,
        "createProject": 1,
        "createStreamingToken": 1,
    }.items():
        assert len(await abacus.calls(method)) == count, method
    assert len(await abacus.rows()) == 2500, "what is committed is not sent again"
