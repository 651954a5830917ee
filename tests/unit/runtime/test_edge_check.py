"""``minestream-edge --check``: what a start would run into is told before it."""

import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from minestream_runtime.edge.command import edge
from minestream_runtime.edge.config import read_edge
from minestream_runtime.edge.site import found_out
from minestream_schemas.inventory import Detected

SITE = """\
site: texas
gateway: https://minestream.example.com
key: hsc_{key}
inventory: fleet.yaml
""".format(key="k" * 40)
HTTP_ALONE = SITE + "collectors: [vnish]\n"
WEB = '  - {miner_id: texas-1, address: "127.0.0.1:%d"}\n'
TCP = '  - {miner_id: texas-2, address: "127.0.0.1:4028", transport: tcp}\n'
MORE = '  - {miner_id: texas-3, address: "127.0.0.1:4029", transport: tcp}\n'
WHATSMINER = '  - {miner_id: texas-4, address: "127.0.0.1:4030", dialect: whatsminer}\n'
UPLOADED = '  - {miner_id: texas-5, address: "127.0.0.1:81", dialect: upload}\n'


def checked(folder: Path, site: str, *miners: str) -> tuple[int, str, str]:
    """Exit code, output and errors."""
    (folder / "edge.yaml").write_text(site)
    (folder / "fleet.yaml").write_text("miners:\n" + "".join(miners))
    app = typer.Typer()
    app.command()(edge)
    result = CliRunner().invoke(app, ["--config", str(folder / "edge.yaml"), "--check"])
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def web() -> Iterator[socket.socket]:
    """A miner's door: who knocks there would be accepted."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)  # noqa: FBT003 - the only argument
        yield server


def test_a_site_whose_collectors_poll_all_its_miners_passes_and_none_is_asked(
    tmp_path: Path, web: socket.socket
) -> None:
    miners = (WEB % web.getsockname()[1], TCP, WHATSMINER, UPLOADED)
    code, out, err = checked(tmp_path, SITE, *miners)
    assert (code, err) == (0, "")
    assert "texas, 4 miners" in out
    with pytest.raises(BlockingIOError):
        web.accept()
    assert {each.name for each in tmp_path.iterdir()} == {"edge.yaml", "fleet.yaml"}


def test_miners_that_no_collector_polls_are_told_in_the_words_of_the_running_site(
    tmp_path: Path,
) -> None:
    code, out, err = checked(tmp_path, HTTP_ALONE, WEB % 80, TCP, MORE, WHATSMINER, UPLOADED)
    assert (code, "5 miners" in out) == (1, True)
    what = "no collector of texas does: add cgminer to `collectors` of the site's file"
    assert err.splitlines() == [
        f"texas-2 (and 1 more) is not polled: it speaks TCP; {what}",
        f"texas-4 is not polled: it speaks whatsminer (TCP); {what}",
    ]


def test_what_a_miner_was_found_to_speak_while_the_site_ran_counts_too(tmp_path: Path) -> None:
    checked(tmp_path, HTTP_ALONE, WEB % 80)
    found = Detected(
        miner_id="texas-1",
        address="127.0.0.1:80",
        dialect="antminer",
        transport="tcp",
        evidence="stats",
        detected_at=datetime(2026, 11, 22, tzinfo=UTC),
        collector_id="collector-vnish-texas",
    )
    folder = tmp_path / ".minestream" / "edge"
    found_out(read_edge(tmp_path / "edge.yaml", {}), folder).save({"texas-1": found})
    code, _, err = checked(tmp_path, HTTP_ALONE, WEB % 80)
    assert (code, "texas-1 is not polled: it speaks antminer (TCP)" in err) == (1, True)


def test_a_fault_of_the_list_is_told_with_the_lists_own_name_and_line(tmp_path: Path) -> None:
    code, _, err = checked(tmp_path, SITE, TCP, TCP)
    assert (code, err.splitlines()[0].startswith(f"{tmp_path}/fleet.yaml:3: ")) == (78, True)
    code, _, err = checked(tmp_path, SITE + "collectors: [x]\n", TCP)
    assert (code, err.startswith(f"{tmp_path}/edge.yaml:5: collectors: no 'x'")) == (78, True)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("ca_file: fleet.yaml\n", "edge.yaml:5: ca_file: "),
        ("spool: {folder: fleet.yaml/spool}\n", "fleet.yaml is no folder"),
        ("collectors: [vnish, collector-vnish]\n", "edge.yaml:5: collectors: 'collector-vnish' is"),
    ],
)
def test_what_would_end_a_start_or_poll_twice_is_told_before(
    tmp_path: Path, more: str, said: str
) -> None:
    code, _, err = checked(tmp_path, SITE + more, TCP)
    assert (code, said in err) == (78, True), err
