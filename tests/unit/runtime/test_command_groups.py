"""Commands of two words: several members hang theirs beneath one."""

from importlib.metadata import EntryPoint

import typer
from typer.testing import CliRunner

from minestream_runtime.command.cli import build
from minestream_runtime.command.diagnosis import Step, show


def first(host: str) -> None:
    """The first."""
    typer.echo(f"first {host}")


def second() -> None:
    """The second."""
    typer.echo("second")


def app() -> typer.Typer:
    here = "tests.unit.runtime.test_command_groups"
    named = {"diagnose.first": "first", "diagnose.second": "second", "diagnose.gone": "gone"}
    return build(
        [
            EntryPoint(name, f"{here}:{function}", "minestream.commands")
            for name, function in named.items()
        ]
    )


def test_each_is_called_by_its_two_words() -> None:
    assert CliRunner().invoke(app(), ["diagnose", "first", "h"]).stdout == "first h\n"
    assert CliRunner().invoke(app(), ["diagnose", "second"]).stdout == "second\n"


def test_one_that_cannot_be_loaded_says_why_and_the_others_work() -> None:
    result = CliRunner().invoke(app(), ["diagnose", "gone"])
    assert result.exit_code == 1
    assert "minestream diagnose gone: not available" in result.stderr


def test_the_group_tells_what_there_is() -> None:
    told = CliRunner().invoke(app(), ["diagnose", "--help"]).stdout
    assert all(word in told for word in ("first", "second", "step by step"))


def test_one_alone_still_needs_its_two_words() -> None:
    entry = EntryPoint(
        "diagnose.second", "tests.unit.runtime.test_command_groups:second", "minestream.commands"
    )
    assert CliRunner().invoke(build([entry]), ["diagnose", "second"]).stdout == "second\n"


def test_a_diagnosis_succeeds_when_every_step_did() -> None:
    good, bad = Step("a", ok=True, found="fine"), Step("b", ok=False, found="[no]", advice="do")
    assert show("x", [good], as_json=False) == 0
    assert show("x", [good, bad], as_json=True) == 1
