"""The command stands whatever one of its sub-commands does."""

import os
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

import pytest
import structlog
from typer.testing import CliRunner

from minestream_devstack.adopting import lead
from minestream_devstack.home import Home
from minestream_runtime.command import cli
from minestream_runtime.command.cli import build
from minestream_runtime.errors import ConfigurationError

BROKEN = EntryPoint("probe", "no_such_module_at_all:probe", "minestream.commands")


def ours() -> list[EntryPoint]:
    found = entry_points(group="minestream.commands")
    return [entry for entry in found if entry.value.startswith("minestream_devstack.")]


def test_a_sub_command_that_cannot_be_loaded_says_why_and_the_others_work() -> None:
    app, runner = build([*ours(), BROKEN]), CliRunner()
    helped = runner.invoke(app, ["--help"], env={"COLUMNS": "200"})
    assert helped.exit_code == 0
    assert "no_such_module_at_all" in helped.output
    assert "doctor" in helped.output
    called = runner.invoke(app, ["probe"])
    assert called.exit_code == 1
    assert "ModuleNotFoundError" in called.stderr


def test_one_sub_command_alone_is_still_called_by_its_name() -> None:
    (status,) = [entry for entry in ours() if entry.name == "status"]
    assert CliRunner().invoke(build([status]), ["status", "--help"]).exit_code == 0


def test_the_version_is_told() -> None:
    told = CliRunner().invoke(build([]), ["--version"])
    assert told.output.startswith("minestream ")
    assert told.exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["logs", "nosuch"], "no log of 'nosuch' here"),
        (["restart", "kafka"], "no stack runs in"),
        (["env"], "no stack was ever started"),
        (["up", "--only", "kafcka"], "no kafcka; there are: kafka, postgres"),
        (["topics", "describe", "raw.minr"], "did you mean raw.miner"),
    ],
)
def test_mistakes_end_in_a_sentence_and_no_traceback(
    arguments: list[str],
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("MINESTREAM_HOME", str(tmp_path))
    monkeypatch.setattr("sys.argv", ["minestream", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert "Traceback" not in said


def test_no_log_line_stands_in_what_a_command_tells_programs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def logging_at_once(entry: EntryPoint) -> Callable[..., None]:
        if entry.group == "minestream.adopt":
            return lambda _command, _environ: None
        return lambda: structlog.get_logger().warning("source_fails")

    monkeypatch.setattr(EntryPoint, "load", logging_at_once)
    monkeypatch.setattr("sys.argv", ["minestream", "migrate"])
    with pytest.raises(SystemExit):
        cli.main()
    said = capsys.readouterr()
    assert said.out == ""
    assert "source_fails" in said.err


def test_ctrl_c_while_a_sub_command_loads_is_exit_code_130_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def pressed(_: EntryPoint) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(EntryPoint, "load", pressed)
    monkeypatch.setattr("sys.argv", ["minestream", "inventory", "list"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 130
    assert capsys.readouterr() == ("", "")


def test_status_of_nothing_is_an_empty_list_and_exit_code_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINESTREAM_HOME", str(tmp_path))
    told = CliRunner().invoke(build(ours()), ["status", "--json"])
    assert told.exit_code == 1
    assert told.stdout.strip() == "[]"


def test_a_demo_that_comes_second_ends_nothing_of_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its end would be the end of all that runs here, also of what others are starting."""
    monkeypatch.setenv("MINESTREAM_HOME", str(tmp_path))
    home = Home(tmp_path)
    for lock in (home.demonstrating, home.changing):
        with lock():
            refused = CliRunner().invoke(build(ours()), ["demo"])
        assert isinstance(refused.exception, ConfigurationError)
        assert f"(pid {os.getpid()})" in str(refused.exception)
        assert refused.output == "", "it neither started nor stopped anything"


def test_a_stack_that_does_not_run_leads_nobody_anywhere(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.create()
    home.export({"MINESTREAM_KAFKA_BOOTSTRAP": "127.0.0.1:1"})
    environ: dict[str, str] = {}
    lead(environ, home)
    assert environ == {}
