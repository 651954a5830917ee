"""What pools say: verbatim, and as workers, rates and balances in our names."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from minestream_schemas.event import Event, Instant, Topic
from minestream_schemas.ids import SLUG, EventId, MinerId, SiteId
from minestream_schemas.raw import MAX_EVENT_BYTES, EndpointBody, PollStatus
from minestream_schemas.telemetry import Count, Hashrate
from minestream_schemas.units import Algorithm

AccountId = Annotated[
    str,
    Field(pattern=SLUG, examples=["prohashing-main"], description="our name for it; never a key"),
]
Subject = Annotated[str, Field(min_length=1, max_length=256)]


PayoutScheme = Annotated[
    str,
    Field(
        pattern=r"^[A-Z][A-Z0-9+-]{1,15}$",
        examples=["PPLNS", "FPPS", "PPS", "PPS+", "PROP", "TIDES", "SOLO"],
        description="how shares are paid",
    ),
]
MergedCoins = Annotated[
    tuple[str, ...],
    Field(examples=[["dogecoin"]], description="mined along with the coin, by the same hashing"),
]


class PoolMessage(StrEnum):
    """What one message of a pool is about."""

    WORKER = "worker"
    """One worker's record, whole (from a snapshot) or what changed of it."""
    PROFITABILITY = "profitability"
    BALANCES = "balances"
    GENERAL = "general"
    FOUND_BLOCK = "found_block"
    MINING_FAILURE = "mining_failure"
    STATUS = "status"
    WALLET = "wallet"
    SNAPSHOT = "snapshot"
    """All live figures of one account, asked in one cycle: the answers stand in ``endpoints``."""
    REWARDS = "rewards"
    """What was credited, by block, hour or day."""
    PAYOUTS = "payouts"
    """What was paid out."""


class RawPool(Event):
    """One message of one pool account, as it came. Workers of a snapshot are told one by one.

    What a message that failed would have brought is told too: its ``status`` says why, and there
    is no body.
    """

    event_id: EventId
    account_id: AccountId
    subject: Subject = Field(
        examples=["prohashing-main/8e0c0a0e-2f7a-4d0c-9a4d-0123456789ab"],
        description="what stays in order: the account, with the worker's id at the pool if any",
    )
    collector_id: str = Field(description="who asked: the service and its instance")
    pool: str = Field(examples=["prohashing"])
    dialect: str = Field(
        examples=["prohashing-wamp", "prohashing-http", "prohashing-proxy"],
        description="which parser family to read it with",
    )
    message: PoolMessage
    received_at: Instant
    latency_ms: float | None = Field(default=None, ge=0, description="of a call; None: pushed")
    status: PollStatus
    http_status: int | None = Field(default=None, ge=100, le=599)
    error: str | None = None
    snapshot: bool = Field(default=False, description="said whole, not what changed")
    body: str | None = Field(default=None, description="JSON text; of garbage the first 4 KiB")
    merged: str | None = Field(
        default=None, description="JSON text: the record after what changed; None: body is whole"
    )
    endpoints: dict[str, EndpointBody] = Field(
        default_factory=dict, description="of a snapshot: the latest answer of each call"
    )
    stale_endpoints: tuple[str, ...] = Field(
        default=(), description="whose answer is an old one, as the pool gives no new one"
    )
    coin: str | None = Field(
        default=None, examples=["bitcoin"], description="that the account mines, as we know it"
    )
    payout_scheme: PayoutScheme | None = Field(
        default=None, description="that the account has chosen, as its operator says"
    )


class PayoutKind(StrEnum):
    """When a pool pays."""

    PER_BLOCK = "per_block"
    HOURLY = "hourly"
    DAILY = "daily"
    THRESHOLD = "threshold"


