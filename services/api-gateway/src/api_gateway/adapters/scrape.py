"""What the services say of themselves: health and metrics, asked at most once in two seconds."""

import asyncio
import json
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Final

import aiohttp
from prometheus_client import REGISTRY, Metric
from prometheus_client.parser import text_string_to_metric_families
from psycopg.conninfo import conninfo_to_dict

from api_gateway.domain.system import ServiceAddress, quantile
from api_gateway.settings import GatewaySettings
from minestream_runtime.clock import Clock
from minestream_runtime.health import Health
from minestream_schemas.metrics import METRICS

DEADLINE_S: Final = 2.0
KEPT_S: Final = 2.0
_BODY_BYTES: Final = 4 * 1024 * 1024
_OWN_NAME: Final = "api-gateway"
_ANY_HOST: Final = ("0.0.0.0", "::")
_KAFKA_PORT: Final = 9092
_POSTGRES_PORT: Final = 5432
_NAMES: Final[Mapping[str, str]] = {
    name.removesuffix("_total") if metric.kind == "counter" else name: name
    for name, metric in METRICS.items()
}
"""By the name that Prometheus's formats give to a family: a counter's lacks its ``_total``."""
_PROCESS: Final = {
    "process_start_time_seconds": "began_s",
    "process_resident_memory_bytes": "memory_bytes",
    "process_cpu_seconds": "cpu_s",
}
Series = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Said:
    """What one service says; None: it does not say, or it is none of ours."""

    name: str
    address: str
    ready: bool
    faults: dict[str, str] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    up_s: float | None = None
    memory_bytes: float | None = None
    cpu_s: float | None = None
    metrics: dict[str, list[Series]] = field(default_factory=dict)


class System:
    """Asks all services at once; however many want to know, once in ``KEPT_S``.

    Args:
        settings: where the services, Kafka and the database are.
        health: this service's own.
        clock: what "now" is.
    """

    def __init__(self, settings: GatewaySettings, health: Health, clock: Clock) -> None:
        self._settings = settings
        self._health = health
        self._clock = clock
        self._asking = asyncio.Lock()
        self._until_s = -math.inf
        self._found: dict[str, Any] = {}

    async def look(self) -> dict[str, Any]:
        """What ``/api/v1/system`` answers."""
        async with self._asking:
            if self._clock.monotonic() >= self._until_s:
                self._found = await self._ask()
                self._until_s = self._clock.monotonic() + KEPT_S
            return self._found

    async def _ask(self) -> dict[str, Any]:
        now = self._clock.now()
        async with aiohttp.ClientSession() as http:
            said = await asyncio.gather(
                *(self._service(http, service, now) for service in self._others()),
                self._own(now),
                self._kafka(),
            )
        return {
            "at": now,
            "services": [asdict(each) for each in (*said, self._database())],
            "meanings": {
                name: {"kind": metric.kind, "meaning": metric.meaning, "unit": metric.unit}
                for name, metric in METRICS.items()
            },
        }

    def _others(self) -> list[ServiceAddress]:
        """The services of the list but this very one, which knows of itself without asking."""
        own = self._settings
        return [
            service
            for service in own.services
            if (service.name, service.port) != (_OWN_NAME, own.gateway_port)
            or own.gateway_host not in {service.host, *_ANY_HOST}
        ]

    async def _service(
        self, http: aiohttp.ClientSession, service: ServiceAddress, now: datetime
    ) -> Said:
        (ready, faults, notes), measured = await asyncio.gather(
            _readiness(http, service), _metrics(http, service, now)
        )
        if isinstance(measured, str):
            notes |= {"metrics": measured}
            measured = {}
        return Said(service.name, service.address, ready, faults, notes, **measured)

    async def _own(self, now: datetime) -> Said:
        faults = self._health.faults()
        return Said(
            _OWN_NAME,
            f"{self._settings.gateway_host}:{self._settings.gateway_port}",
            not faults,
            faults,
            self._health.remarks(),
            **_measured(REGISTRY.collect(), now),
        )

    async def _kafka(self) -> Said:
        """Whether any broker of the list takes a connection."""
        addresses = self._settings.kafka_bootstrap.split(",")
        reasons = await asyncio.gather(*(_unreachable(address.strip()) for address in addresses))
        ready = None in reasons
        faults = {} if ready else {"connection": str(reasons[0])}
        return Said("kafka", self._settings.kafka_bootstrap, ready, faults)

    def _database(self) -> Said:
        """What this service's own look at the database says; its address without its user."""
        parts = conninfo_to_dict(self._settings.database_url.get_secret_value())
        host, port = parts.get("host") or "localhost", parts.get("port") or _POSTGRES_PORT
        check = self._health.checks.get("database")
        fault = check() if check is not None else None
        faults = {} if fault is None else {"database": fault}
        return Said("postgresql", f"{host}:{port}", fault is None, faults)


