"""What a message of the pool becomes: one saying or more, each an event to be."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from collector_pool.domain.hiding import Hide
from collector_pool.domain.records import Records, name_of
from minestream_schemas.pool import PoolMessage, RawPool
from minestream_schemas.raw import MAX_BODY_BYTES, PollStatus

POOL: Final = "prohashing"
WAMP: Final = "prohashing-wamp"
HTTP: Final = "prohashing-http"
PROXY: Final = "prohashing-proxy"
KEPT_OF_GARBAGE: Final = 4096
_CODE: Final = re.compile(r"[1-9]\d{2}", re.ASCII)
_CODE_OK: Final = 200
_LEAST_EPOCH_S: Final = 1.2e9
_MOST_EPOCH_S: Final = 4.1e9


@dataclass(frozen=True, slots=True)
class Saying:
    """One event to be; its names are those of ``RawPool``.

    Args:
        about: the worker's id at the pool; None: the account as a whole.
        stamped_at: when the pool says that it computed it; None: it does not say.
    """

    dialect: str
    message: PoolMessage
    received_at: datetime
    status: PollStatus = PollStatus.OK
    about: str | None = None
    latency_ms: float | None = None
    http_status: int | None = None
    error: str | None = None
    snapshot: bool = False
    body: str | None = None
    merged: str | None = None
    stamped_at: datetime | None = None

    def subject(self, account: str) -> str:
        """What stays in order."""
        return account if self.about is None else f"{account}/{self.about}"


def failed(saying: Saying, status: PollStatus, error: str, body: str | None = None) -> Saying:
    """The same, as one that brought nothing that can be read."""
    kept = None if body is None else body[:KEPT_OF_GARBAGE]
    return replace(saying, status=status, error=error, body=kept, merged=None)


def heard(saying: Saying, content: object, records: Records) -> list[Saying]:
    """What was pushed or called over the feed, as sayings.

    Args:
        saying: what it is about.
        content: decoded JSON.
        records: of the account's workers; brought up to date.
    """
    try:
        text = json.dumps(content)
    except RecursionError:
        return [failed(saying, PollStatus.GARBAGE, "nested too deeply")]
    if len(text) > MAX_BODY_BYTES and not saying.snapshot:
        return [failed(saying, PollStatus.GARBAGE, f"over {MAX_BODY_BYTES} bytes", text)]
    if saying.message is PoolMessage.WORKER:
        if saying.snapshot:
            return _all_workers(saying, content, text, records)
        return [_changed_worker(saying, content, text, records)]
    none = saying.message is PoolMessage.BALANCES and content == []  # as PHP writes {}
    objects = saying.message in {PoolMessage.PROFITABILITY, PoolMessage.BALANCES}
    if objects and not none and not isinstance(content, dict):
        return [failed(saying, PollStatus.GARBAGE, "not an object", text)]
    return [replace(saying, body=text, stamped_at=stamp(saying.message, content))]


def _all_workers(saying: Saying, content: object, text: str, records: Records) -> list[Saying]:
    if isinstance(content, dict):
        content = list(content.values())
    if not isinstance(content, list):
        return [failed(saying, PollStatus.GARBAGE, "not a list of workers", text)]
    sound, odd = _named(content, name_of)
    records.replace(dict(sound))
    return _one_by_one(saying, sound) + _odd(saying, odd)


def _changed_worker(saying: Saying, content: object, text: str, records: Records) -> Saying:
    name = name_of(content) if isinstance(content, dict) else None
    if name is None or not isinstance(content, dict):
        return failed(saying, PollStatus.GARBAGE, "not a worker's record: without uuid", text)
    known = records.knows(name)
    merged = records.change(name, content)
    whole = merged is not None and not known
    return replace(
        saying,
        about=name,
        body=text,
        merged=json.dumps(merged) if known else None,
        snapshot=whole,
    )


def _named(
    items: Iterable[Any], name: Callable[[Mapping[str, Any]], str | None]
) -> tuple[list[tuple[str, dict[str, Any]]], list[Any]]:
    """The records that have a name, each with it (two may have the same), and the others."""
    sound: list[tuple[str, dict[str, Any]]] = []
    odd: list[Any] = []
    for item in items:
        known_as = name(item) if isinstance(item, dict) else None
        if known_as is None:
            odd.append(item)
        else:
            sound.append((known_as, item))
    return sound, odd


def _one_by_one(saying: Saying, sound: Iterable[tuple[str, dict[str, Any]]]) -> list[Saying]:
    return [replace(saying, about=name, body=json.dumps(each)) for name, each in sound]


def _odd(saying: Saying, odd: list[Any]) -> list[Saying]:
    if not odd:
        return []
    error = f"{len(odd)} of the workers without a name"
    return [failed(saying, PollStatus.GARBAGE, error, json.dumps(odd))]


def answered(saying: Saying, body: str) -> list[Saying]:
    """A whole answer of the HTTP API or the proxy, as sayings.

    Args:
        saying: what was asked.
        body: as it came.
    """
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return [failed(saying, PollStatus.GARBAGE, "no JSON, or nested too deeply", body)]
    if not isinstance(content, dict):
        return [failed(saying, PollStatus.GARBAGE, "not an object", body)]
    code = _code(content)
    if saying.dialect == HTTP and code != _CODE_OK:
        refused = saying.message in {PoolMessage.WALLET, PoolMessage.WORKER} and code in _REFUSALS
        status = PollStatus.UNAUTHORISED if refused else PollStatus.ERROR
        return [failed(saying, status, f"code {code or 'without a number'}")]
    if saying.dialect == HTTP and saying.message is PoolMessage.WORKER:
        return _http_workers(saying, content, body)
    return [replace(saying, body=body, stamped_at=stamp(saying.message, content))]


_REFUSALS: Final = frozenset({400, 401, 403})


def _code(content: dict[str, Any]) -> int | None:
    """The pool's own status, which it may write as a text."""
    said = content.get("code")
    written = str(said) if isinstance(said, int | str) else ""
    return int(written) if _CODE.fullmatch(written) else None


