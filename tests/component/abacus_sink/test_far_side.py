"""The real SDK against the emulated service: bounded, told apart, registered once."""

from __future__ import annotations

import asyncio
import gzip
import inspect
import json
import sys
import time
from contextlib import ExitStack, asynccontextmanager, closing, suppress
from typing import TYPE_CHECKING, Any

import abacusai
import pytest
import requests  # noqa: TID251 - the SDK's own HTTP library
from pydantic import SecretStr
from tests.component.abacus_sink.conftest import KEY
from tests.component.abacus_sink.events import feature

from abacus_sink.adapters import sdk
from abacus_sink.adapters.discretion import Discretion
from abacus_sink.adapters.far_side import AbacusError, FarSide
from abacus_sink.domain.rows import row_of
from abacus_sink.domain.verdict import Cause, Verdict
from abacus_sink.settings import AbacusSettings
from minestream_runtime.clock import SystemClock
from minestream_schemas.feature import FeatureGroup

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from tests.component.abacus_sink.conftest import Abacus

    FarSides = Callable[..., FarSide]

MINERS = FeatureGroup.MINER_TELEMETRY
ROW = row_of(feature())


@pytest.fixture
def far_side() -> Iterator[FarSides]:
    """Makes far sides, and closes them in the end."""
    with ExitStack() as stack:

        def make(url: str, *, key: str = KEY, timeout_s: float = 5.0) -> FarSide:
            settings = AbacusSettings(
                abacus_url=url, abacus_key=SecretStr(key), abacus_timeout_s=timeout_s
            )
            return stack.enter_context(closing(FarSide(settings, Discretion(), SystemClock())))

        yield make


def family(cause: type[Exception]) -> Iterator[type[Exception]]:
    yield cause
    for heir in cause.__subclasses__():
        yield from family(heir)


def test_the_private_method_that_we_replace_is_as_it_was() -> None:
    """Fails at a new release of the SDK whose calls would not go where ours goes."""
    theirs = inspect.signature(abacusai.client.BaseApiClient._request)
    assert list(theirs.parameters) == list(inspect.signature(sdk.RowsClient._request).parameters)
    assert sdk.SDK_VERSION == "1.4.119"
    for client in (sdk.ControlClient, sdk.RowsClient):
        assert client.__mro__[1].__name__ == "_Bounded", "ours comes first"


async def test_three_groups_a_project_and_a_token_are_made_once(
    abacus: Abacus, far_side: FarSides
) -> None:
    first = (await far_side(abacus.url).open()).registration
    again = (await far_side(abacus.url).open()).registration
    assert len(first.created) == 3 + 3 + 3 + 1 + 1
    assert (again.created, again.undone) == ((), ())
    assert (again.groups, again.token) == (first.groups, first.token)
    assert first.token not in repr(first)


async def test_two_replicas_that_register_at_once_share_the_groups(
    abacus: Abacus, far_side: FarSides
) -> None:
    """One finds the table missing, and made by the other when it comes to make it."""
    ends = await asyncio.gather(far_side(abacus.url).open(), far_side(abacus.url).open())
    assert ends[0].registration.groups == ends[1].registration.groups
    assert len({group for end in ends for group in end.registration.groups.values()}) == 3


@pytest.mark.parametrize("method", ["createProject", "setFeatureGroupSchema"])
async def test_what_rows_can_do_without_may_be_refused(
    abacus: Abacus, far_side: FarSides, method: str
) -> None:
    await abacus.mishap(on=method, status=400, kind="InvalidParameterError", times=0)
    far = far_side(abacus.url)
    registration = (await far.open()).registration
    assert registration.undone
    await far.append(MINERS, [ROW])
    assert await abacus.rows() == [ROW]


async def test_a_table_of_ours_with_another_key_is_told_and_not_written_to(
    abacus: Abacus, far_side: FarSides
) -> None:
    with closing(sdk.Connections(5)) as connections:
        client = sdk.ControlClient(KEY, abacus.url, connections)
        await asyncio.to_thread(client.create_online_feature_group, "market_data", "coin_id")
    with pytest.raises(
        AbacusError, match="market_data is there with the primary key coin_id"
    ) as it:
        await far_side(abacus.url).open()
    assert (it.value.judgement.verdict, it.value.judgement.cause) == (
        Verdict.REFUSED,
        Cause.REGISTRATION,
    )


