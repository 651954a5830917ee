"""``config.yaml``: a small fleet with its pool, database, alerts and logs."""

from collections.abc import Iterator
from typing import Annotated, Literal, Self
from urllib.parse import quote

from pydantic import Field, SecretStr, field_validator, model_validator

from minestream_runtime.config.collection import Level, Seconds
from minestream_runtime.config.marks import Part, Ruled, Sets, Setting, by_comma, lowered, plainly
from minestream_runtime.config.miners import Listed

Port = Annotated[int, Field(ge=1, le=65_535)]
_SMTPS = 465


class Fleet(Part):
    """``fleet``."""

    miner_ips: tuple[str, ...] = Field(min_length=1)
    poll_interval_seconds: Annotated[Seconds, Sets("POLL_INTERVAL_S")] = 30
    timeout_seconds: Annotated[Seconds, Sets("POLL_DEADLINE_S")] = 10


class Prohashing(Part):
    """``prohashing``; its address is that of the open proxy."""

    api_key: Annotated[SecretStr | None, Sets("POOL_API_KEY")] = None
    base_url: Annotated[str, Sets("POOL_PROXY_URL")] = "http://localhost:3000"
    sync_interval_seconds: Annotated[Seconds, Sets("POOL_PROFITABILITY_EVERY_S")] = 60
    rate_limit_requests_per_hour: Annotated[
        int, Field(ge=1, le=4500), Sets("POOL_CALLS_PER_HOUR")
    ] = 4500

    def joined(self) -> Iterator[Setting]:
        """The proxy alone, as the document has it."""
        yield Setting("POOL_PROFILE", "proxy", ("base_url",))


class Database(Part):
    """``database``."""

    type: Literal["postgresql"]
    host: str = "localhost"
    port: Port = 5432
    database: str = "fleet_monitoring"
    username: str | None = None
    password: SecretStr | None = None

    @field_validator("type", mode="before")
    @classmethod
    def _is_postgresql(cls, kind: object) -> object:
        if kind == "sqlite":
            raise ValueError("SQLite is not offered; `minestream up` brings a PostgreSQL")
        return kind

    def joined(self) -> Iterator[Setting]:
        """The address."""
        secret = self.password.get_secret_value() if self.password else ""
        who = quote(self.username or "", safe="") + (f":{quote(secret, safe='')}" if secret else "")
        where = f"{who}@{self.host}" if who else self.host
        url = f"postgresql://{where}:{self.port}/{quote(self.database, safe='')}"
        yield Setting("DATABASE_URL", url, ("host",), secret=bool(secret))


class Thresholds(Part):
    """``alerts.thresholds``."""

    temperature_warning: Annotated[float, Sets("TEMPERATURE_WARNING_C")] = 80
    temperature_critical: Annotated[float, Sets("TEMPERATURE_CRITICAL_C")] = 90
    hashrate_drop_percent: Annotated[
        float, Field(gt=0, le=100), Ruled("no rule on hashrate pages yet")
    ] = 20
    power_spike_percent: Annotated[float, Field(gt=0), Ruled("no rule on power pages yet")] = 30
    offline_duration_minutes: Annotated[
        float, Field(gt=0), Sets("OFFLINE_FOR_S", lambda minutes: plainly(minutes * 60.0))
    ] = 5


class Email(Part):
    """``alerts.email``."""

    smtp_server: str
    smtp_port: Port = 587
    username: str | None = None
    password: SecretStr | None = None
    recipients: Annotated[tuple[str, ...], Field(min_length=1), Sets("MAIL_TO", by_comma)]

    @model_validator(mode="after")
    def _has_both(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password belong together")
        return self

    def joined(self) -> Iterator[Setting]:
        """The server, and who writes."""
        scheme = "smtps" if self.smtp_port == _SMTPS else "smtp"
        secret = self.password.get_secret_value() if self.password else ""
        who = f"{quote(self.username, safe='')}:{quote(secret, safe='')}@" if self.username else ""
        url = f"{scheme}://{who}{self.smtp_server}:{self.smtp_port}"
        yield Setting("SMTP_URL", url, ("smtp_server",), secret=bool(who))
        writer = self.username if self.username and "@" in self.username else self.recipients[0]
        yield Setting("MAIL_FROM", writer, ("username",))


class Slack(Part):
    """``alerts.slack``."""

    webhook_url: Annotated[
        SecretStr | None, Ruled("there is no Slack channel yet; MINESTREAM_WEBHOOK_URL takes JSON")
    ] = None
    channel: Annotated[str, Ruled("as the address")] = "#mining-alerts"


class Alerts(Part):
    """``alerts``."""

    thresholds: Thresholds = Thresholds()
    email: Email | None = None
    slack: Slack | None = None


class Logging(Part):
    """``logging``."""

    level: Annotated[Level, Sets("LOG_LEVEL", lowered)] = "INFO"
    file: Annotated[str, Ruled("each service has its own file: `minestream logs SERVICE`")] = ""
    max_size_mb: Annotated[Literal[100], Ruled("files rotate at 100 MB")] = 100
    backup_count: Annotated[Literal[5], Ruled("five of them stay")] = 5


class FleetFile(Part):
    """The file."""

    fleet: Fleet
    prohashing: Prohashing | None = None
    database: Database | None = None
    alerts: Alerts | None = None
    logging: Logging | None = None

    def listed(self) -> tuple[Listed, ...]:
        """Its miners, named after their addresses."""
        return tuple(Listed(name=f"miner-{host}", host=host) for host in self.fleet.miner_ips)