def _http_workers(saying: Saying, content: dict[str, Any], body: str) -> list[Saying]:
    data = content.get("data")
    miners = data.get("miners") if isinstance(data, dict) else None
    if not isinstance(miners, list):
        return [failed(saying, PollStatus.GARBAGE, "without a list of miners", body)]
    sound, odd = _named(miners, lambda miner: name_of({"miner_name": miner.get("ID")}))
    return _one_by_one(saying, sound) + _odd(saying, odd)


def stamp(message: PoolMessage, content: object) -> datetime | None:
    """When the pool says that it computed what it tells; None: it does not say."""
    if not isinstance(content, dict):
        return None
    if message is PoolMessage.PROFITABILITY:
        entries = [each for each in content.values() if isinstance(each, dict)]
        stamps = [_epoch(each.get("data_timestamp")) for each in entries]
        return max((at for at in stamps if at is not None), default=None)
    if message is PoolMessage.STATUS and isinstance(content.get("lastUpdates"), dict):
        return _iso(content["lastUpdates"].get("profitability"))
    return None


def updating(content: object) -> bool:
    """Does the proxy say that it is fed? Whoever does not say is believed to be."""
    return not (isinstance(content, dict) and content.get("updating") is False)


def _epoch(value: object) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    sane = _LEAST_EPOCH_S <= value <= _MOST_EPOCH_S
    return datetime.fromtimestamp(value, UTC) if sane else None


def _iso(value: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return at.replace(tzinfo=UTC) if at is not None and at.tzinfo is None else at


def hidden(saying: Saying, hide: Hide) -> Saying:
    """The same without any key in its texts."""
    return replace(
        saying,
        about=None if saying.about is None else hide(saying.about),
        error=None if saying.error is None else hide(saying.error),
        body=None if saying.body is None else hide(saying.body),
        merged=None if saying.merged is None else hide(saying.merged),
    )


def to_event(
    saying: Saying,
    event_id: UUID,
    *,
    account: str,
    collector_id: str,
    payout_scheme: str | None = None,
) -> RawPool:
    """The event of a saying.

    Args:
        saying: without keys.
        event_id: fresh.
        account: our name for it.
        collector_id: who heard it.
        payout_scheme: that the account has chosen.
    """
    return RawPool(
        event_id=event_id,
        account_id=account,
        subject=saying.subject(account),
        collector_id=collector_id,
        pool=POOL,
        dialect=saying.dialect,
        message=saying.message,
        received_at=saying.received_at,
        latency_ms=saying.latency_ms,
        status=saying.status,
        http_status=saying.http_status,
        error=saying.error,
        snapshot=saying.snapshot,
        body=saying.body,
        merged=saying.merged,
        payout_scheme=payout_scheme,
    )
