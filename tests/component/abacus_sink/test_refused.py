"""What nobody takes is set aside, who does not want us is waited for, and secrets are kept."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr
from tests.component.abacus_sink.conftest import (
    KEY,
    environment,
    letters,
    ready,
    said,
    sink,
    told_all,
    until,
)
from tests.component.abacus_sink.events import feature

from minestream_runtime.metrics import gauge

if TYPE_CHECKING:
    from pathlib import Path

    from tests.component.abacus_sink.conftest import Abacus, Tell

    from abacus_sink.settings import AbacusSettings


async def test_bad_records_are_set_aside_with_their_reason_and_all_others_arrive(
    settings: AbacusSettings, abacus: Abacus, tell: Tell
) -> None:
    bad = feature(5, entity="site-a-bad")
    await abacus.mishap(
        on="appendMultipleData",
        containing=bad.entity_id,
        status=400,
        kind="InvalidParameterError",
        times=0,
    )
    await tell(*map(feature, range(40)), bad, b"no json", feature(6, numbers={"no good": 1.0}))
    async with sink(settings):
        rows = await abacus.has(40)
        found = await letters(settings, 3)
        await until(lambda: told_all(settings, 43))
    assert {row["row_id"] for row in rows} == {feature(number).row_id for number in range(40)}
    told = {
        letter.headers["dlq-kind"].decode(): letter.headers["dlq-reason"].decode()
        for letter in found
        if letter.value != b"no json"
    }
    assert told["store"].startswith("Abacus.AI refuses it: InvalidParameterError(400): a mishap")
    assert told["schema"] == "no column can be called 'no good'"
    assert bad.to_json() in [letter.value for letter in found]


async def test_a_body_that_is_too_large_is_halved_until_it_goes(
    settings: AbacusSettings, abacus: Abacus, tell: Tell
) -> None:
    await abacus.rules(most_bytes=5000)
    await tell(*map(feature, range(200)))
    async with sink(settings):
        rows = await abacus.has(200)
        await until(lambda: told_all(settings, 200))
    assert len({row["row_id"] for row in rows}) == 200
    assert (
        max(
            call["size"]
            for call in await abacus.calls("appendMultipleData")
            if call["status"] == 200
        )
        <= 5000
    )


async def test_when_every_row_is_refused_it_is_the_service_that_is_wrong_and_none_is_set_aside(
    settings: AbacusSettings, abacus: Abacus, tell: Tell
) -> None:
    await abacus.mishap(on="appendMultipleData", status=400, kind="InvalidRequest", times=0)
    await tell(*map(feature, range(200)))
    async with sink(settings.model_copy(update={"abacus_refused_rows": 5})) as health:
        await until(lambda: said(health, "refused, rejection"))
        await abacus.heal()
        rows = await abacus.has(200)
        await until(lambda: told_all(settings, 200))
    assert len({row["row_id"] for row in rows}) == len(rows) == 200
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await letters(settings, 1)


async def test_a_wrong_key_is_a_state_that_a_human_is_told_of_and_the_rows_wait(
    settings: AbacusSettings, abacus: Abacus, tell: Tell
) -> None:
    await tell(*map(feature, range(20)))
    wrong = settings.model_copy(update={"abacus_key": SecretStr("sesame")})
    async with sink(wrong) as health:
        await until(lambda: said(health, "refused, authorisation"))
        await until(lambda: ready(health))
        state = gauge("minestream_abacus_state")
        assert state.labels("refused")._value.get() == 1
        assert state.labels("closed")._value.get() == 0
    assert await abacus.rows() == []
    async with sink(settings):
        assert len(await abacus.has(20)) == 20


async def test_neither_key_nor_token_nor_rows_are_ever_logged(
    settings: AbacusSettings, abacus: Abacus, tell: Tell
) -> None:
    """The SDK itself logs whole calls where an answer is no JSON, and the token in its errors."""
    on = "appendMultipleData"
    for mishap in (
        {"status": 500, "html": True},
        {"drop": "before"},
        {"status": 403, "html": True},
    ):
        await abacus.mishap(on=on, **mishap)
    await abacus.mishap(on="describeFeatureGroupByTableName", status=502, html=True)
    await tell(feature(entity="whose-row"))
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "abacus_sink"),
        env=os.environ | environment(settings) | {"MINESTREAM_LOG_LEVEL": "debug"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    await abacus.has(1)
    child.terminate()
    out, _ = await child.communicate()
    text = out.decode()
    (token,) = await abacus.tokens()
    assert "streamingToken=***" in text, "the test sees what would give the token away"
    assert text.count("abacusai: ") >= 2
    for secret in (KEY, token, "whose-row"):
        assert secret not in text


async def test_a_batch_is_a_span_that_links_to_the_sampled_rows_ways(
    settings: AbacusSettings, abacus: Abacus, tell: Tell, tmp_path: Path
) -> None:
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    await tell(feature(1), (feature(2), f"00-{trace_id}-b7ad6b7169203331-01"))
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "abacus_sink"),
        env=os.environ | environment(settings) | {"MINESTREAM_TRACE_FOLDER": str(tmp_path)},
        stdout=asyncio.subprocess.DEVNULL,
    )
    await abacus.has(2)
    await until(lambda: told_all(settings, 2))
    child.terminate()
    await child.wait()
    file = tmp_path / "abacus-sink-0.jsonl"
    spans = [json.loads(line) for line in file.read_text().splitlines()]
    (whole,) = (span for span in spans if span["links"] == [trace_id])
    (own,) = (span for span in spans if span["trace_id"] == trace_id)
    assert whole["name"] == own["name"] == "send miner_telemetry"
    assert whole["attributes"]["messaging.batch.message_count"] == 2
    assert own["parent_id"] == "b7ad6b7169203331"
    assert own["links"] == [whole["trace_id"]]


async def test_without_a_key_the_sink_is_idle_ready_and_small(
    settings: AbacusSettings,
) -> None:
    idle = settings.model_copy(update={"abacus_key": None})
    async with sink(idle) as health:
        await until(lambda: said(health, "idle"))
        assert health.faults() == {}
    words = "import sys, abacus_sink.adapters.service; print('pandas' in sys.modules)"
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", words, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await child.communicate()
    assert out == b"False\n"