@pytest.mark.filterwarnings("ignore:The 'warn' function is deprecated")  # the SDK's own
@pytest.mark.parametrize(
    ("mishap", "verdict", "cause"),
    [
        ({"status": 500, "html": True}, Verdict.RETRY, Cause.CONNECTIVITY),
        ({"status": 200, "html": True}, Verdict.RETRY, Cause.CONNECTIVITY),
        ({"status": 302, "html": True}, Verdict.REFUSED, Cause.VERSION),
        ({"status": 404, "html": True}, Verdict.REFUSED, Cause.VERSION),
        ({"status": 403, "kind": "PermissionDeniedError"}, Verdict.REFUSED, Cause.AUTHORISATION),
        ({"status": 402, "kind": "PaymentMethodRequired"}, Verdict.REFUSED, Cause.PAYMENT),
        ({"status": 400, "kind": "InvalidParameterError"}, Verdict.POISON, Cause.REJECTION),
        ({"status": 413}, Verdict.TOO_LARGE, Cause.REJECTION),
        ({"status": 429, "retry_after_s": 7}, Verdict.RETRY, Cause.LIMITED),
        ({"drop": "before"}, Verdict.RETRY, Cause.CONNECTIVITY),
        ({"drop": "after"}, Verdict.RETRY, Cause.CONNECTIVITY),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else "",
)
@pytest.mark.parametrize("method", ["appendMultipleData", "upsertData"])
async def test_the_sdks_failures_are_told_apart(  # noqa: PLR0917 - fixtures
    abacus: Abacus,
    far_side: FarSides,
    method: str,
    mishap: dict[str, Any],
    verdict: Verdict,
    cause: Cause,
) -> None:
    far = far_side(abacus.url)
    await far.open()
    await abacus.mishap(on=method, **mishap)
    with pytest.raises(AbacusError) as failed:
        await (far.append(MINERS, [ROW]) if method != "upsertData" else far.upsert(MINERS, ROW))
    assert (failed.value.judgement.verdict, failed.value.judgement.cause) == (verdict, cause)
    assert failed.value.retry_after_s == mishap.get("retry_after_s")


ERRORS: list[type[Exception]] = [
    *family(abacusai.ApiException),
    *family(requests.RequestException),
]


@pytest.mark.parametrize("cause", sorted(set(ERRORS), key=str))
async def test_no_error_of_the_sdk_or_its_http_library_escapes(
    abacus: Abacus, far_side: FarSides, cause: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    far = far_side(abacus.url)
    await far.open()

    def fail(*_: object, **__: object) -> None:
        raise made(cause)

    monkeypatch.setattr(far._rows, "append_multiple_data", fail)
    with pytest.raises(AbacusError):
        await far.append(MINERS, [ROW])


def made(cause: type[Exception]) -> Exception:
    """An error of a class, whatever its constructor wants to be told."""
    for words in (("text", 418), ("text",), ("text", "", 0)):
        with suppress(TypeError):
            return cause(*words)
    raise AssertionError(f"{cause} cannot be made")


async def test_an_outage_is_told_in_a_moment_and_the_errors_hook_stays(
    far_side: FarSides,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The SDK's own constructor would block for 33 s and then say nothing."""
    monkeypatch.setenv("ABACUS_API_KEY", "somebody-elses")
    hook, began_s = sys.excepthook, time.monotonic()
    with pytest.raises(AbacusError) as failed:
        await far_side("http://127.0.0.1:1/abacus").open()
    assert time.monotonic() - began_s < 15
    assert failed.value.judgement.verdict is Verdict.RETRY
    assert sys.excepthook is hook


@asynccontextmanager
async def server(*parts: bytes, pause_s: float = 0.0) -> AsyncIterator[str]:
    """Answers every call with these bytes, piece by piece."""
    answers = set[asyncio.Task[None] | None]()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers.add(asyncio.current_task())
        with suppress(ConnectionError), closing(writer):
            await reader.readuntil(b"\r\n\r\n")
            for part in parts:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(pause_s)

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    await asyncio.gather(*(one for one in answers if one is not None))


async def test_a_service_on_this_machine_is_not_asked_through_a_proxy(
    abacus: Abacus, far_side: FarSides, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert (await far_side(abacus.url).open()).registration.groups


async def test_an_answer_that_drips_for_ever_is_given_up_in_time(far_side: FarSides) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
    async with server(head, *([b" "] * 400), pause_s=0.05) as url:
        began_s = time.monotonic()
        with pytest.raises(AbacusError) as failed:
            await far_side(url, timeout_s=0.5).open()
        assert time.monotonic() - began_s < 10
        assert failed.value.judgement.verdict is Verdict.RETRY


@pytest.mark.parametrize("cut", [0, 10])
async def test_an_answer_in_compressed_pieces_is_read_and_one_that_breaks_off_is_not(
    cut: int,
) -> None:
    body = gzip.compress(json.dumps({"success": True, "result": "1.4.120"}).encode())
    pieces = [body[:20], body[20 : len(body) - cut]]
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunks = [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces]
    end = b"0\r\n\r\n" if cut == 0 else b"5\r\nabc"
    async with server(head, *chunks, end) as url:
        client = sdk.ControlClient(KEY, url, sdk.Connections(2))
        if cut == 0:
            assert await asyncio.to_thread(client.version_there) == "1.4.120"
            return
        with pytest.raises(requests.RequestException):
            await asyncio.to_thread(client.version_there)
