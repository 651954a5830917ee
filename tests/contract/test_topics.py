"""The topic registry is data, and these tests walk all of it (USR-topology, S0-7.1-evolution)."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from minestream_schemas.catalogue import documents
from minestream_schemas.dead_letter import DEAD_LETTERS, DeadLetter
from minestream_schemas.event import Topic
from minestream_schemas.topics import CO_PARTITIONED, TOPICS

ROOT = Path(__file__).parents[2]
SCHEMAS = ROOT / "libs" / "schemas"
SERVICES = {folder.name for folder in (ROOT / "services").iterdir() if folder.is_dir()}
NOT_SHOWN = {"error", "inlet_temp_c", "outlet_temp_c", "ambient_temp_c"}
"""Fields that the examples' air-cooled, answering miners do not have."""
EVENTS = [topic for topic in TOPICS if topic.event is not DeadLetter]

every_topic = pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.subject)
every_event = pytest.mark.parametrize("topic", EVENTS, ids=lambda topic: topic.subject)


def load(path: Path) -> Any:
    return json.loads(path.read_text())


def examples(topic: Topic) -> list[Path]:
    return sorted((SCHEMAS / topic.examples_folder).glob("*.json"))


def test_names_are_unique() -> None:
    assert len({topic.name for topic in TOPICS}) == len(TOPICS)


@every_topic
def test_a_topic_is_named_after_its_subject_and_version(topic: Topic) -> None:
    assert re.fullmatch(r"minestream(\.[a-z][a-z-]*)+\.v[1-9]\d*", topic.name)
    assert topic.named("farm-7") == "farm-7" + topic.name.removeprefix("minestream")


@every_topic
def test_a_topic_has_a_description_and_nobody_unknown_at_its_ends(topic: Topic) -> None:
    assert topic.description.endswith(".")
    assert topic.producers, "an orphan: nobody writes it"
    assert topic.consumers, "an orphan: nobody reads it"
    assert topic.producers | topic.consumers <= SERVICES


@every_event
def test_the_key_is_a_field_of_the_event(topic: Topic) -> None:
    field = topic.event.model_fields[topic.key]
    assert field.is_required()


@every_topic
def test_what_does_not_expire_is_compacted(topic: Topic) -> None:
    assert topic.compacted or topic.retention is not None


def test_what_is_joined_by_miner_has_equal_partitions() -> None:
    assert {topic.partitions for topic in CO_PARTITIONED} == {24}


def test_each_service_that_decodes_and_keeps_records_has_a_dead_letter_topic() -> None:
    named = {topic.subject.removeprefix("dlq.") for topic in DEAD_LETTERS}
    consumers = {name for topic in EVENTS for name in topic.consumers}
    assert consumers - named == {
        "collector-vnish",  # reads only the inventory, and keeps the entry that it had
        "collector-cgminer",  # as above
        "archiver",  # keeps bytes and decodes none
    }


@pytest.mark.parametrize(("path", "text"), list(documents()), ids=lambda value: str(value)[:60])
def test_what_is_generated_from_the_registry_is_up_to_date(path: Path, text: str) -> None:
    assert (ROOT / path).read_text() == text, "run `make schemas`"


def test_the_page_of_topics_says_each_fields_type_in_words() -> None:
    (page,) = [text for path, text in documents() if path.name == "topics.md"]
    for line in (
        "| `ts` | date-time | yes | when the miner was polled, by our clock |",
        "| `boards` | list of `BoardReading` |  |  |",
        "| `endpoints` | `EndpointBody` by name |  |  |",
        "| `hashrate_mean_hs` | number |  |  |",
        "- kept: for 7 days; records up to 4096 KiB",
        "- kept: for 1 h; records up to 1024 KiB",
    ):
        assert line in page.splitlines(), line
    assert "| any |" not in page


@every_event
def test_every_golden_example_ever_committed_still_parses(topic: Topic) -> None:
    assert examples(topic), f"no example of {topic.name}"
    for path in examples(topic):
        event = topic.event.from_json(path.read_bytes())
        assert topic.event.from_json(event.to_json()) == event


@every_event
def test_examples_show_every_field(topic: Topic) -> None:
    shown = {name for path in examples(topic) for name in load(path)}
    assert set(topic.event.model_fields) - shown <= NOT_SHOWN


def released(topic: Topic) -> Any:
    """The schema as readers in the field have it; {} for a topic that no release had."""
    path = SCHEMAS / "jsonschema" / "released" / f"{topic.name}.json"
    return load(path) if path.exists() else {}


@every_event
def test_examples_validate_against_the_schema_of_the_release_before(topic: Topic) -> None:
    for path in examples(topic):
        jsonschema.validate(load(path), released(topic))


SHAPE = (
    "type", "format", "$ref", "anyOf", "items", "additionalProperties", "const", "pattern",
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
)  # fmt: skip
"""The words of JSON Schema that say what a value is."""


def breaks(before: Any, now: Any, where: str = "") -> Iterator[str]:
    """What a reader or a writer of ``before`` would stumble over in ``now``.

    Args:
        before: a schema as it was released.
        now: the same schema today.
        where: names it in the answers; the schemas of its parts are looked at too.
    """
    for name in sorted(set(now.get("required", ())) - set(before.get("required", ()))):
        yield f"{where}{name} is newly required"
    for word in sorted(set(before.get("enum", ())) - set(now.get("enum", ()))):
        yield f"{where}{word} is no value any more"
    for name, field in before.get("properties", {}).items():
        changed = now["properties"].get(name)
        if changed is None:
            yield f"{where}{name} was removed"
            continue
        for word in SHAPE:
            if changed.get(word) != field.get(word):
                yield f"{where}{name}: {word} changed"
    for name, part in before.get("$defs", {}).items():
        yield from breaks(part, now.get("$defs", {}).get(name, {"properties": {}}), f"{name}.")


@every_event
def test_nothing_released_was_removed_retyped_or_newly_required(topic: Topic) -> None:
    before = released(topic)
    assert not before or not list(breaks(before, topic.event.model_json_schema())), "that is a v2"


def test_each_kind_of_break_is_found_in_an_event_and_in_its_parts() -> None:
    before = {
        "required": ["a"],
        "properties": {"a": {"type": "integer"}, "b": {"type": "string"}},
        "$defs": {
            "Part": {"properties": {"c": {"type": "number"}}},
            "Word": {"enum": ["x", "y"]},
        },
    }
    assert not list(breaks(before, before))
    now = {
        "required": ["a", "b"],
        "properties": {"a": {"type": "number"}, "b": {"type": "string"}},
        "$defs": {"Part": {"required": ["d"], "properties": {"d": {}}}, "Word": {"enum": ["x"]}},
    }
    assert list(breaks(before, now)) == [
        "b is newly required",
        "a: type changed",
        "Part.d is newly required",
        "Part.c was removed",
        "Word.y is no value any more",
    ]
