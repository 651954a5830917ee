"""What a terminal makes of texts that miners have written."""

import io
import re
from pathlib import Path

import pytest
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

import minestream_runtime
from minestream_runtime.command.diagnosis import Step, show
from minestream_runtime.command.terminal import Screen, table

ROOT = Path(__file__).parents[3]
HOSTILE = {
    "clears the screen": "\x1b[2J",
    "writes to the clipboard": "\x1b]52;c;bWluZQ==\x07",
    "begins a command in one character": "\x9b31m",
    "turns the line around": "\u202egpj\u2066",
    "overwrites the line": "ok\rfailed",
    "goes back": "no\b\b",
    "is NUL": "\0",
    "is half a character": "\ud83d",
    "breaks lines that logs take for one": "a\u2028b\x85c",
}


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_no_text_of_a_miner_commands_the_terminal(hostile: str) -> None:
    out = io.BytesIO()
    page = io.TextIOWrapper(out, "utf-8")
    screen = Screen(file=page, highlight=False, color_system=None, force_terminal=True)
    rows = Table("name")
    rows.add_row(hostile)
    rows.add_row(Text(hostile))
    for shown in (hostile, Text(hostile), rows, Panel(hostile)):
        screen.print(shown, markup=False)
    page.flush()
    text = out.getvalue().decode()
    assert [char for char in text if not char.isprintable() and char != "\n"] == []


def test_what_the_screen_itself_says_to_the_terminal_is_left() -> None:
    out = io.StringIO()
    screen = Screen(file=out, force_terminal=True, color_system="standard")
    screen.print("it\tis [red]red[/] \u00e9\u4e2d\U0001f600")
    screen.clear()
    assert "it      is \x1b[31mred\x1b[0m \u00e9\u4e2d\U0001f600\n" in out.getvalue()
    assert out.getvalue().endswith("\x1b[2J\x1b[H")


@pytest.mark.parametrize("width", [40, 80])
def test_of_a_table_on_a_narrow_terminal_nothing_is_cut_off(width: int) -> None:
    out = io.StringIO()
    cells = ("127.88.0.101:18780", "antminer-web", "401 that wants a password for it")
    rows = table("address", "family", "evidence")
    rows.add_row(*cells)
    Screen(file=out, width=width).print(rows)
    lines = out.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    assert any(line.split()[0] == cells[0] for line in lines), "it is copied whole"
    letters = sorted("".join("".join(lines).split()))
    assert letters == sorted("".join("".join(("address", "family", "evidence", *cells)).split()))


def test_a_diagnosis_shows_what_a_miner_said_and_does_not_do_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show("10.0.0.12", [Step("who", ok=True, found="Antminer \x1b[2J\x1b[1;1HL7")], as_json=False)
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert "Antminer ?[2J?[1;1HL7" in said


def test_no_command_has_a_console_of_its_own() -> None:
    runtime = Path(minestream_runtime.__file__).parent
    own = [
        str(file)
        for folder in (ROOT / "services", runtime)
        for file in folder.rglob("*.py")
        if file != runtime / "command" / "terminal.py"
        and re.search(r"(?<!\w)Console\(", file.read_text(encoding="utf-8"))
    ]
    assert own == []
