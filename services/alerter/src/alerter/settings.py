"""What the alerter is told by its environment."""

from datetime import timedelta
from email.errors import HeaderParseError
from email.headerregistry import Address
from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from alerter.domain.rules import Offline, Rule, Temperature
from minestream_runtime.settings import Settings
from minestream_schemas.alert import Severity


class AlerterSettings(Settings):
    """The alerter's own settings; see ``Settings`` for the shared ones."""

    temperature_warning_c: float = Field(
        default=80, gt=-40, le=150, description="a chip above: warning"
    )
    temperature_critical_c: float = Field(
        default=90, gt=-40, le=150, description="a chip above: critical"
    )
    temperature_hysteresis_c: float = Field(
        default=2, ge=0, le=50, description="so far below a limit it is over, K"
    )
    temperature_for_s: float = Field(default=60, ge=0, description="over a limit for so long")
    temperature_readings: int = Field(default=2, ge=1, description="and in so many readings")
    temperature_resolve_s: float = Field(default=120, ge=0, description="below for so long: over")
    offline_for_s: float = Field(default=300, gt=0, description="without an answer for so long")
    offline_readings: int = Field(default=2, ge=1, description="and so many polls unanswered")
    offline_slack_s: float = Field(
        default=15,
        ge=0,
        description="how much further others' readings must be, to say that the hold has passed",
    )
    alert_stale_s: float = Field(
        default=300,
        gt=0,
        description="alerts older than that are told only once the backlog has been read",
    )
    retire_after_s: float = Field(
        default=600,
        gt=0,
        description="alerts of miners that have left the inventory end after so long without "
        "a reading",
    )
    alert_batch_records: int = Field(default=1000, ge=1, description="most readings a transaction")
    alert_bug_limit: int = Field(
        default=100, ge=1, description="records set aside for our own bugs: then stop"
    )
    session_timeout_s: float = Field(
        default=10.0, ge=6, description="until a silent alerter's partitions move on"
    )
    keep_alert_days: int = Field(default=1095, ge=1, description="alerts that are over")
    outbox_keep_s: float = Field(default=86_400, ge=0, description="outbox rows already sent")

    webhook_url: SecretStr | None = Field(
        default=None, description="http(s)://…; may hold a token; None: no web hook"
    )
    webhook_secret: SecretStr | None = Field(default=None, description="signs what is sent there")
    smtp_url: SecretStr | None = Field(
        default=None,
        description="smtp[s]://[user:password@]host[:port][?starttls=auto|always|never]; "
        "None: no mail",
    )
    mail_from: str | None = Field(default=None, description="sender's address")
    mail_to: str | None = Field(default=None, description="addresses, separated by commas")
    notify_timeout_s: float = Field(default=10, gt=0, le=45, description="for one message")
    notify_poll_s: float = Field(default=0.5, gt=0, description="how often the ledger is looked at")
    notify_most_s: float = Field(default=60, gt=0, description="longest wait before another try")
    notify_give_up_s: float = Field(
        default=86_400, gt=0, description="what could not be told for so long has failed"
    )

    @field_validator("webhook_url")
    @classmethod
    def _is_a_web_address(cls, url: SecretStr | None) -> SecretStr | None:
        return _checked(url, {"http", "https"}, "https://host/path")

    @field_validator("smtp_url")
    @classmethod
    def _is_a_mail_server(cls, url: SecretStr | None) -> SecretStr | None:
        return _checked(url, {"smtp", "smtps"}, "smtp://host:25 or smtps://user:password@host")

    @field_validator("mail_from", "mail_to")
    @classmethod
    def _are_mail_addresses(cls, text: str | None) -> str | None:
        for address in [] if text is None else text.split(","):
            try:
                Address(addr_spec=address.strip())
            except (HeaderParseError, ValueError, IndexError):
                raise ValueError("no mail address: name@host is wanted") from None
            if "@" not in address:
                raise ValueError("no mail address: name@host is wanted")
        return text

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.temperature_critical_c <= self.temperature_warning_c:
            raise ValueError(
                "MINESTREAM_TEMPERATURE_CRITICAL_C must be above MINESTREAM_TEMPERATURE_WARNING_C"
            )
        if self.smtp_url is not None and not (self.mail_from and self.mail_to):
            raise ValueError(
                "MINESTREAM_SMTP_URL needs MINESTREAM_MAIL_FROM and MINESTREAM_MAIL_TO"
            )
        return self

    @property
    def recipients(self) -> list[str]:
        """Whom mails go to."""
        return [address.strip() for address in (self.mail_to or "").split(",") if address.strip()]

    @property
    def rules(self) -> tuple[Rule, ...]:
        """All rules, with these limits and holds."""
        return (
            Temperature(
                limits_c={
                    Severity.WARNING: self.temperature_warning_c,
                    Severity.CRITICAL: self.temperature_critical_c,
                },
                hysteresis_c=self.temperature_hysteresis_c,
                hold=timedelta(seconds=self.temperature_for_s),
                readings=self.temperature_readings,
                resolve=timedelta(seconds=self.temperature_resolve_s),
            ),
            Offline(
                hold=timedelta(seconds=self.offline_for_s),
                readings=self.offline_readings,
                slack=timedelta(seconds=self.offline_slack_s),
            ),
        )


def _checked(url: SecretStr | None, schemes: set[str], example: str) -> SecretStr | None:
    if url is None:
        return None
    try:
        parts = urlsplit(url.get_secret_value())
        sound = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is none, half of an IPv6 address
        sound = False
    if not sound:
        raise ValueError(f"no address: {example} is wanted")
    return url
