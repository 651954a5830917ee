"""``minestream topics``: the registry, and what flows right now."""

import asyncio
import difflib
import json
import types
from datetime import timedelta
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

import typer
from rich.markup import escape
from rich.table import Table

from minestream_runtime.command.terminal import console
from minestream_runtime.errors import ConfigurationError
from minestream_runtime.kafka import Consumer, Record, ensure_topics, topic_states
from minestream_runtime.settings import Settings
from minestream_schemas.event import Topic
from minestream_schemas.topics import BY_NAME, TOPICS

_SHORTEST: Final = {timedelta(days=1): "d", timedelta(hours=1): "h", timedelta(seconds=1): "s"}

app = typer.Typer(help="The registered topics: what they carry, and their live events.")


@app.callback(invoke_without_command=True)
def topics(context: typer.Context) -> None:
    """The registered topics: what they carry, and their live events."""
    if context.invoked_subcommand is None:
        show()


@app.command("list")
def show() -> None:
    """List the registry."""
    table = Table("subject", "key", "partitions", "kept", "what", box=None)
    for topic in TOPICS:
        table.add_row(
            topic.subject, topic.key, str(topic.partitions), kept(topic), topic.description
        )
    console().print(table)


@app.command()
def describe(name: Annotated[str, typer.Argument(help="subject or name")]) -> None:
    """Tell everything that is registered about one topic, and whether the broker has it."""
    topic = find(name)
    rows = {
        "topic": topic.name,
        "what": topic.description,
        "event": topic.event.__name__,
        "key": topic.key,
        "partitions": str(topic.partitions),
        "kept": kept(topic),
        "largest record": f"{topic.max_message_bytes:,} bytes",
        "producers": ", ".join(sorted(topic.producers)) or "-",
        "consumers": ", ".join(sorted(topic.consumers)) or "-",
    }
    out = console()
    facts = Table(box=None, show_header=False)
    for what, found in rows.items():
        facts.add_row(what, found)
    out.print(facts)
    fields = Table("field", "type", "what", box=None)
    for field, info in topic.event.model_fields.items():
        need = "" if info.is_required() else "?"
        fields.add_row(
            field + need, escape(type_name(info.annotation)), escape(info.description or "")
        )
    out.print()
    out.print(fields)


@app.command()
def create() -> None:
    """Create on the broker whatever is registered and missing."""
    done = asyncio.run(ensure_topics(Settings.load(), TOPICS))
    for name in done:
        typer.echo(f"created {name}")
    typer.echo(f"{len(done)} created, {len(TOPICS)} registered")


@app.command("tail")
def tail(
    name: Annotated[str, typer.Argument(help="subject or name")],
    *,
    from_beginning: Annotated[bool, typer.Option(help="what the topic still has, first")] = False,
    count: Annotated[int | None, typer.Option("-n", min=1, help="end after so many")] = None,
    key: Annotated[str | None, typer.Option(help="only records with this key")] = None,
) -> None:
    """Print events as they come, decoded: one JSON object per line. Ctrl-C ends it."""
    topic = find(name)
    asyncio.run(_tail(Settings.load(), topic, from_beginning=from_beginning, count=count, key=key))


async def _tail(
    settings: Settings, topic: Topic, *, from_beginning: bool, count: int | None, key: str | None
) -> None:
    (state,) = await topic_states(settings, [topic])
    if state.partitions is None:
        raise ConfigurationError(
            f"{settings.kafka_bootstrap} has no topic {state.name}: `minestream topics create`"
        )
    left = count
    if not from_beginning:
        typer.echo("waiting for what comes (--from-beginning: what is there)", err=True)
    async with Consumer(settings, [topic], from_end=not from_beginning) as consumer:
        while left is None or left > 0:
            for record in await consumer.records():
                if key is not None and record.key != key.encode():
                    continue
                typer.echo(json.dumps(decoded(topic, record), ensure_ascii=False))
                left = None if left is None else left - 1
                if left == 0:
                    return


def decoded(topic: Topic, record: Record) -> dict[str, Any]:
    """A record for people: where it lies, and its event or why it is none.

    Args:
        topic: whose record it is.
        record: as the broker gave it.
    """
    shown: dict[str, Any] = {
        "partition": record.partition.number,
        "offset": record.offset,
        "at": record.at and record.at.isoformat(timespec="milliseconds"),
        "key": None if record.key is None else record.key.decode(errors="replace"),
    }
    if record.value is None:
        return {**shown, "event": None}
    try:
        event = topic.event.from_json(record.value)
    except ValueError as exc:
        start = record.value[:200].decode(errors="replace")
        return {**shown, "fault": str(exc).splitlines()[0], "starts": start}
    return {**shown, "event": event.model_dump(mode="json", exclude_none=True)}


def find(name: str) -> Topic:
    """The topic that a person means by its name or its subject.

    Raises:
        ConfigurationError: there is none; the text names those that are close.
    """
    by_subject = {topic.subject: topic for topic in TOPICS}
    if topic := BY_NAME.get(name) or by_subject.get(name):
        return topic
    close = difflib.get_close_matches(name, [*by_subject, *BY_NAME], n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(close)}?" if close else f"there are {', '.join(by_subject)}"
    raise ConfigurationError(f"no topic {name!r}; {hint}")


def kept(topic: Topic) -> str:
    """How long its records stay, in words."""
    parts = ["last of each key"] if topic.compacted else []
    if topic.retention is not None:
        for unit, letter in _SHORTEST.items():
            if topic.retention >= unit:
                parts.append(f"{topic.retention / unit:g} {letter}")
                break
    return ", ".join(parts) or "for ever"


def type_name(annotation: Any) -> str:
    """A type as a person would write it, without its constraints."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return type_name(arguments[0])
    if origin is Literal:
        return " | ".join(map(repr, arguments))
    if origin in {Union, types.UnionType}:
        return " | ".join(map(type_name, arguments))
    if arguments:
        return f"{origin.__name__}[{', '.join(map(type_name, arguments))}]"
    if annotation in {None, types.NoneType}:
        return "None"
    return getattr(annotation, "__name__", "…")
