"""What a pool is to us: what is asked of it, how politely, and how its answers read.

A contract only. Nothing here opens a connection; what is kept, how long one waits after a refusal
and when one asks is the collector's. A pool is one module beside this one: a class of accounts
(what an operator has to say of one), the calls of an account, and the readers of what they bring.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, ClassVar, Final, Generic, TypeVar

from pydantic import ConfigDict, Field, SecretStr

from minestream_dialects.fields import Flags
from minestream_schemas.event import Model
from minestream_schemas.pool import (
    AccountId,
    PayoutKind,
    PayoutScheme,
    PoolMessage,
    RawPool,
    RewardKind,
)
from minestream_schemas.raw import PollStatus
from minestream_schemas.units import Algorithm

HASHRATE_TTL_S: Final = 60.0
STATS_TTL_S: Final = 300.0
REWARDS_TTL_S: Final = 600.0
SCHEDULE_TTL_S: Final = 3600.0

Values = Mapping[str, str | SecretStr]
Key = Annotated[
    SecretStr,
    Field(min_length=4, max_length=256, description="of the pool's API; write it as ${NAME}"),
]


class Account(Model):
    """What an operator says of an account at any pool."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    account_id: AccountId = Field(
        description="our name for it: 2 to 63 small letters, digits and dashes, no dash first"
    )
    pool: str = Field(description="which; it decides what else is to be said")
    coin: str = Field(description="that is mined, by its name at the markets")
    payout_scheme: PayoutScheme | None = Field(
        default=None,
        description="that was chosen at the pool, in capitals; without it the pool's usual one",
        examples=["PPLNS"],
    )
    interval_s: float = Field(
        default=300.0, ge=1, le=3600, description="between two snapshots; 300 to 600 is usual"
    )
    url: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s/?#@]+(/[^\s?#]*)?$",
        description="another address of it: http:// or https://, without user and query",
        examples=["https://pool.example/api"],
    )


A = TypeVar("A", bound=Account)


@dataclass(frozen=True, slots=True)
class Span:
    """Which days' income is asked for.

    Args:
        begin: included.
        end: the present.
    """

    begin: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One question to a pool.

    Args:
        name: of the answer, in ``RawPool.endpoints``.
        path: below the pool's address.
        ttl_s: the pool computes it about so often; asked sooner it says the same.
        message: which cycle it belongs to.
        params: the query; a ``SecretStr`` is told to nobody else.
        headers: likewise.
        content: of a POST, as JSON; None: a GET.
        paged: the answer may say that another page follows (``Pool.more``).
    """

    name: str
    path: str
    ttl_s: float
    message: PoolMessage = PoolMessage.SNAPSHOT
    params: Values = field(default_factory=dict)
    headers: Values = field(default_factory=dict)
    content: Mapping[str, object] | None = None
    paged: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a pool says with HTTP 200 although it gives no answer.

    Args:
        status: ``UNAUTHORISED`` or ``ERROR``.
        limited: we ask too often.
        ends: what it said before holds no more: it is not to be told again meanwhile.
    """

    status: PollStatus
    text: str
    limited: bool = False
    ends: bool = False


@dataclass(frozen=True, slots=True)
class PayoutSchedule:
    """When a pool pays; a threshold and the next time are told by few."""

    kind: PayoutKind
    threshold_coins: float | None = None
    next_at: datetime | None = None
    next_coins: float | None = None


@dataclass(slots=True, kw_only=True)
class AccountStats:
    """What a pool says of an account in one coin; hashrates on the coin that is mined alone."""

    coin: str
    algorithm: Algorithm
    merged_coins: tuple[str, ...] = ()
    hashrate_hs: float | None = None
    hashrate_1h_hs: float | None = None
    hashrate_24h_hs: float | None = None
    hashrate_7d_hs: float | None = None
    workers_total: int | None = None
    workers_active: int | None = None
    last_share_at: datetime | None = None
    unpaid_coins: float | None = None
    paid_coins: float | None = None
    payout: PayoutSchedule | None = None
    flags: Flags = field(default_factory=Flags)


@dataclass(slots=True, kw_only=True)
class WorkerStats:
    """What a pool says of one worker.

    Args:
        said_at: when its answer was fetched.
    """

    name: str
    said_at: datetime
    algorithm: Algorithm
    coin: str
    worker_id: str | None = None
    merged_coins: tuple[str, ...] = ()
    state: str | None = None
    hashrate_hs: float | None = None
    hashrate_1h_hs: float | None = None
    hashrate_24h_hs: float | None = None
    last_share_at: datetime | None = None
    shares_total: int | None = None
    shares_recent: int | None = None
    stale_total: int | None = None
    rejected_total: int | None = None
    flags: Flags = field(default_factory=Flags)


@dataclass(slots=True, kw_only=True)
class MiningReward:
    """One credit or payout.

    Args:
        at: when; of a day its beginning.
        identity: what tells it from every other of its kind, coin and account, at each telling.
        period_s: 86400: of a day, which must be over; None: once.
        scheme: how these shares were paid, where the pool says so.
    """

    kind: RewardKind
    coin: str
    at: datetime
    amount_coins: float
    identity: str
    fee_coins: float | None = None
    period_s: float | None = None
    reference: str | None = None
    scheme: str | None = None
    flags: Flags = field(default_factory=Flags)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All live figures of an account, of one cycle of calls."""

    stats: tuple[AccountStats, ...] = ()
    workers: tuple[WorkerStats, ...] = ()


@dataclass(frozen=True, slots=True)
class Cycle:
    """The answers of one cycle that can be read, decoded.

    Args:
        raw: the event that they came with.
        answers: by the call's name; of a paged call the pages, in order.
        fetched_at: when each was.
        flags: what is doubtful about all of it.
    """

    raw: RawPool
    answers: Mapping[str, tuple[Any, ...]]
    fetched_at: Mapping[str, datetime]
    flags: Flags

    def said(self, name: str) -> Any:
        """What a call brought (its first page); None: nothing."""
        return next(iter(self.answers.get(name, ())), None)

    def coin(self, usual: str) -> str:
        """The coin that the account mines."""
        return self.raw.coin or usual


class Pool(ABC, Generic[A]):
    """A pool. What it is asked for is data; what it answers is read by pure functions."""

    name: ClassVar[str]
    url: ClassVar[str]
    scheme: ClassVar[str]
    """How it usually pays for shares."""
    apart_s: ClassVar[float]
    """No two calls begin closer than this, whatever the accounts."""
    account: ClassVar[type[Account]]

    @abstractmethod
    def calls(self, account: A, span: Span) -> tuple[Call, ...]:
        """Everything that is asked of an account, the live figures first.

        Args:
            account: as its operator describes it.
            span: which days' income.
        """

    @abstractmethod
    def snapshot(self, cycle: Cycle) -> Snapshot:
        """Read the live figures; what is missing or odd becomes None and a flag."""

    def rewards(self, cycle: Cycle) -> tuple[MiningReward, ...]:  # noqa: ARG002 - a default
        """Read credits and payouts; a pool may tell none."""
        return ()

    def refusal(self, answer: object) -> Refusal | None:  # noqa: ARG002 - a default
        """What an answer with HTTP 200 refuses; None: nothing, or this pool does not do that."""
        return None

    def more(self, answer: object) -> bool:  # noqa: ARG002 - a default
        """Does another page follow?"""
        return False
