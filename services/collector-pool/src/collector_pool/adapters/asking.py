"""Asks a pool for one account: keeps each answer for its time, and longer while it gives no new."""

import json
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

import structlog
from pydantic import SecretStr

from collector_pool.domain.cycles import Given
from minestream_dialects.bodies import decode
from minestream_dialects.pools.port import Call, Pool, Refusal
from minestream_runtime.breaker import Breaker
from minestream_runtime.clock import Clock
from minestream_runtime.polite import Answer, Judge, Manners, PoliteClient, Verdict
from minestream_runtime.polite.gate import of_gate
from minestream_runtime.polite.words import spellings
from minestream_schemas.raw import EndpointBody, PollStatus

MOST_PAGES: Final = 50
_AWAY: Final = frozenset({PollStatus.TIMEOUT, PollStatus.REFUSED, PollStatus.ERROR})
"""How asking ends when nobody is there, or nobody who is well."""
_SAID: Final = range(200, 500)
_OURS: Final = range(400, 500)
_AT_A_GATE: Final = frozenset({401, 403})
_TENTH: Final = 0.1


def manners(apart_s: float) -> Manners:
    """How a pool is treated: after 429 pauses of 5, 10, 20, 40 and 80 s, a little more each.

    Args:
        apart_s: between two calls.
    """
    return Manners(
        apart_s=apart_s,
        deadline_s=20.0,
        max_bytes=2 * 1024 * 1024,
        tries=2,
        factor_s=1.0,
        patience_s=1.0,
        limited_s=5.0,
        longest_own_s=80.0,
        limited_spread=(1.0, 1.1),
    )


def tell(breaker: Breaker, answer: Answer, now_s: float) -> None:
    """Tell a breaker how asking has ended; a pause that is wanted is no failure.

    Args:
        breaker: of whom was asked.
        answer: what came.
        now_s: monotonic seconds.
    """
    if answer.status in _AWAY and answer.not_before is None:
        breaker.failed(now_s)
    else:  # it is there, whatever it says
        breaker.succeeded()


@dataclass(frozen=True, slots=True)
class Way:
    """The way to a pool, for all its accounts together.

    Args:
        client: asks it.
        breaker: leaves it alone for a while when it has been away five times in a row.
    """

    client: PoliteClient
    breaker: Breaker = field(default_factory=Breaker)


@dataclass(frozen=True, slots=True)
class _Kept:
    at_s: float
    endpoints: dict[str, EndpointBody]


@dataclass(frozen=True, slots=True)
class _Refused:
    until_s: float
    why: str


