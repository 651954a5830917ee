"""Where Prohashing is and what it calls its topics.

A topic's ``{key}`` is the account's key; a procedure written ``name(key)`` is called with it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from minestream_schemas.pool import PoolMessage

Auth = Literal["wampcra", "ticket", "anonymous"]
Names = Mapping[PoolMessage, str]
KEY_IN_TOPIC: Final = "{key}"
KEY_AS_ARGUMENT: Final = "(key)"


@dataclass(frozen=True, slots=True)
class Profile:
    """One way to follow the pool; each of its fields can be set otherwise.

    Args:
        wamp_url: of the feed; None: there is none.
        realm: to join.
        auth: how.
        authid: as whom; None: as nobody.
        secret: of ``authid``; the pool gives the same to everybody.
        topics: what to listen to, by what it is about.
        procedures: what tells the whole of it.
        http_url: of the HTTP API; None: it is not asked.
        proxy_url: of the open HTTP proxy; None: it is not asked.
    """

    wamp_url: str | None = None
    realm: str = "realm1"
    auth: Auth = "anonymous"
    authid: str | None = None
    secret: str | None = field(default=None, repr=False)
    topics: Names = field(default_factory=dict)
    procedures: Names = field(default_factory=dict)
    http_url: str | None = None
    proxy_url: str | None = None


HTTP_URL: Final = "https://prohashing.com/api/v1"
PROFILES: Final[Mapping[str, Profile]] = {
    "live": Profile(
        wamp_url="wss://live.prohashing.com:443/ws",
        realm="mining",
        auth="wampcra",
        authid="web",
        secret="web",  # noqa: S106 - every browser that opens the pool's page is given it
        topics={
            PoolMessage.WORKER: "miner_update_diffs_{key}",
            PoolMessage.PROFITABILITY: "profitability_updates",
            PoolMessage.BALANCES: "balance_updates_{key}",
            PoolMessage.GENERAL: "general_updates",
            PoolMessage.FOUND_BLOCK: "found_block_updates",
            PoolMessage.MINING_FAILURE: "mining_failures_{key}",
        },
        procedures={
            PoolMessage.WORKER: "f_all_miner_updates(key)",
            PoolMessage.PROFITABILITY: "f_all_profitability_updates()",
            PoolMessage.BALANCES: "f_all_balance_updates(key)",
            PoolMessage.GENERAL: "f_all_general_updates()",
        },
        http_url=HTTP_URL,
    ),
    "seed": Profile(
        wamp_url="wss://prohashing.com:3333/ws",
        topics={
            PoolMessage.WORKER: "com.prohashing.worker",
            PoolMessage.PROFITABILITY: "com.prohashing.profitability",
        },
        http_url=HTTP_URL,
    ),
    "proxy": Profile(proxy_url="http://127.0.0.1:3000"),
}
"""``live``: public clients of 2017 to 2022 agree. ``seed``: as the first specification has it.
``proxy``: the open ``prohashing-http`` alone, which knows rates and no account."""


def keyed(name: str) -> bool:
    """Is the account's key a part of it, or its argument?"""
    return KEY_IN_TOPIC in name or name.endswith(KEY_AS_ARGUMENT)


def topic_of(name: str, key: str) -> str:
    """The topic to subscribe to; it holds the key, so nobody may tell it."""
    return name.replace(KEY_IN_TOPIC, key)


def call_of(name: str, key: str) -> tuple[str, tuple[str, ...]]:
    """The procedure to call, and its arguments."""
    procedure = name.partition("(")[0]
    return procedure, (key,) if name.endswith(KEY_AS_ARGUMENT) else ()
