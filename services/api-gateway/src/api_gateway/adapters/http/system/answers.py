"""What the route of the system answers: descriptions and examples."""

from typing import Any, Final, Literal

from pydantic import AwareDatetime, BaseModel, Field

from minestream_schemas.metrics import METRICS


class Value(BaseModel):
    """One series of a counter or a gauge."""

    labels: dict[str, str]
    value: float | None = Field(description="a counter's since the service began")


class Distribution(BaseModel):
    """One series of a histogram, since the service began."""

    labels: dict[str, str]
    count: float
    sum: float | None
    p50: float | None = Field(description="interpolated in its bucket; null: nothing was observed")
    p99: float | None = Field(description="the last finite bound where it lies beyond that")


class ServiceItem(BaseModel):
    """A service, or a server that all need."""

    name: str = Field(description="replicas share it; kafka and postgresql have no metrics here")
    address: str
    ready: bool
    faults: dict[str, str] = Field(description="why it is not ready")
    notes: dict[str, str] = Field(description="what is unusual and harmless")
    up_s: float | None = Field(description="null: it does not say, as off Linux")
    memory_bytes: float | None
    cpu_s: float | None
    metrics: dict[str, list[Value | Distribution]] = Field(
        description="ours alone; a metric that the service does not have is left out"
    )


class Meaning(BaseModel):
    """What a metric is."""

    kind: Literal["counter", "gauge", "histogram"]
    meaning: str
    unit: str


class SystemState(BaseModel):
    """All services, as they answered together."""

    at: AwareDatetime = Field(description="when they were asked: at most some seconds ago")
    services: list[ServiceItem]
    meanings: dict[str, Meaning]


_LATENCY: Final = METRICS["miner_poll_latency_ms"]
SYSTEM_EXAMPLE: Final[dict[str, Any]] = {
    "at": "2026-01-31T12:00:00Z",
    "services": [
        {
            "name": "collector-vnish",
            "address": "127.0.0.1:8481",
            "ready": True,
            "faults": {},
            "notes": {},
            "up_s": 3601.5,
            "memory_bytes": 91226112,
            "cpu_s": 71.3,
            "metrics": {
                "miner_poll_total": [{"labels": {"status": "ok"}, "value": 8640}],
                "miner_poll_latency_ms": [
                    {"labels": {}, "count": 8640, "sum": 371520.5, "p50": 38.2, "p99": 96.4}
                ],
            },
        },
        {
            "name": "processor",
            "address": "127.0.0.1:8482",
            "ready": False,
            "faults": {"answer": "no connection: Connection refused"},
            "notes": {"metrics": "no connection: Connection refused"},
            "up_s": None,
            "memory_bytes": None,
            "cpu_s": None,
            "metrics": {},
        },
    ],
    "meanings": {
        "miner_poll_latency_ms": {
            "kind": _LATENCY.kind,
            "meaning": _LATENCY.meaning,
            "unit": _LATENCY.unit,
        }
    },
}
