"""Every recorded poll beside its hand-written reading: the cases of the table of dialects.

A case is a file in ``tests/fixtures/*/golden``: which payloads make the poll, and what must be
read. Run as a program it writes ``docs/dialects.md`` anew.
"""

import json
import sys
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from minestream_dialects import normalise
from minestream_dialects.detection import TRANSPORT_OF
from minestream_dialects.registry import DIALECTS
from minestream_schemas.raw import EndpointBody, PollStatus, RawMiner
from minestream_schemas.telemetry import MinerTelemetry

ROOT: Final = Path(__file__).parents[3]
FIXTURES: Final = ROOT / "tests" / "fixtures"
DOCUMENT: Final = ROOT / "docs" / "dialects.md"
AT: Final = datetime(2026, 11, 21, 12, tzinfo=UTC)
OF_THE_POLL: Final = frozenset(
    {"event_id", "raw_event_id", "ts", "miner_id", "site_id", "latency_ms", "anomaly_scores"}
)
"""What a reading has from its poll and not from its payloads."""
_PER: Final = ((1e12, "TH/s"), (1e9, "GH/s"), (1e6, "MH/s"), (0.0, "H/s"))
_HEAD: Final = """# Dialects

What each firmware's payloads are read as. Written by `python -m tests.unit.dialects.table` from the
recorded payloads and the hand-written readings beside them (`tests/fixtures/*/golden`); a unit test
fails when it is not up to date, and when a single field of a single reading is not exactly the
hand-written one.

"""


@dataclass(frozen=True, slots=True)
class Case:
    """One recorded poll and its reading.

    Args:
        folder: below ``tests/fixtures``.
        name: of the golden file.
        golden: its content.
    """

    folder: str
    name: str
    golden: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.folder}/{self.name}"

    @property
    def dialect(self) -> str:
        """The one dialect that these payloads are in."""
        named: str = self.golden["telemetry"]["dialect"]
        return named

    def bodies(self) -> dict[str, bytes]:
        """The payloads by endpoint, as recorded: a file, or a part of one (``file.json#/0/a``)."""
        return {
            endpoint: _payload(FIXTURES / self.folder, reference)
            for endpoint, reference in self.golden["poll"].items()
        }

    def poll(self, dialect: str = "auto") -> RawMiner:
        """The poll that a collector would have published."""
        return poll_of(self.bodies(), dialect=dialect, **self.golden.get("raw", {}))


def _payload(folder: Path, reference: str) -> bytes:
    name, _, pointer = reference.partition("#")
    content = (folder / name).read_bytes()
    if not pointer:
        return content
    part: Any = json.loads(content)
    for step in pointer.strip("/").split("/"):
        part = part[int(step) if isinstance(part, list) else step]
    return json.dumps(part).encode()


def _kept(body: bytes) -> EndpointBody:
    try:
        text, encoding = body.decode(), "text"
    except UnicodeDecodeError:
        text, encoding = b64encode(body).decode(), "base64"
    answer = {"status": PollStatus.OK, "fetched_at": AT, "body": text, "encoding": encoding}
    return EndpointBody.model_validate(answer)


def poll_of(bodies: dict[str, bytes], **changes: Any) -> RawMiner:
    """A poll of these bodies, each kept as a collector keeps it."""
    plain: dict[str, Any] = {
        "event_id": UUID(int=1),
        "site_id": "site-a",
        "miner_id": "site-a-r01-s01",
        "collector_id": "collector-0",
        "dialect": "auto",
        "polled_at": AT,
        "latency_ms": 5.0,
        "status": PollStatus.OK,
        "interval_s": 60.0,
        "endpoints": {name: _kept(body) for name, body in bodies.items()},
    }
    return RawMiner(**plain | changes)


def cases() -> list[Case]:
    """All cases, by folder and name."""
    return [
        Case(path.parents[1].name, path.stem, json.loads(path.read_text(encoding="utf-8")))
        for path in sorted(FIXTURES.glob("*/golden/*.json"))
    ]


def rate(hashrate_hs: object) -> str:
    """A hashrate for people."""
    if not isinstance(hashrate_hs, (int, float)):
        return "not said"
    per, unit = next((per, unit) for per, unit in _PER if hashrate_hs >= per)
    return f"{hashrate_hs / (per or 1):.6g} {unit}"


def rows() -> Iterator[tuple[str, ...]]:
    """The table: dialect, payload, what is expected, what is read."""
    for case in cases():
        telemetry = normalise(case.poll()).telemetry
        fields, expected = said(telemetry), case.golden["telemetry"]
        exact = sum(same(fields.get(key), value) for key, value in expected.items())
        yield (
            case.dialect,
            str(case),
            rate(expected.get("hashrate_hs")),
            rate(telemetry.hashrate_hs),
            f"{exact}/{len(fields.keys() | expected.keys())}",
            telemetry.evidence.get("unit", "-"),
        )


def same(actual: object, expected: object) -> bool:
    """Is it the same value? Numbers by 1e-9 of themselves, so that ``0.1 + 0.2`` is 0.3."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        return actual.keys() == expected.keys() and all(
            same(actual[key], value) for key, value in expected.items()
        )
    if isinstance(expected, list) and isinstance(actual, list):
        return len(actual) == len(expected) and all(map(same, actual, expected))
    if isinstance(expected, bool) or isinstance(actual, bool):
        return actual is expected
    if isinstance(expected, (int, float)) and isinstance(actual, (int, float)):
        return abs(actual - expected) <= 1e-9 * abs(expected)
    return actual == expected


def table(head: tuple[str, ...], lines: Sequence[tuple[str, ...]]) -> str:
    """A Markdown table."""
    told = [head, tuple("---" for _ in head), *lines]
    return "".join(f"| {' | '.join(line)} |\n" for line in told)


def document() -> str:
    """``docs/dialects.md``."""
    names = []
    for dialect in DIALECTS:
        how = TRANSPORT_OF.get(dialect.family, "sent by an edge collector")
        asked = dialect.needed | dialect.optional
        endpoints = ", ".join(f"`{name}`" for name in sorted(asked))
        names.append((dialect.name, dialect.family, how, endpoints))
    head = ("dialect", "family", "transport", "endpoints")
    readings = ("dialect", "payloads", "expected", "read", "fields exact", "unit by")
    return _HEAD + table(head, names) + "\n## Recorded payloads\n\n" + table(readings, list(rows()))


def said(telemetry: MinerTelemetry) -> dict[str, Any]:
    """What a reading says, without what it has from its poll."""
    wire: dict[str, Any] = json.loads(telemetry.to_json())
    return {key: wire[key] for key in wire.keys() - OF_THE_POLL}


if __name__ == "__main__":
    DOCUMENT.write_text(document(), encoding="utf-8")
    sys.stdout.write(f"{DOCUMENT.relative_to(ROOT)}\n")
