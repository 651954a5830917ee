"""Faust's safe subset: what was found broken is not used (ADR 0004)."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "services" / "processor" / "src").rglob("*.py"))
BROKEN_METHODS = {
    "GlobalTable",
    "SetGlobalTable",
    "combine",
    "exactly_once",
    "expires",
    "group_by",
    "hopping",
    "inner_join",
    "left_join",
    "noack",
    "outer_join",
    "relative_to_field",
    "relative_to_now",
    "take",
    "take_with_timestamp",
    "through",
    "tumbling",
}
"""``join`` itself is ``str.join`` almost everywhere: see ``is_stream_join``."""
BROKEN_KEYWORDS = {"on_window_close", "window", "isolated_partitions", "stream_publish_on_commit"}


def is_stream_join(call: ast.Call) -> bool:
    """A ``join`` on anything but a string or bytes."""
    function = call.func
    if not isinstance(function, ast.Attribute) or function.attr != "join":
        return False
    on = function.value
    return not (isinstance(on, ast.Constant) and isinstance(on.value, str | bytes))


def faults_of(source: str) -> Iterator[str]:
    """What a module uses that it must not."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and node.value == "exactly_once":
            yield "exactly_once"
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if name in BROKEN_METHODS or is_stream_join(node):
            yield name
        for keyword in node.keywords:
            one = isinstance(keyword.value, ast.Constant) and keyword.value.value == 1
            if keyword.arg in BROKEN_KEYWORDS or (keyword.arg == "concurrency" and not one):
                yield keyword.arg or ""


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_the_processor_stays_within_the_safe_subset(path: Path) -> None:
    assert list(faults_of(path.read_text())) == []


@pytest.mark.parametrize(
    "source",
    [
        "app.Table('t').tumbling(300)",
        "app.Table('t', on_window_close=f)",
        "app.GlobalTable('t')",
        "stream.join(other)",
        "table.left_join(other)",
        "stream.take(100, within=1)",
        "stream.noack()",
        "faust.App('a', processing_guarantee='exactly_once')",
        "app.agent(topic, concurrency=2)",
        "app.agent(topic, concurrency=n)",
    ],
)
def test_each_ban_bites(source: str) -> None:
    assert list(faults_of(source))


@pytest.mark.parametrize(
    "source", ["', '.join(x)", "b''.join(x)", "app.agent(topic, concurrency=1)"]
)
def test_what_is_sound_passes(source: str) -> None:
    assert list(faults_of(source)) == []


def test_every_agent_says_its_concurrency() -> None:
    agents = [
        node
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "agent"
    ]
    assert agents
    for agent in agents:
        assert any(keyword.arg == "concurrency" for keyword in agent.keywords)
