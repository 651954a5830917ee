"""The registry as people and other languages read it: JSON Schemas, pages of topics and metrics."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Any

from minestream_schemas.event import Topic
from minestream_schemas.metrics import METRICS
from minestream_schemas.topics import TOPICS

_HEAD = """# Topics

Generated from `minestream_schemas.topics` by `make schemas`; do not edit. Values are JSON, fields
that were not said are left out, unknown fields are to be ignored. A type in `code` is a part or a
list of words; the schema has it under `$defs`. `minestream topics tail SUBJECT` shows a topic live.
On a cluster that several environments share, `minestream` in the name is the
environment's namespace.
"""
_METRICS_HEAD = """# Metrics

Generated from `minestream_schemas.metrics` by `make schemas`; do not edit. Every service has those
that concern it at `/metrics`, beside `process_…` (memory, processor time, open files; on Linux) and
`python_…`. How to look at them: [observability.md](observability.md).

| metric | kind | unit | labels | meaning |
|---|---|---|---|---|
"""


def documents() -> Iterator[tuple[PurePosixPath, str]]:
    """Each generated file: its path from the repository's root, and its text."""
    for topic in TOPICS:
        schema = topic.event.model_json_schema(mode="validation")
        text = json.dumps(schema, indent=1, sort_keys=True) + "\n"
        yield PurePosixPath("libs/schemas") / topic.schema_file, text
    yield PurePosixPath("docs/topics.md"), "\n".join([_HEAD, *map(_section, TOPICS)])
    yield PurePosixPath("docs/metrics.md"), _METRICS_HEAD + "".join(_metric_rows())


def _metric_rows() -> Iterator[str]:
    for name, metric in METRICS.items():
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        yield f"| `{name}` | {metric.kind} | {metric.unit} | {labels} | {metric.meaning} |\n"


def _section(topic: Topic) -> str:
    kept = "compacted: the last record of each key"
    if topic.retention is not None:
        hours = topic.retention // timedelta(hours=1)
        kept = f"for {hours} h" if hours % 24 else f"for {hours // 24} days"
    spread = "1 partition"
    if topic.partitions > 1:
        spread = f"{topic.partitions} partitions by Java's murmur2"
    lines = [
        f"## {topic.name}",
        "",
        topic.description,
        "",
        f"- key: `{topic.key}`, {spread}",
        f"- kept: {kept}; records up to {topic.max_message_bytes // 1024} KiB",
        f"- from: {', '.join(sorted(topic.producers))}",
        f"- to: {', '.join(sorted(topic.consumers))}",
        f"- schema: [`{topic.schema_file}`](../libs/schemas/{topic.schema_file})",
        "",
    ]
    if topic.event.model_fields:
        lines += ["| field | type | needed | meaning |", "|---|---|---|---|"]
        types = topic.event.model_json_schema(mode="validation")["properties"]
        for name, field in topic.event.model_fields.items():
            needed = "yes" if field.is_required() else ""
            kind = _kind(types[name])
            lines.append(f"| `{name}` | {kind} | {needed} | {field.description or ''} |")
        lines.append("")
    return "\n".join(lines)


def _kind(schema: dict[str, Any]) -> str:
    """A JSON Schema in a word or three; null goes without saying."""
    match schema:
        case {"$ref": str(ref)}:
            return f"`{ref.rpartition('/')[2]}`"
        case {"anyOf": list(ways)}:
            return " or ".join(_kind(way) for way in ways if way != {"type": "null"})
        case {"type": "array", "items": dict(each)}:
            return f"list of {_kind(each)}"
        case {"type": "object", "additionalProperties": dict(each)}:
            return f"{_kind(each)} by name"
        case {"format": str(word)} | {"type": str(word)}:
            return word
        case _:
            return "any"
