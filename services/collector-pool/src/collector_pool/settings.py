"""What the collector is told by its environment: which account, and how it is followed."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, field_validator, model_validator

from collector_pool.domain.profiles import PROFILES, Auth, Profile, keyed
from minestream_runtime.outlet.settings import OutletSettings
from minestream_runtime.tasks.cron import Cron
from minestream_schemas.pool import AccountId, PoolMessage

SERVICE: Final = "collector-pool"
_KEY: Final = re.compile(r"[A-Za-z0-9._-]{4,128}")
_NAME: Final = re.compile(r"[A-Za-z0-9_.]+(\{key\})?(\((key)?\))?")


def _leads(url: str, *schemes: str) -> str:
    try:
        parts = urlsplit(url)
        sound = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is none
        sound = False
    if not sound or re.search(r"\s", url):
        raise ValueError(f"no address: {schemes[-1]}://host:port/path is wanted")
    return url


def _names(names: dict[PoolMessage, str]) -> dict[PoolMessage, str]:
    for message, name in names.items():
        if not _NAME.fullmatch(name):
            raise ValueError(f"{message}: a name, name{{key}}, name() or name(key) is wanted")
    return names


WebUrl = Annotated[str, AfterValidator(lambda url: _leads(url, "http", "https"))]
WampUrl = Annotated[str, AfterValidator(lambda url: _leads(url, "ws", "wss"))]
Names = Annotated[dict[PoolMessage, str], AfterValidator(_names)]


class PoolSettings(OutletSettings):
    """Whatever the profile gives can be set otherwise; None: as the profile has it."""

    pool_profile: Literal["none", "live", "seed", "proxy"] = Field(
        default="none", description="how the pool is followed; none: not at all"
    )
    pool_account: AccountId = "prohashing-main"
    pool_api_key: SecretStr | None = Field(default=None, description="the account's key")
    pool_wamp_url: WampUrl | None = Field(default=None, description="of the feed")
    pool_realm: str | None = None
    pool_auth: Auth | None = None
    pool_authid: str | None = None
    pool_secret: SecretStr | None = Field(
        default=None, description="of authid; a ticket is the account's key where none is given"
    )
    pool_topics: Names | None = Field(
        default=None, description='JSON by message: {"worker": "miner_update_diffs_{key}"}'
    )
    pool_procedures: Names | None = Field(
        default=None, description='JSON by message: {"worker": "f_all_miner_updates(key)"}'
    )
    pool_http_url: WebUrl | None = Field(default=None, description="of the HTTP API")
    pool_proxy_url: WebUrl | None = Field(default=None, description="of the open HTTP proxy")
    pool_ca_file: Path | None = Field(
        default=None, description="whom to trust beside the system's list; checks stay on"
    )
    pool_ping_s: float = Field(default=30.0, gt=0, le=600, description="heartbeat of the feed")
    pool_ping_timeout_s: float = Field(default=10.0, gt=0, le=600)
    pool_silence_s: float = Field(
        default=180.0, gt=0, description="a feed that says nothing for so long is joined anew"
    )
    pool_fresh_s: float = Field(
        default=600.0, gt=0, description="what was said longer ago is not fresh: a gap"
    )
    pool_refused_s: float = Field(
        default=600.0, gt=0, description="who was refused asks again after so long"
    )
    pool_fallback_after_s: float = Field(
        default=15.0, ge=0, description="a feed down for so long is replaced by asking"
    )
    pool_queue: int = Field(default=10_000, ge=1, description="messages waiting to be published")
    pool_status_every_s: float = Field(default=300.0, ge=1)
    pool_account_every_s: float = Field(
        default=60.0, ge=1, description="wallet and workers, while the feed is down"
    )
    pool_worker_every_s: float = Field(
        default=60.0,
        ge=0,
        le=600,
        description="of a worker that only hashes on, one change in so long is told; 0: each",
    )
    pool_payouts_every_s: float = Field(
        default=3600.0, ge=1, description="wallet, also while the feed is there"
    )
    pool_payout_scheme: Literal["PPLNS", "PPS"] | None = Field(
        default=None,
        description="that the account has chosen; None: each worker's own, else the pool's usual",
    )
    pool_calls_per_hour: int = Field(
        default=4500, ge=1, le=4500, description="of the pool over HTTP; about 5,000 are allowed"
    )
    pool_profitability_every_s: float | None = Field(
        default=None, ge=1, description="from the proxy; None: 60 s alone, 900 s as a fallback"
    )

    pools_file: Path | None = Field(
        default=None, description="YAML with accounts at pools that are asked over HTTP"
    )
    pools_stale_s: float = Field(
        default=3600.0, ge=0, description="an answer so old is not repeated while a pool is away"
    )
    pools_payouts_cron: str = Field(default="5 * * * *", description="UTC; what was paid out")
    pools_history_cron: str = Field(default="25 */3 * * *", description="UTC; what was earned")
    pools_reconcile_cron: str = Field(
        default="40 1 * * *", description="UTC; both once more, of five weeks"
    )

    @field_validator("pools_payouts_cron", "pools_history_cron", "pools_reconcile_cron")
    @classmethod
    def _comes_true(cls, line: str) -> str:
        Cron(line)
        return line

    @property
    def collector_id(self) -> str:
        """Who we are, in events."""
        return f"{SERVICE}-{self.instance}"

    @property
    def key(self) -> str:
        """The account's key; empty: there is none."""
        return self.pool_api_key.get_secret_value() if self.pool_api_key else ""

    def profile(self) -> Profile | None:
        """The profile with what is set otherwise; None: no pool is followed."""
        return None if self.pool_profile == "none" else self.profile_of(self.pool_profile)

    def profile_of(self, name: str) -> Profile:
        """The profile of that name with what is set otherwise."""
        base = PROFILES[name]
        auth = self.pool_auth or base.auth
        given = self.pool_secret.get_secret_value() if self.pool_secret else base.secret
        secret = given or (self.key if auth == "ticket" else None)
        topics = base.topics if self.pool_topics is None else self.pool_topics
        calls = base.procedures if self.pool_procedures is None else self.pool_procedures
        return Profile(
            wamp_url=self.pool_wamp_url or base.wamp_url,
            realm=self.pool_realm or base.realm,
            auth=auth,
            authid=self.pool_authid or base.authid,
            secret=secret,
            topics=self._ours(topics),
            procedures=self._ours(calls),
            http_url=self.pool_http_url or base.http_url,
            proxy_url=self.pool_proxy_url or base.proxy_url,
        )

    def _ours(self, names: Mapping[PoolMessage, str]) -> dict[PoolMessage, str]:
        """What can be asked with the key that there is."""
        return {about: name for about, name in names.items() if self.key or not keyed(name)}

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if self.pool_api_key is not None and not _KEY.fullmatch(self.key):
            raise ValueError(
                "MINESTREAM_POOL_API_KEY: 4 to 128 letters, digits, dots, dashes are wanted"
            )
        if self.pool_ca_file is not None and not self.pool_ca_file.is_file():
            raise ValueError(f"MINESTREAM_POOL_CA_FILE: no file {self.pool_ca_file}")
        if self.pools_file is not None and not self.pools_file.is_file():
            raise ValueError(f"MINESTREAM_POOLS_FILE: no file {self.pools_file}")
        profile = self.profile()
        named = profile is not None and profile.wamp_url and profile.auth != "anonymous"
        if profile is not None and named and not (profile.authid and profile.secret):
            raise ValueError(
                f"MINESTREAM_POOL_AUTH={profile.auth} wants MINESTREAM_POOL_AUTHID "
                "and MINESTREAM_POOL_SECRET"
            )
        return self
