"""Every row arrives, and once, whoever dies and whoever is away."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.component.abacus_sink.conftest import environment, said, sink, told_all, until
from tests.component.abacus_sink.events import feature

from minestream_devstack.supervision import STOP_WAIT_S
from minestream_runtime.clock import SystemClock
from minestream_runtime.kafka import committed
from minestream_runtime.metrics import counter, gauge
from minestream_schemas.feature import FEATURE, FeatureGroup

if TYPE_CHECKING:
    from tests.component.abacus_sink.conftest import Abacus, Tell

    from abacus_sink.settings import AbacusSettings

_GROUPS = {group.value for group in FeatureGroup}


async def test_rows_of_three_groups_arrive_in_batches_and_no_group_is_registered_twice(
    settings: AbacusSettings, abacus: Abacus, tell: Tell
) -> None:
    market, pool = FeatureGroup.MARKET_DATA, FeatureGroup.POOL_PERFORMANCE
    taken = counter("minestream_abacus_rows_total").labels(FeatureGroup.MINER_TELEMETRY)
    before = taken._value.get()
    await tell(*map(feature, range(2500)))
    await tell(feature(1, market, entity="litecoin"))
    async with sink(settings):
        rows = await abacus.has(2500)
        (price,) = await abacus.has(1, market)
        await until(lambda: told_all(settings, 2501))
    assert taken._value.get() - before == 2500
    age = gauge("minestream_abacus_newest_age_seconds").labels(FeatureGroup.MINER_TELEMETRY)
    newest_s = (SystemClock().now() - feature(2499).ts).total_seconds()
    assert age._value.get() == pytest.approx(newest_s, abs=30)
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


async def test_a_sink_killed_between_append_and_commit_sends_again_and_no_row_is_there_twice(
    settings: AbacusSettings, abacus: Abacus, tell: Tell
) -> None:
    await tell(*map(feature, range(300)))
    small = {"MINESTREAM_ABACUS_BATCH_ROWS": "50"}
    script = str(Path(__file__).with_name("dying_sink.py"))
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, script, "taken", "3"),
        env=os.environ | environment(settings) | small,
        stdout=asyncio.subprocess.DEVNULL,
    )
    async with asyncio.timeout(120):
        assert await child.wait() == -signal.SIGKILL
    assert 0 < len(await abacus.rows()) < 300
    told = sum((await committed(settings, "abacus-sink", FEATURE)).values())
    assert told < 150, "what was taken last is not committed"
    async with sink(settings):
        rows = await abacus.has(300)
        await until(lambda: told_all(settings, 300))
    assert len({row["row_id"] for row in rows}) == len(rows) == 300
    sent = sum(call["rows"] for call in await abacus.calls("appendMultipleData"))
    assert sent == 300 + 150 - told, "the batches that no offset told of came again"


@pytest.mark.parametrize(
    ("mode", "rule", "times"),
    [("append", "overwrite", 1), ("append", "duplicate", 2), ("upsert", "duplicate", 1)],
)
async def test_a_batch_whose_answer_was_lost_is_sent_again(  # noqa: PLR0917 - fixtures
    settings: AbacusSettings, abacus: Abacus, tell: Tell, mode: str, rule: str, times: int
) -> None:
    """What is then there twice is the service's rule, which it does not tell; an upsert's is."""
    await abacus.rules(append=rule)
    method = "upsertData" if mode == "upsert" else "appendMultipleData"
    await abacus.mishap(on=method, drop="after")
    await tell(*map(feature, range(20)))
    async with sink(settings.model_copy(update={"abacus_mode": mode})):
        await abacus.has(20 * times)
        await until(lambda: told_all(settings, 20))
    rows = await abacus.rows()
    assert len({row["row_id"] for row in rows}) == 20
    assert len(rows) == 20 * times


@pytest.mark.parametrize(
    "mishap",
    [
        {"status": 500, "kind": "InternalServerError", "times": 6},
        {"status": 429, "retry_after_s": 1},
        {"drop": "before"},
        {"status": 404, "kind": "DataNotFoundError"},
        {"status": 409, "kind": "NotReadyError"},
        {"delay_s": 1.5},
    ],
    ids=["500 until the circuit opens", "429", "cut off", "gone", "not ready", "late"],
)
async def test_what_fails_for_a_while_arrives_later(
    settings: AbacusSettings, abacus: Abacus, tell: Tell, mishap: dict[str, object]
) -> None:
    await abacus.mishap(on="appendMultipleData", **mishap)
    await tell(*map(feature, range(20)))
    async with sink(settings.model_copy(update={"abacus_timeout_s": 1.0})) as health:
        rows = await abacus.has(20)
        await until(lambda: told_all(settings, 20))
        assert health.faults() == health.remarks() == {}
    assert len({row["row_id"] for row in rows}) == len(rows) == 20


async def test_while_the_service_is_away_the_sink_stays_ready_says_so_and_loses_nothing(
    settings: AbacusSettings, abacus: Abacus, tell: Tell, capsys: pytest.CaptureFixture[str]
) -> None:
    abacus.troubles.begin("abacus-down", for_s=None)
    await tell(*map(feature, range(20)))
    async with sink(settings) as health:
        await until(lambda: said(health, "open, connectivity"))
        assert health.faults() == {}
        abacus.troubles.heal()
        await abacus.has(20)
        await until(lambda: said(health, None))
    logged = capsys.readouterr().out
    assert logged.count("abacus_takes_no_rows") == 2, "as it begins, and as the circuit opens"
    assert logged.count("abacus_takes_rows_again") == 1


async def test_a_sink_told_to_stop_does_not_wait_for_a_service_that_hangs(
    settings: AbacusSettings, abacus: Abacus, tell: Tell
) -> None:
    await abacus.mishap(on="appendMultipleData", delay_s=60)
    await tell(feature())
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "abacus_sink"),
        env=os.environ | environment(settings) | {"MINESTREAM_ABACUS_TIMEOUT_S": "60"},
        stdout=asyncio.subprocess.PIPE,
    )
    await until(lambda: abacus.under_way("appendMultipleData"))
    child.terminate()
    async with asyncio.timeout(STOP_WAIT_S):
        out, _ = await child.communicate()
    await abacus.heal()
    assert child.returncode == 0, out.decode()
    assert b"service_stopped" in out