class Asker:
    """One account's calls.

    What the pool says of a question, be it with 200 or 404, stands between it and this account: the
    others go on asking.

    A refusal is of the key as long as nothing was taken, or when it is of what was taken before;
    then all rests. Else it is of that call alone (a key may lack a permission), as is a second
    refusal of the same call: the others are tried then.

    Args:
        pool: whose answers these are.
        way: to it.
        clock: instants and durations.
        interval_s: how often the account is looked at.
        stale_most_s: an answer that is older is not repeated, whatever the pool does.
        refused_s: who was refused asks again after so long.
    """

    def __init__(
        self,
        pool: Pool[Any],
        way: Way,
        clock: Clock,
        *,
        interval_s: float,
        stale_most_s: float,
        refused_s: float,
    ) -> None:
        self._pool = pool
        self._way = way
        self._clock = clock
        self._interval_s = interval_s
        self._stale_most_s = stale_most_s
        self._refused_s = refused_s
        self._refused: dict[str, _Refused] = {}
        self._taken: set[str] = set()
        self._all_rest_until_s = 0.0
        self._kept: dict[tuple[str, str], _Kept] = {}
        self._log = structlog.get_logger().bind(source=pool.name)

    @property
    def refused(self) -> bool:
        """Does the pool refuse the account's key?"""
        return bool(self._refused) and not self._taken

    @property
    def refusals(self) -> str:
        """In the pool's words, each once; which account it means stands in them."""
        return "; ".join(dict.fromkeys(refused.why for refused in self._refused.values()))

    def refuses(self, name: str) -> bool:
        """Does the pool refuse a call, or the key for all of them?"""
        return self.refused or name in self._refused

    async def ask(self, call: Call, *, about: str = "") -> Given:
        """What a call brings: from what is kept while that is fresh, else from the pool.

        An answer that has been kept for its time is asked for again at the next look, so one that
        would outlive its time by then counts as over. While the pool throttles us or is away the
        old one stands, and is marked.

        Args:
            call: the question.
            about: what else tells its answers apart (which days').
        """
        key = (call.name, about)
        kept, now_s = self._kept.get(key), self._clock.monotonic()
        slack_s = _TENTH * min(call.ttl_s, self._interval_s)
        if kept is not None and now_s - kept.at_s < call.ttl_s - slack_s:
            return Given(call.name, kept.endpoints)
        if now_s < self._all_rest_until_s:
            return Given(call.name, error="not asked: the key was refused")
        refused = self._refused.get(call.name)
        if refused is not None and now_s < refused.until_s:
            return Given(call.name, error=f"not asked: it was refused ({refused.why})")
        given = await self._pages(call)
        if given.status is PollStatus.OK:
            self._forget(about)
            self._kept[key] = _Kept(now_s, dict(given.endpoints))
        elif kept is not None and self._stands(given, now_s - kept.at_s):
            return replace(given, endpoints=kept.endpoints, stale=True)
        return given

    def _stands(self, given: Given, age_s: float) -> bool:
        """Is what is kept still worth telling, though no new answer came?"""
        if given.status not in _AWAY or age_s >= self._stale_most_s:
            return False
        said = (self._refusal_in(endpoint.body or "") for endpoint in given.endpoints.values())
        return not any(refusal.ends for refusal in said if refusal is not None)

    def _forget(self, about: str) -> None:
        """Let go of answers about other days: they are not asked for again."""
        for key in [key for key in self._kept if key[1] and key[1] != about]:
            if self._clock.monotonic() - self._kept[key].at_s > self._stale_most_s:
                del self._kept[key]

    async def _pages(self, call: Call) -> Given:
        """Ask, and ask for the next page while there is one; all of them, or what failed."""
        endpoints: dict[str, EndpointBody] = {}
        error = None
        for page in range(1, MOST_PAGES + 1):
            given, content = await self._ask(call, page)
            if given.status is not PollStatus.OK:
                return given
            endpoints.update(given.endpoints)
            if not call.paged or not self._pool.more(content):
                break
        else:
            error = f"{call.name}: more than {MOST_PAGES} pages, the others are left out"
        return Given(call.name, endpoints, asked=True, error=error)

    async def _ask(self, call: Call, page: int) -> tuple[Given, object]:
        if not self._way.breaker.allows(self._clock.monotonic()):
            return Given(call.name, error="not asked: it has been away, and rests"), None
        params = {**call.params, "page": str(page)} if page > 1 else dict(call.params)
        headers = dict(call.headers)
        content = None
        if call.content is not None:
            headers["Content-Type"] = "application/json"
            content = json.dumps(call.content).encode()
        answer = await self._way.client.ask(
            call.path, params=params, headers=headers, content=content, judge=self._judge_of(call)
        )
        keyed = any(isinstance(value, SecretStr) for value in _sent(call))
        answer = self._worded(of_gate(answer, keyed=keyed))
        self._note(call.name, answer)
        if not answer.tries:
            return Given(call.name, error=answer.error, not_before=answer.not_before), None
        name = call.name if page == 1 else f"{call.name}#{page}"
        endpoint = endpoint_of(answer)
        read = decode(endpoint).value if call.paged and answer.status is PollStatus.OK else None
        given = Given(
            call.name,
            {name: endpoint},
            asked=True,
            error=None if answer.status is PollStatus.OK else f"{call.name}: {answer.error}",
            not_before=answer.not_before,
        )
        return given, read

    def _judge_of(self, call: Call) -> Judge:
        """Who knows what the pool says in its own words with HTTP 200."""
        secrets = [each.decode() for each in spellings(_sent(call))]

        def judge(body: bytes) -> Verdict | None:
            refusal = self._refusal_in(body.decode(errors="replace"))
            if refusal is None:
                return None
            said = refusal.text
            for secret in secrets:
                said = said.replace(secret, "***")
            return Verdict(refusal.status, said, refusal.limited)

        return judge

    def _refusal_in(self, body: str) -> Refusal | None:
        text = EndpointBody(status=PollStatus.OK, fetched_at=self._clock.now(), body=body)
        return self._pool.refusal(decode(text).value)

    def _worded(self, answer: Answer) -> Answer:
        """With the pool's words beside HTTP's, where an error of ours has some."""
        if answer.status is not PollStatus.ERROR or answer.http_status not in _OURS:
            return answer
        refusal = self._refusal_in((answer.body or b"").decode(errors="replace"))
        if refusal is None:
            return answer
        return replace(answer, error=f"{answer.error}: {refusal.text}")

    def _note(self, name: str, answer: Answer) -> None:
        if not answer.tries:
            return
        now_s = self._clock.monotonic()
        if answer.http_status in _SAID and answer.http_status not in _AT_A_GATE:
            self._way.breaker.succeeded()
        else:
            tell(self._way.breaker, answer, now_s)
        if answer.status is PollStatus.UNAUTHORISED:
            self._refuse(name, answer.error or "", now_s)
        elif answer.status is PollStatus.OK:
            self._take(name)

    def _refuse(self, name: str, why: str, now_s: float) -> None:
        knew, before = self.refused, name in self._refused
        alone = before or (bool(self._taken) and name not in self._taken)
        if name in self._taken:  # so the key may do this: it is the key that is refused now
            self._taken.clear()
        until_s = now_s + self._refused_s
        self._refused[name] = _Refused(until_s, why)
        if not alone:
            self._all_rest_until_s = until_s
        if self.refused and not knew:
            self._log.error("key_refused", error=why, hint="see the accounts file")
        elif not self.refused and not before:
            self._log.error("call_refused", call=name, error=why, hint="may the key do that?")

    def _take(self, name: str) -> None:
        knew = self.refused
        self._taken.add(name)
        self._all_rest_until_s = 0.0
        was_refused = self._refused.pop(name, None) is not None
        if knew:
            self._log.info("key_taken")
        elif was_refused:
            self._log.info("call_taken", call=name)


def _sent(call: Call) -> tuple[str | SecretStr, ...]:
    return (*call.params.values(), *call.headers.values())


def endpoint_of(answer: Answer) -> EndpointBody:
    """An answer, as an event keeps it."""
    keep = answer.status in {PollStatus.OK, PollStatus.GARBAGE, PollStatus.ERROR}
    return EndpointBody(
        status=answer.status,
        fetched_at=answer.fetched_at,
        latency_ms=answer.latency_ms,
        http_status=answer.http_status,
        body=(answer.body or b"").decode(errors="replace") if keep and answer.body else None,
        server_at=answer.server_at,
        error=answer.error,
    )


def earliest(given: list[Given]) -> datetime | None:
    """When the pool may be asked again for what it has not given; None: it wants no pause."""
    return min((each.not_before for each in given if each.not_before is not None), default=None)
