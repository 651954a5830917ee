"""What is no name of a site is refused by every command alike, before it does anything."""

import pytest
from typer import Typer
from typer.testing import CliRunner

from api_gateway.adapters import collector_key_command, command

NOBODY = {"MINESTREAM_DATABASE_URL": "postgresql://minestream@127.0.0.1:1/none"}


@pytest.mark.parametrize("site", ["a", "Farm", "-farm", "f" * 64, "farm\n", ""])
@pytest.mark.parametrize(
    ("app", "words"),
    [
        (command.app, ["scan", "127.9.9.8/30"]),
        (command.app, ["import", __file__]),
        (collector_key_command.app, ["create"]),
        (collector_key_command.app, ["give", "farm-r01-s01"]),
    ],
    ids=["scan", "import", "create", "give"],
)
def test_what_is_no_name_of_a_site_is_refused(app: Typer, words: list[str], site: str) -> None:
    done = CliRunner().invoke(app, [*words, "--site", site], env=NOBODY)
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"--site: no site {site!r}; 2 to 63 of a-z, 0-9 and - are wanted" in done.stderr
