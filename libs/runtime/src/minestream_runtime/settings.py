"""What every service is told by its environment: ``MINESTREAM_`` variables, checked at start."""

import os
import re
from pathlib import Path
from typing import Any, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from minestream_runtime.devices.networks import PRIVATE, Networks
from minestream_runtime.errors import ConfigurationError

VARIABLE: Final = "MINESTREAM_CONFIG"
"""Names files of settings, by comma."""


class Settings(BaseSettings):
    """The settings all services share; each service adds its own in a subclass."""

    model_config = SettingsConfigDict(
        env_prefix="MINESTREAM_", env_ignore_empty=True, extra="ignore", frozen=True
    )

    kafka_bootstrap: str = Field(default="127.0.0.1:9092", description="host:port[,host:port…]")
    kafka_replication: int = Field(default=1, ge=1, description="of topics that we create")
    topic_namespace: str = Field(
        default="minestream",
        pattern=r"^[a-z0-9][a-z0-9-]*$",
        description="first word of topics and groups, where environments share a cluster",
    )
    database_url: SecretStr = Field(
        default=SecretStr("postgresql://127.0.0.1:5432/minestream"),
        description="postgresql://user@host:port/database",
    )
    credentials_key: SecretStr | None = Field(
        default=None,
        description="seals miners' credentials; several by comma: the first seals, all open",
    )
    credentials_key_file: Path | None = Field(
        default=None,
        description="the same from a file, a key a line, which others may not read; not both",
    )
    instance: str = Field(
        default="0",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$",
        description="which replica of its service this is; names files and members",
    )
    health_host: str = Field(default="127.0.0.1", description="where health and metrics listen")
    health_port: int = Field(default=0, ge=0, le=65535, description="0: nowhere")
    otlp_endpoint: str | None = Field(
        default=None,
        description="where traces go, OTLP over HTTP: http://host:4318",
    )
    trace_folder: Path | None = Field(
        default=None, description="traces also go to files here, for `minestream trace`"
    )
    trace_ratio: float = Field(
        default=0.01, ge=0, le=1, description="the share of polls that are traced; errors always"
    )
    allowed_networks: str = Field(
        default=PRIVATE, description="CIDRs by comma; no miner outside of them is ever asked"
    )
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @field_validator("otlp_endpoint")
    @classmethod
    def _is_an_endpoint(cls, url: str | None) -> str | None:
        if url is not None and not leads_somewhere(url):
            raise ValueError("no address: http://host:4318 is wanted")
        return url

    @field_validator("allowed_networks")
    @classmethod
    def _are_networks(cls, text: str) -> str:
        Networks.parse(text)
        return text

    @field_validator("database_url")
    @classmethod
    def _is_an_address(cls, url: SecretStr) -> SecretStr:
        if not re.match(r"postgres(ql)?://|\w+\s*=", url.get_secret_value()):
            raise ValueError("no address: postgresql://user@host:port/database is wanted")
        return url

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is pydantic's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - as above
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment, and behind it the files that ``MINESTREAM_CONFIG`` names."""
        return (init_settings, env_settings, _Files(settings_cls))

    @classmethod
    def load(cls) -> Self:
        """Read the environment.

        Raises:
            ConfigurationError: naming each variable that is wrong and why, never its value.
        """
        try:
            return cls()
        except ValidationError as exc:
            faults = "; ".join(
                f"MINESTREAM_{'_'.join(str(part) for part in fault['loc']).upper()}: {fault['msg']}"
                for fault in exc.errors(include_input=False, include_url=False)
            )
            raise ConfigurationError(faults) from None

    @property
    def networks(self) -> Networks:
        """Where miners may be."""
        return Networks.parse(self.allowed_networks)

    def group(self, service: str) -> str:
        """The consumer group of a service in this namespace."""
        return f"{self.topic_namespace}.{service}"


class _Files(PydanticBaseSettingsSource):
    """What configuration files give of one service's settings."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002 - the signature is pydantic's
        """See ``PydanticBaseSettingsSource``; all fields are given at once."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        names = os.environ.get(VARIABLE)
        if not names:
            return {}
        from minestream_runtime.config import source  # noqa: PLC0415 - most services have no file

        known = self.settings_cls.model_fields
        given = source.fields(names, os.environ)
        return {name: value for name, value in given.items() if name in known}


def leads_somewhere(url: str) -> bool:
    """Is it an http(s) address with a host, and a port if it tells one?"""
    try:
        parts = urlsplit(url)
        return (
            parts.scheme in {"http", "https"}
            and bool(parts.hostname)
            and parts.port != 0
            and not re.search(r"\s", url)
        )
    except ValueError:  # a port that is none, half of an IPv6 address
        return False
