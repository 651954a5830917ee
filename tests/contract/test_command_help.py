"""Every command about sources shows in its help how it is typed."""

import re
from collections.abc import Iterator
from importlib.metadata import entry_points
from typing import Any

import pytest
import typer

from minestream_emulators.serve import serve
from minestream_runtime.command.cli import build

OURS = {"probe", "diagnose", "inventory", "collector-key", "config", "pool", "edge"}


def commands() -> Iterator[tuple[str, Any]]:
    """Each command, and how it is called."""
    found = entry_points(group="minestream.commands")
    app = build([each for each in found if each.name.partition(".")[0] in OURS])
    yield from _below("minestream", typer.main.get_command(app))
    emulators = typer.Typer()
    emulators.command()(serve)
    yield "python -m minestream_emulators", typer.main.get_command(emulators)


def _below(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield name, command
        return
    for word, each in inner.items():
        yield from _below(f"{name} {word}", each)


COMMANDS = dict(commands())


def test_all_commands_are_looked_at() -> None:
    assert {name.split()[1] for name in COMMANDS} == OURS | {"-m"}
    assert len(COMMANDS) >= 18


@pytest.mark.parametrize("name", COMMANDS)
def test_a_commands_help_has_an_example_that_it_understands(name: str) -> None:
    command = COMMANDS[name]
    example = re.search(r"Example: (?:\w+=\S+ )?(.+)", command.help or "")
    assert example is not None, "no example"
    typed = example[1].replace("minestream-edge", "minestream edge").partition(" > ")[0]
    assert f"{typed} ".startswith(f"{name} ")
    options = {word for each in command.params for word in each.opts}
    used = set(re.findall(r"(?<!\S)--[a-z-]+", typed.removeprefix(name)))
    assert used <= options
