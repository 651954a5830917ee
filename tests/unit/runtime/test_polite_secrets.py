"""A key reaches the source that wants it, and nothing else."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import structlog
from aiohttp import web
from pydantic import SecretStr
from tests.unit.runtime.polite_source import Serve, always, asking

from minestream_runtime import logs
from minestream_runtime.polite import Answer
from minestream_schemas.raw import PollStatus

KEY = "CG-top/secret+key"


@contextmanager
def logging_as_a_service() -> Iterator[None]:
    """Log as a service does, at its most talkative; afterwards as before.

    Pytest gives a fixture another standard output than the test that uses it.
    """
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    logs.configure("test", level="debug")
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.mark.parametrize("serve", [always(), always(401), always(429), always(302, Location="/x")])
async def test_secrets_reach_the_source_and_nothing_else(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = {"apiKey": SecretStr(KEY)}
    with logging_as_a_service():
        async with asking(serve, params=keys, headers=keys) as (client, source):
            answer = await client.ask("ping", headers={"x-other": SecretStr("other-secret")})
    assert source.asked[0].query["apiKey"] == KEY
    assert source.asked[0].headers["apiKey"] == KEY
    shown = repr(answer) + repr(client) + "".join(capsys.readouterr())
    for secret in (KEY, "top%2Fsecret%2Bkey", "other-secret"):
        assert secret not in shown


async def test_a_secret_that_cannot_be_sent_is_not_quoted() -> None:
    async with asking(always(), headers={"x-key": SecretStr("line\nbreak-ü")}) as (client, source):
        answer = await client.ask("ping")
    assert answer.status is PollStatus.ERROR
    assert "break" not in repr(answer)
    assert source.asked == []


@pytest.mark.parametrize(("status", "before"), [(200, 0), (401, 0), (401, 4090)])
async def test_a_source_that_quotes_our_secret_has_it_blotted_out(status: int, before: int) -> None:
    async def echo(request: web.Request) -> web.StreamResponse:
        quoted = "x" * before + request.query["k"] + request.raw_path
        return web.json_response(quoted, status=status)

    async with asking(echo, params={"k": SecretStr(KEY)}) as (client, _):
        answer = await client.ask("ping")
    assert isinstance(answer, Answer)
    assert answer.body is not None
    assert answer.body.startswith(b'"' + b"x" * before + b"***"), "also where the body is cut in it"
    assert b"secret" not in answer.body


async def test_a_session_of_one_account_does_not_go_along_with_anothers_key() -> None:
    async def greets(_: web.Request) -> web.StreamResponse:
        return web.Response(text="{}", headers={"Set-Cookie": "session=of-a; Path=/"})

    async with asking(greets) as (client, source):
        for key in ("a", "b"):
            await client.ask("ping", headers={"X-API-KEY": SecretStr(key)})
    assert [request.headers.get("Cookie") for request in source.asked] == [None, None]