async def _get(http: aiohttp.ClientSession, service: ServiceAddress, path: str) -> bytes | str:
    """The body of an answer, whatever its status; a text: why there is none."""
    try:
        async with (
            asyncio.timeout(DEADLINE_S),
            http.get(f"http://{service.address}{path}", allow_redirects=False) as answer,
        ):
            body = await answer.content.read(_BODY_BYTES + 1)
            while not answer.content.at_eof() and len(body) <= _BODY_BYTES:
                body += await answer.content.read(_BODY_BYTES + 1 - len(body))
    except TimeoutError:
        return f"no answer within {DEADLINE_S:g} s"
    except aiohttp.ClientConnectorError as exc:
        return f"no connection: {_why(exc.os_error)}"
    except (aiohttp.ClientError, OSError, ValueError) as exc:
        return f"no answer: {type(exc).__name__}"
    return f"an answer over {_BODY_BYTES} bytes" if len(body) > _BODY_BYTES else body


async def _readiness(
    http: aiohttp.ClientSession, service: ServiceAddress
) -> tuple[bool, dict[str, str], dict[str, str]]:
    """Ready, faults, notes."""
    body = await _get(http, service, "/readyz")
    if isinstance(body, str):
        return False, {"answer": body}, {}
    try:
        said = json.loads(body)
        faults = {str(name): str(why) for name, why in said["faults"].items()}
        notes = {str(name): str(why) for name, why in said.get("notes", {}).items()}
        ready = said["status"] == "ready"
    except (ValueError, KeyError, TypeError, AttributeError):
        return False, {"answer": "none that a service of ours gives: is the address right?"}, {}
    return ready, faults, notes


async def _metrics(
    http: aiohttp.ClientSession, service: ServiceAddress, now: datetime
) -> dict[str, Any] | str:
    """The fields of ``Said`` that a service's metrics give; a text: why there are none."""
    body = await _get(http, service, "/metrics")
    if isinstance(body, str):
        return body
    try:
        return await asyncio.to_thread(_read, body, now)
    except (ValueError, LookupError):
        return "not in Prometheus's text format"


def _read(body: bytes, now: datetime) -> dict[str, Any]:
    return _measured(text_string_to_metric_families(body.decode()), now)


def _measured(families: Iterable[Metric], now: datetime) -> dict[str, Any]:
    """The fields of ``Said`` that metrics give; none of another's metrics."""
    metrics: dict[str, list[Series]] = {}
    process: dict[str, float] = {}
    for family in families:
        if (known := _PROCESS.get(family.name)) is not None and family.samples:
            process[known] = round(family.samples[0].value, 3)
        elif (name := _NAMES.get(family.name)) is not None:
            metrics[name] = _series(name, family)
    began_s = process.pop("began_s", None)
    up_s = None if began_s is None else round(max(0.0, now.timestamp() - began_s), 3)
    return {"metrics": metrics, "up_s": up_s, **process}


def _series(name: str, family: Metric) -> list[Series]:
    if METRICS[name].kind == "histogram":  # type: ignore[index] # a key of it, by _NAMES
        return _distributions(family)
    return [
        {"labels": dict(sample.labels), "value": sample.value}
        for sample in family.samples
        if sample.name == name
    ]


def _distributions(family: Metric) -> list[Series]:
    found: dict[tuple[tuple[str, str], ...], Series] = {}
    buckets: dict[tuple[tuple[str, str], ...], list[tuple[float, float]]] = {}
    for sample in family.samples:
        key = tuple(sorted((k, v) for k, v in sample.labels.items() if k != "le"))
        kind = sample.name.removeprefix(f"{family.name}_")
        if kind == "bucket":
            buckets.setdefault(key, []).append((float(sample.labels["le"]), sample.value))
        elif kind in {"count", "sum"}:
            found.setdefault(key, {"labels": dict(key)})[kind] = sample.value
    for key, series in found.items():
        for word, q in (("p50", 0.5), ("p99", 0.99)):
            series[word] = quantile(q, buckets.get(key, []))
    return list(found.values())


async def _unreachable(address: str) -> str | None:
    """Why a broker takes no connection; None: it does."""
    host, _, port = address.rpartition(":")
    number = int(port) if host and port.isdigit() else _KAFKA_PORT
    try:
        async with asyncio.timeout(DEADLINE_S):
            _, writer = await asyncio.open_connection((host or address).strip("[]"), number)
            writer.close()
            await writer.wait_closed()
    except TimeoutError:
        return f"no connection within {DEADLINE_S:g} s"
    except OSError as exc:
        return _why(exc)
    return None


def _why(exc: OSError) -> str:
    """The system's words: asyncio's have the address in them once more."""
    if exc.errno is not None and exc.errno > 0:
        return os.strerror(exc.errno)
    return exc.strerror or type(exc).__name__