class PoolWorker(Event):
    """What a pool says of one worker, joined to its miner by the inventory's worker names.

    ``hashrate_hs`` is computed by the pool from shares: it lags behind the miner's own by minutes.
    """

    event_id: EventId = Field(description="derived from raw_event_id and the worker")
    raw_event_id: EventId
    subject: Subject = Field(
        examples=["site-a-r01-s03"],
        description="miner_id where it is known, else account/worker: the record's key",
    )
    ts: Instant = Field(description="when the pool said it, by our clock")
    account_id: AccountId
    pool: str
    worker: str = Field(description="its name at the pool")
    worker_id: str | None = Field(default=None, description="its id at the pool")
    miner_id: MinerId | None = None
    site_id: SiteId | None = None
    algorithm: Algorithm = Algorithm.UNKNOWN
    coin: str | None = Field(default=None, examples=["Litecoin"], description="mined right now")
    merged_coins: MergedCoins = ()
    payout_scheme: PayoutScheme | None = None
    state: str | None = Field(default=None, examples=["online", "low", "offline", "disabled"])
    hashrate_hs: Hashrate | None = None
    hashrate_1h_hs: Hashrate | None = None
    hashrate_24h_hs: Hashrate | None = None
    last_share_at: Instant | None = None
    difficulty: float | None = Field(default=None, ge=0)
    shares_total: Count | None = Field(default=None, description="accepted since ever")
    shares_recent: Count | None = Field(default=None, description="accepted, in the pool's window")
    stale_total: Count | None = None
    rejected_total: Count | None = None
    hardware: str | None = None
    quality_flags: tuple[str, ...] = ()


class PoolRate(Event):
    """What a pool pays at present for hashing one algorithm.

    Rates are per H/s and day. ``unit_hs`` says how many H/s the pool's own numbers are per.
    """

    event_id: EventId = Field(description="derived from raw_event_id and the algorithm")
    raw_event_id: EventId
    subject: Subject = Field(examples=["prohashing/scrypt"], description="pool/algorithm")
    ts: Instant = Field(description="when the pool computed it, else when it was received")
    account_id: AccountId
    pool: str
    algorithm: Algorithm
    unit_hs: float = Field(gt=0, examples=[1e6])
    usd_per_hs_day: float | None = Field(default=None, ge=0)
    btc_per_hs_day: float | None = Field(default=None, ge=0)
    max_usd_per_hs_day: float | None = Field(default=None, ge=0)
    max_btc_per_hs_day: float | None = Field(default=None, ge=0)
    percentile_usd_per_hs_day: float | None = Field(default=None, ge=0)
    percentile_btc_per_hs_day: float | None = Field(default=None, ge=0)
    payout_scheme: PayoutScheme | None = Field(
        default=None, description="which the fee belongs to; None: whichever"
    )
    fee_ratio: float | None = Field(default=None, ge=0, le=1, description="not yet taken off")
    received_at: Instant
    server_at: Instant | None = None
    server_id: int | None = None
    quality_flags: tuple[str, ...] = ()


class PoolBalance(Event):
    """What a pool owes one account in one coin, in whole coins."""

    event_id: EventId = Field(description="derived from raw_event_id and the coin")
    raw_event_id: EventId
    subject: Subject = Field(examples=["prohashing-main/Litecoin"], description="account/coin")
    ts: Instant
    account_id: AccountId
    pool: str
    coin: str
    balance_coins: float = Field(ge=0)
    unpaid_coins: float | None = Field(default=None, ge=0)
    paid_coins: float | None = Field(default=None, ge=0, description="since ever")


class PoolStats(Event):
    """One account at one pool at one instant: every live figure of one cycle of calls.

    What a pool does not tell is ``None``; a rule that wants the next payout must bear its absence.
    """

    event_id: EventId = Field(description="derived from raw_event_id and the coin")
    raw_event_id: EventId
    subject: Subject = Field(examples=["ocean-main/bitcoin"], description="account/coin")
    ts: Instant = Field(description="of the cycle")
    account_id: AccountId
    pool: str
    algorithm: Algorithm = Algorithm.UNKNOWN
    coin: str | None = Field(default=None, examples=["bitcoin"], description="that it pays in")
    merged_coins: MergedCoins = ()
    hashrate_hs: Hashrate | None = Field(default=None, description="the shortest mean it tells")
    hashrate_1h_hs: Hashrate | None = None
    hashrate_24h_hs: Hashrate | None = None
    hashrate_7d_hs: Hashrate | None = None
    workers_total: Count | None = None
    workers_active: Count | None = None
    last_share_at: Instant | None = None
    unpaid_coins: float | None = Field(default=None, ge=0)
    paid_coins: float | None = Field(default=None, ge=0, description="since ever")
    payout_scheme: PayoutScheme | None = None
    payout_kind: PayoutKind | None = None
    payout_threshold_coins: float | None = Field(default=None, ge=0)
    next_payout_at: Instant | None = None
    next_payout_coins: float | None = Field(default=None, ge=0)
    stale: bool = Field(default=False, description="from the cache, while the pool throttles us")
    quality_flags: tuple[str, ...] = ()


