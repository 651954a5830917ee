"""What the feature sink is told by its environment."""

import re
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from minestream_runtime.settings import Settings


class AbacusSettings(Settings):
    """The feature sink's own settings; see ``Settings`` for the shared ones."""

    abacus_key: SecretStr | None = Field(
        default=None, description="the API key at Abacus.AI; none: the sink is idle"
    )
    abacus_url: str | None = Field(
        default=None, description="another endpoint than Abacus.AI's own: http[s]://host[:port]/…"
    )
    abacus_project: str = Field(
        default="crypto_mining_monitor",
        min_length=1,
        max_length=120,
        description="the project, by name, that the feature groups are put into",
    )
    abacus_mode: Literal["append", "upsert"] = Field(
        default="append", description="upsert: row by row, one row by contract and far slower"
    )
    abacus_batch_rows: int = Field(default=1000, ge=1, le=1000, description="most rows in a call")
    abacus_batch_bytes: int = Field(
        default=1_000_000, ge=1000, le=1_000_000, description="most bytes of them, as JSON"
    )
    abacus_flush_s: float = Field(
        default=5.0, gt=0, le=5, description="the longest that a row waits for others"
    )
    abacus_timeout_s: float = Field(default=30.0, gt=0, description="for one call, all of it")
    abacus_retries: int = Field(
        default=3, ge=0, description="failures in a row, less one, that open the circuit"
    )
    abacus_retry_first_s: float = Field(
        default=1.0, gt=0, description="before the first retry; doubles with each"
    )
    abacus_retry_most_s: float = Field(default=60.0, gt=0, description="no wait is longer")
    abacus_refused_wait_s: float = Field(
        default=300.0, gt=0, description="until it asks again after a refusal (key, payment)"
    )
    abacus_refused_rows: int = Field(
        default=50, ge=2, description="so many refused in a row: the far side is wrong, not they"
    )
    abacus_threads: int = Field(default=4, ge=1, le=32, description="calls at the same time")
    abacus_bug_limit: int = Field(
        default=100, ge=1, description="records set aside for our own bugs: then stop"
    )
    session_timeout_s: float = Field(
        default=10.0, ge=6, description="until a silent sink's partitions move on"
    )

    @field_validator("abacus_url")
    @classmethod
    def _leads_to_a_service(cls, url: str | None) -> str | None:
        if url is None:
            return None
        try:
            parts = urlsplit(url)
            leads = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
        except ValueError:  # a port that is none, half of an IPv6 address
            leads = None
        if not leads or re.search(r"\s", url) or parts.query or parts.fragment:
            raise ValueError("no address: http[s]://host[:port]/path is wanted")
        if parts.username or parts.password:
            raise ValueError("an address with credentials in it would be logged: use the key")
        return url.rstrip("/")
