"""What pools want of a polite client: calls apart, long pauses, questions that are posted."""

import asyncio

import pytest
from tests.unit.runtime.polite_source import Time, always, asking, each

from minestream_runtime.polite import Manners, Verdict
from minestream_schemas.raw import PollStatus

LIMITED = Manners(
    apart_s=0.001,
    tries=1,
    factor_s=0.01,
    patience_s=1.0,
    limited_s=5.0,
    longest_own_s=80.0,
    limited_spread=(1.0, 1.1),
)


async def test_pauses_after_429_go_from_5_to_80_seconds() -> None:
    time, pauses = Time(), []
    async with asking(always(429), time, manners=LIMITED) as (client, source):
        for _ in range(7):
            answer = await client.ask("stats")
            assert answer.not_before is not None
            pauses.append((answer.not_before - time.at).total_seconds())
            again = await client.ask("stats")
            assert again.tries == 0  # not sent: the pool wants a pause
            await time.sleep(pauses[-1])
    assert len(source.asked) == 7
    for pause_s, nominal_s in zip(pauses, (5, 10, 20, 40, 80, 80, 80), strict=True):
        assert nominal_s <= pause_s <= nominal_s * 1.1


async def test_a_longer_retry_after_is_obeyed() -> None:
    time = Time()
    async with asking(always(429, Retry_After="120"), time, manners=LIMITED) as (client, _):
        answer = await client.ask("stats")
        assert answer.not_before is not None
        assert (answer.not_before - time.at).total_seconds() == pytest.approx(120, abs=1.5)


async def test_an_answer_ends_the_pauses() -> None:
    time = Time()
    serve = each(always(429), always(429), always(), always(429))
    async with asking(serve, time, manners=LIMITED) as (client, _):
        for nominal_s in (5, 10, None, 5):
            answer = await client.ask("stats")
            if nominal_s is None:
                assert answer.status is PollStatus.OK
                continue
            assert answer.not_before is not None
            pause_s = (answer.not_before - time.at).total_seconds()
            assert nominal_s <= pause_s <= nominal_s * 1.1
            await time.sleep(pause_s)


async def test_calls_keep_apart() -> None:
    manners = Manners(apart_s=0.05)
    async with asking(always(), manners=manners) as (client, source):
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        for _ in range(5):
            await client.ask("stats")
        assert loop.time() - began_s >= 4 * 0.05 * 0.9
    assert len(source.asked) == 5


async def test_content_is_posted() -> None:
    async with asking(always()) as (client, source):
        await client.ask(
            "stats", headers={"Content-Type": "application/json"}, content=b'{"currency":"x"}'
        )
        await client.ask("stats")
    assert [each.method for each in source.asked] == ["POST", "GET"]
    assert source.asked[0].headers["Content-Length"] == "16"


async def test_a_refusal_said_with_200_is_no_answer() -> None:
    time = Time()

    def judge(body: bytes) -> Verdict | None:
        return Verdict(PollStatus.ERROR, "code 429", limited=True) if b"429" in body else None

    serve = each(always(text='{"code": 429}'), always(text='{"code": 429}'), always())
    async with asking(serve, time, manners=LIMITED) as (client, _):
        for nominal_s in (5, 10):
            answer = await client.ask("stats", judge=judge)
            assert (answer.status, answer.error) == (PollStatus.ERROR, "code 429")
            assert answer.not_before is not None
            pause_s = (answer.not_before - time.at).total_seconds()
            assert nominal_s <= pause_s <= nominal_s * 1.1
            await time.sleep(pause_s)
        assert (await client.ask("stats", judge=judge)).status is PollStatus.OK
