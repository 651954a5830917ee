"""Recorded payloads of one poll, from files to the poll that a collector would have published."""

import re
from base64 import b64encode
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from minestream_dialects import registry
from minestream_schemas.ids import derived_id
from minestream_schemas.raw import MAX_BODY_BYTES, EndpointBody, PollStatus, RawMiner

RECORDED: Final = "recorded"
_WORD: Final = re.compile(r"[^a-z0-9]+")


def endpoint_of(path: Path, endpoints: Iterable[str]) -> str | None:
    """Which endpoint a file's name ends in: ``s21pro_1.2.7_perf_summary.json``: perf-summary.

    Words behind the endpoint's (``…_summary_stopped.json``) do not disturb; where two endpoints
    are named, the last counts, and of two that end alike the longer.

    Returns:
        the endpoint; None when the name tells none.
    """
    words = f"-{_words(path.stem)}-"
    found = {name: words.rfind(f"-{_words(name)}-") for name in endpoints}
    ends = {name: at + len(name) for name, at in found.items() if at >= 0}
    return max(ends, key=lambda name: (ends[name], len(name)), default=None)


def _words(name: str) -> str:
    """The words of a name, whatever stands between them: ``get.miner.status:pools``."""
    return "-".join(_WORD.split(name.casefold()))


def _body(path: Path) -> EndpointBody:
    """One file as a collector would have kept it.

    Raises:
        OSError: when it cannot be read.
        ValueError: when it is larger than any endpoint's body may be.
    """
    with path.open("rb") as file:
        content = file.read(MAX_BODY_BYTES + 1)
    if len(content) > MAX_BODY_BYTES:
        raise ValueError(f"{path}: over {MAX_BODY_BYTES} bytes, larger than any body may be")
    at = datetime.fromtimestamp(path.stat().st_mtime, tz=UTC)
    answer = EndpointBody(status=PollStatus.OK, fetched_at=at)
    try:
        return answer.model_copy(update={"body": content.decode()})
    except UnicodeDecodeError:
        box = b64encode(content).decode()
        return answer.model_copy(update={"body": box, "encoding": "base64"})


def poll_of(files: Iterable[Path], dialect: str) -> RawMiner:
    """Put recorded payloads together to one poll.

    The recording's age plays no part: all bodies count as fetched at one moment, the time of the
    newest file.

    Args:
        files: one per endpoint.
        dialect: ``auto``, a family or a dialect.

    Raises:
        OSError: when a file cannot be read.
        ValueError: an unknown dialect, a name that tells no endpoint, two files for one endpoint,
            a file that is too large.
    """
    candidates = registry.candidates(dialect)
    if not candidates:
        raise ValueError(f"no dialect {dialect!r}; there are: {', '.join(registry.names())}")
    endpoints = frozenset().union(*(each.needed | each.optional for each in candidates))
    bodies: dict[str, EndpointBody] = {}
    for path in files:
        endpoint = endpoint_of(path, endpoints)
        if endpoint is None:
            known = ", ".join(sorted(endpoints))
            raise ValueError(f"{path}: its name ends in no endpoint; known: {known}")
        if endpoint in bodies:
            raise ValueError(f"{path}: a second file for {endpoint}; give the payloads of one poll")
        bodies[endpoint] = _body(path)
    polled_at = max(body.fetched_at for body in bodies.values())
    return RawMiner(
        event_id=derived_id(RECORDED, *(body.body for body in bodies.values())),
        site_id=RECORDED,
        miner_id=RECORDED,
        collector_id=RECORDED,
        dialect=dialect,
        polled_at=polled_at,
        latency_ms=0.0,
        status=PollStatus.OK,
        interval_s=60.0,
        endpoints={
            name: body.model_copy(update={"fetched_at": polled_at}) for name, body in bodies.items()
        },
    )