class RewardKind(StrEnum):
    """What kind of income it is."""

    CREDIT = "credit"
    """Earned: it raises the balance."""
    PAYOUT = "payout"
    """Sent to the account's address: it lowers the balance."""


class PoolReward(Event):
    """One credit or payout. A later telling of the same one has the same ``event_id``."""

    event_id: EventId = Field(description="derived from account, kind, coin and the pool's id")
    raw_event_id: EventId
    subject: Subject = Field(examples=["braiins-main/bitcoin"], description="account/coin")
    ts: Instant = Field(description="when it was credited or paid; of a day its beginning")
    account_id: AccountId
    pool: str
    kind: RewardKind
    coin: str
    amount_coins: float = Field(ge=0)
    fee_coins: float | None = Field(default=None, ge=0)
    period_s: float | None = Field(default=None, gt=0, description="86400: of a day; None: once")
    payout_scheme: PayoutScheme | None = None
    reference: str | None = Field(default=None, description="block, transaction or day")
    quality_flags: tuple[str, ...] = ()


class NoticeKind(StrEnum):
    """What a pool tells unasked."""

    FOUND_BLOCK = "found_block"
    MINING_FAILURE = "mining_failure"


class PoolNotice(Event):
    """A block found, or a failure that the pool reports of one worker."""

    event_id: EventId = Field(description="derived from raw_event_id")
    raw_event_id: EventId
    subject: Subject = Field(examples=["prohashing-main"], description="account")
    ts: Instant
    account_id: AccountId
    pool: str
    kind: NoticeKind
    algorithm: Algorithm = Algorithm.UNKNOWN
    coin: str | None = None
    worker: str | None = None
    miner_id: MinerId | None = None
    amount_coins: float | None = Field(default=None, ge=0)
    reference: str | None = Field(default=None, description="the block's hash or height")
    text: str | None = Field(default=None, description="what the pool said, for people")
    quality_flags: tuple[str, ...] = ()


Basis = Literal["pool_rate", "network"]
"""What a revenue rests on: the pool's own rate, or difficulty, block reward and price."""

RAW_POOL = Topic(
    name="minestream.raw.pool.v1",
    event=RawPool,
    description="Every message of every pool account, verbatim.",
    key="subject",
    retention=timedelta(days=7),
    max_message_bytes=MAX_EVENT_BYTES,
    producers=frozenset({"collector-pool"}),
    consumers=frozenset({"processor", "archiver"}),
)

POOL_WORKER = Topic(
    name="minestream.pool.worker.v1",
    event=PoolWorker,
    description="What pools say of each worker, keyed by its miner.",
    key="subject",
    retention=timedelta(days=7),
    producers=frozenset({"processor"}),
    consumers=frozenset({"processor", "timescale-sink"}),
)

POOL_RATE = Topic(
    name="minestream.pool.rate.v1",
    event=PoolRate,
    description="What pools pay, by algorithm.",
    key="subject",
    partitions=1,
    retention=timedelta(days=7),
    producers=frozenset({"processor"}),
    consumers=frozenset({"processor", "timescale-sink"}),
)

POOL_BALANCE = Topic(
    name="minestream.pool.balance.v1",
    event=PoolBalance,
    description="What pools owe, by account and coin.",
    key="subject",
    partitions=1,
    retention=timedelta(days=7),
    producers=frozenset({"processor"}),
    consumers=frozenset({"timescale-sink"}),
)

POOL_STATS = Topic(
    name="minestream.pool.stats.v1",
    event=PoolStats,
    description="Each account's live figures at its pool.",
    key="subject",
    partitions=1,
    retention=timedelta(days=7),
    producers=frozenset({"processor"}),
    consumers=frozenset({"timescale-sink"}),
)

POOL_REWARD = Topic(
    name="minestream.pool.reward.v1",
    event=PoolReward,
    description="What pools credited and paid out.",
    key="subject",
    partitions=1,
    retention=timedelta(days=7),
    producers=frozenset({"processor"}),
    consumers=frozenset({"timescale-sink"}),
)

POOL_NOTICE = Topic(
    name="minestream.pool.notice.v1",
    event=PoolNotice,
    description="Blocks found and failures reported by pools.",
    key="subject",
    partitions=1,
    retention=timedelta(days=7),
    producers=frozenset({"processor"}),
    consumers=frozenset({"timescale-sink"}),
)
