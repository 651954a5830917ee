"""Asks web services that limit their callers; whatever the far side does becomes a value.

One client per source: it counts calls, obeys ``Retry-After``, tries again what is worth it, and
lets no secret out. Knows HTTP and JSON, and nothing of what is asked.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from http import HTTPStatus
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import MappingProxyType
from typing import Final, NamedTuple, Self

import httpx
import structlog
from aiolimiter import AsyncLimiter

from minestream_runtime.backoff import Backoff
from minestream_runtime.clock import Clock
from minestream_runtime.polite.words import (
    REDIRECTS,
    Said,
    Values,
    instant,
    judged,
    of_failure,
    origin,
    plain,
    retry_after_s,
    spellings,
)
from minestream_runtime.usage import Refusal, Usage
from minestream_schemas.raw import MAX_BODY_BYTES, PollStatus

KEPT_OF_FAILURE_BYTES: Final = 4096
_NONE: Final[Values] = MappingProxyType({})
_AGAIN: Final = frozenset({429, 500, 502, 503, 504})
_MAY_SAY_WHEN: Final = frozenset({429, 503})
_REDIRECTS_MOST: Final = 3
_ALWAYS: Final = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",  # what is unpacked has no bound that is known beforehand
    "User-Agent": "minestream",
}
_HIDDEN: Final = b"***"
_POOL: Final = httpx.Limits(max_connections=10, max_keepalive_connections=10, keepalive_expiry=30)
"""Per source: ten connections, each kept for 30 s."""


@dataclass(frozen=True, slots=True)
class Manners:
    """How a source is treated.

    Args:
        calls_per_min: no minute sees more tries than this.
        deadline_s: seconds for everything of one try: connect, headers, the whole body.
        max_bytes: reading stops beyond.
        tries: at most so many for one answer.
        factor_s: the first pause between tries, s; each further one is twice as long.
        patience_s: a pause no longer than this is waited for; a longer one ends the asking.
        longest_s: no pause is longer, whatever ``Retry-After`` says.
        longest_own_s: the same for pauses after a 429 that does not say how long.
        apart_s: no two tries begin closer than this, s; None: as ``calls_per_min`` allows.
        limited_s: the first pause after a 429 without ``Retry-After``, s; None: ``factor_s``.
        limited_spread: how such a pause is spread around its nominal length.
    """

    calls_per_min: int = 10
    deadline_s: float = 10.0
    max_bytes: int = MAX_BODY_BYTES
    tries: int = 5
    factor_s: float = 0.5
    patience_s: float = 5.0
    longest_s: float = 3600.0
    longest_own_s: float = 300.0
    apart_s: float | None = None
    limited_s: float | None = None
    limited_spread: tuple[float, float] = (0.5, 1.0)

    def bucket(self) -> AsyncLimiter:
        """A fifth of a minute's calls at once, and the rest spread so that no minute has more."""
        if self.apart_s is not None:
            return AsyncLimiter(1, self.apart_s)
        if self.calls_per_min <= 1:
            return AsyncLimiter(1, 60.0)
        burst = max(1, self.calls_per_min // 5)
        return AsyncLimiter(burst, 60.0 * burst / (self.calls_per_min - burst))

    def pauses(self) -> Backoff:
        """The pauses after one 429 and the next, where the source does not say how long."""
        first_s = self.factor_s if self.limited_s is None else self.limited_s
        return Backoff(first_s, self.longest_own_s, spread=self.limited_spread)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of asking.

    Args:
        status: ``OK`` for JSON with a 2xx status; ``UNAUTHORISED`` for 401 and 403; ``GARBAGE``
            for 2xx without JSON or beyond the size limit; ``ERROR`` for any other HTTP status and
            for what was not even asked, because the source wants a pause or our quota is used up
            (``tries`` 0).
        fetched_at: when it had come.
        latency_ms: of the last try.
        http_status: None when none came.
        body: as it came; of what is not ``OK`` the first 4 KiB. Our secrets are blotted out.
        server_at: the ``Date`` header.
        error: what went wrong, for people; names no address and no secret.
        not_before: the source wants no call before this instant, or our quota allows none.
        tries: how often it was asked.
    """

    status: PollStatus
    fetched_at: datetime
    latency_ms: float = 0.0
    http_status: int | None = None
    body: bytes | None = None
    server_at: datetime | None = None
    error: str | None = None
    not_before: datetime | None = None
    tries: int = 0


class Verdict(NamedTuple):
    """What a 2xx answer is in the source's own words, where it is none.

    Args:
        status: never ``OK``.
        error: for people; names no secret.
        limited: the source wants a pause.
    """

    status: PollStatus
    error: str
    limited: bool = False


Judge = Callable[[bytes], Verdict | None]


@dataclass(frozen=True, slots=True)
class _Question:
    path: str
    params: Values
    headers: Values
    secrets: tuple[bytes, ...] = field(repr=False)
    content: bytes | None = None
    judge: Judge | None = None
    cost: int = 1
    urgent: bool = False


class PoliteClient:
    """A source on the web, and how we treat it. One per source; may be used by several tasks.

    Args:
        name: the source, in logs.
        base_url: every path is below it; redirects to any other origin are not followed.
        clock: instants and durations.
        manners: limits.
        params: sent with every question; a ``SecretStr`` is told to nobody else.
        headers: likewise.
        usage: counts each try, and refuses what the source's quotas do not allow; None: one that
            only counts.
        sleep: waits so many seconds.
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        clock: Clock,
        *,
        manners: Manners | None = None,
        params: Values = _NONE,
        headers: Values = _NONE,
        usage: Usage | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._name = name
        self._base = httpx.URL(base_url.rstrip("/") + "/")
        self._clock = clock
        self._manners = manners or Manners()
        self._params = params
        self._headers = headers
        self._usage = usage or Usage(name, clock)
        self._sleep = sleep
        self._bucket = self._manners.bucket()
        self._limited = self._manners.pauses()
        self._held_until_s: float | None = None
        self._probing = asyncio.Lock()
        self._log = structlog.get_logger()
        self._http = httpx.AsyncClient(
            timeout=self._manners.deadline_s, trust_env=False, headers=_ALWAYS, limits=_POOL
        )
        self._http.cookies = CookieJar(DefaultCookiePolicy(allowed_domains=()))  # accounts share us

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    @property
    def not_before(self) -> datetime | None:
        """Until when the source wants no call; None when it may be asked now."""
        left_s = self._held_s()
        return self._clock.now() + timedelta(seconds=left_s) if left_s > 0 else None

    async def ask(
        self,
        path: str,
        *,
        params: Values = _NONE,
        headers: Values = _NONE,
        content: bytes | None = None,
        judge: Judge | None = None,
        cost: int = 1,
        urgent: bool = False,
    ) -> Answer:
        """GET a path below the base address, or POST what can be asked again without harm.

        429, 500, 502, 503, 504 and broken connections are tried again. Where the source says
        when to come back, or limits us again and again, and that is further off than our patience,
        the answer comes at once with ``not_before``; until then nothing more is sent.

        Args:
            path: without a query; without the leading slash or with it.
            params: the query.
            headers: beside the client's own.
            content: the body of a POST; None: a GET.
            judge: looks at a body of JSON that came with 2xx; None: that is well.
            cost: of one try, in what the source's quotas count.
            urgent: it may use what quotas keep for urgent calls.

        Returns:
            what came; it never raises for anything that the far side or the network does.
        """
        question = self._question(path, params, headers)
        question = replace(question, content=content, judge=judge, cost=cost, urgent=urgent)
        backoff = Backoff(self._manners.factor_s, self._manners.deadline_s)
        answer = Answer(PollStatus.ERROR, self._clock.now(), error="not asked: a pause is wanted")
        for tries in range(1, self._manners.tries + 1):
            async with self._turn():
                if not await self._may_ask():
                    break
                refusal = self._usage.take(question.cost, urgent=question.urgent)
                if refusal is not None:
                    return self._refused(refusal, answer)
                answer, again = await self._try(question)
            self._usage.ended(_outcome(answer), question.cost)
            answer = replace(answer, tries=tries)
            if not again or tries == self._manners.tries:
                break
            if self._held_s() <= 0:
                await self._sleep(backoff.next_s())
        return replace(answer, not_before=self.not_before)

    def _refused(self, refusal: Refusal, answer: Answer) -> Answer:
        """What the last try brought, or why there was none, and when it may be asked again."""
        found = answer if answer.tries else replace(answer, error=f"not asked: {refusal.reason}")
        times = [at for at in (refusal.opens_at, self.not_before) if at is not None]
        return replace(found, not_before=max(times, default=None))

    def _turn(self) -> AbstractAsyncContextManager[object]:
        """One try at a time from when a source has limited us until it answers again."""
        return nullcontext() if self._held_until_s is None else self._probing

    async def _may_ask(self) -> bool:
        """Wait for our budget; False when the source wants a pause beyond our patience."""
        await self._bucket.acquire()
        held_s = self._held_s()
        if held_s > self._manners.patience_s:
            return False
        if held_s > 0:
            await self._sleep(held_s)
        return True

    def _held_s(self) -> float:
        if self._held_until_s is None:
            return 0.0
        return self._held_until_s - self._clock.monotonic()

    async def _try(self, question: _Question) -> tuple[Answer, bool]:
        """Ask once; the answer, and whether it is worth another try."""
        began_s = self._clock.monotonic()
        said: Said | None = None
        status, error = PollStatus.TIMEOUT, f"no whole answer within {self._manners.deadline_s:g} s"
        try:
            async with asyncio.timeout(self._manners.deadline_s):
                said = await self._whole(question)
        except (TimeoutError, httpx.TimeoutException):
            pass
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, ValueError) as exc:
            status, error = of_failure(exc)
        answer = Answer(
            status,
            fetched_at=self._clock.now(),
            latency_ms=(self._clock.monotonic() - began_s) * 1000,
            error=error,
        )
        if said is None:
            return answer, status in {PollStatus.TIMEOUT, PollStatus.REFUSED}
        return self._read(said, answer, question), said.status in _AGAIN

    async def _whole(self, question: _Question) -> Said:
        url = self._base.join(question.path.lstrip("/"))
        params: dict[str, str] | None = plain({**self._params, **question.params})
        headers = plain({**self._headers, **question.headers})
        method = "GET" if question.content is None else "POST"
        hops_left = _REDIRECTS_MOST
        while True:
            async with self._http.stream(
                method, url, params=params, headers=headers, content=question.content
            ) as response:
                onward = self._onward(response)
                if onward is None or not hops_left:
                    return await self._body(response)
            url, params, hops_left = onward, None, hops_left - 1

    def _onward(self, response: httpx.Response) -> httpx.URL | None:
        """Where a redirect leads, if it stays with this source."""
        if response.status_code not in REDIRECTS or "Location" not in response.headers:
            return None
        url = response.url.join(response.headers["Location"])
        return url if origin(url) == origin(self._base) else None

    async def _body(self, response: httpx.Response) -> Said:
        most, body, whole = self._manners.max_bytes, bytearray(), True
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > most:
                whole = False
                break
        return Said(response.status_code, response.headers, bytes(body[:most]), whole)

    def _read(self, said: Said, answer: Answer, question: _Question) -> Answer:
        """What an answer says, whatever its status."""
        status, error = judged(said, self._manners.max_bytes)
        server_at = instant(said.headers.get("Date"))
        limited = said.status in _MAY_SAY_WHEN
        if status is PollStatus.OK and question.judge is not None:
            status, error, limited = question.judge(said.body) or (status, error, False)
        if limited:
            self._hold(said, server_at or answer.fetched_at)
        elif status is PollStatus.OK:
            self._release()
        body = said.body
        for secret in question.secrets:
            body = body.replace(secret, _HIDDEN)
        if status is not PollStatus.OK:
            body = body[:KEPT_OF_FAILURE_BYTES]
        return replace(
            answer,
            status=status,
            error=error,
            body=body,
            http_status=said.status if 100 <= said.status <= 599 else None,  # noqa: PLR2004 - HTTP
            server_at=server_at,
        )

    def _hold(self, said: Said, at: datetime) -> None:
        """The source wants a pause: as long as it says, or a longer one each time."""
        told_s = retry_after_s(said.headers.get("Retry-After"), at)
        if told_s is None and said.status == HTTPStatus.SERVICE_UNAVAILABLE:
            return
        pause_s = max(self._limited.next_s(), min(told_s or 0.0, self._manners.longest_s))
        if self._held_until_s is None:
            self._log.warning(
                "source_wants_pause",
                source=self._name,
                http_status=said.status,
                pause_s=round(pause_s, 1),
                told_by_source=told_s is not None,
            )
        self._held_until_s = max(self._held_until_s or 0.0, self._clock.monotonic() + pause_s)

    def _release(self) -> None:
        if self._held_until_s is not None:
            self._held_until_s = None
            self._limited.reset()
            self._log.info("source_takes_calls", source=self._name)

    def _question(self, path: str, params: Values, headers: Values) -> _Question:
        given = (*self._params.values(), *self._headers.values(), *params.values())
        secrets = tuple(spellings((*given, *headers.values())))
        return _Question(path, params, headers, secrets)


def _outcome(answer: Answer) -> str:
    limited = answer.http_status == HTTPStatus.TOO_MANY_REQUESTS
    return "limited" if limited else answer.status.value
