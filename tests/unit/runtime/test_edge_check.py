"""``minestream-edge --check``: what a start would run into is told before it."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer
from structlog.testing import capture_logs
from tests.unit.runtime.outlet_world import until
from typer.testing import CliRunner

from minestream_runtime.edge.command import edge
from minestream_runtime.edge.config import read_edge
from minestream_runtime.edge.key_file import KeyFile
from minestream_runtime.edge.running import worded
from minestream_runtime.edge.site import found_out
from minestream_schemas.inventory import Detected

KEY = "hsc_" + "k" * 40
SITE = f"""\
site: texas
gateway: https://minestream.example.com
key: {KEY}
inventory: fleet.yaml
"""
HTTP_ALONE = SITE + "collectors: [vnish]\n"
WEB = '  - {miner_id: texas-1, address: "127.0.0.1:%d"}\n'
TCP = '  - {miner_id: texas-2, address: "127.0.0.1:4028", transport: tcp}\n'
MORE = '  - {miner_id: texas-3, address: "127.0.0.1:4029", transport: tcp}\n'
WHATSMINER = '  - {miner_id: texas-4, address: "127.0.0.1:4030", dialect: whatsminer}\n'
UPLOADED = '  - {miner_id: texas-5, address: "127.0.0.1:81", dialect: upload}\n'


def checked(folder: Path, site: str, *miners: str) -> tuple[int, str, str]:
    """Exit code, output and errors."""
    (folder / "edge.yaml").touch(0o600)
    (folder / "edge.yaml").write_text(site)
    (folder / "fleet.yaml").write_text("miners:\n" + "".join(miners))
    return ran(folder, "--check")


def started(folder: Path) -> tuple[int, str]:
    """A start that fails: exit code and log; a process of its own, for it sets up the logs."""
    command = [
        sys.executable,
        "-m",
        "minestream_runtime.edge",
        "--config",
        str(folder / "edge.yaml"),
    ]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return ended.returncode, ended.stdout + ended.stderr


def ran(folder: Path, *options: str) -> tuple[int, str, str]:
    app = typer.Typer()
    app.command()(edge)
    result = CliRunner().invoke(app, ["--config", str(folder / "edge.yaml"), *options])
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
        ("spool: {folder: /proc/spool}\n", "edge.yaml:5: spool.folder: /proc cannot be written"),
        ("poll: {interval_s: 3}\n", "edge.yaml:5: poll.interval_s: at least 10 s"),
        ("collectors: [vnish, collector-vnish]\n", "edge.yaml:5: collectors: 'collector-vnish' is"),
    ],
)
def test_what_would_end_a_start_or_poll_twice_is_told_before(
    tmp_path: Path, more: str, said: str
) -> None:
    code, _, err = checked(tmp_path, SITE + more, TCP)
    assert (code, said in err) == (78, True), err
    assert ran(tmp_path)[::2] == (code, err), "a start says the same"


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("POLL_INTERVAL_S", "2", " of the environment: at least 10 s"),
        ("IN_FLIGHT", "0", " of the environment: Input should be greater than or equal to 1"),
        ("PUBLISH_DEADLINE_S", "900", " of the environment: Input should be less than"),
        ("CREDENTIALS_KEY", "short", ": 32 bytes in URL-safe base64 are wanted"),
    ],
)
def test_what_the_environment_says_wrong_is_told_by_the_names_it_uses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str
) -> None:
    monkeypatch.setenv(f"MINESTREAM_{variable}", value)
    code, _, err = checked(tmp_path, SITE, TCP)
    assert (code, f"MINESTREAM_{variable}{said}" in err) == (78, True), err
    assert "fleet.yaml" not in err


def test_a_start_that_fails_names_the_keys_of_the_file(tmp_path: Path, web: socket.socket) -> None:
    port = web.getsockname()[1]
    checked(tmp_path, SITE + f"health: {{port: {port}}}\n", TCP)
    code, out = started(tmp_path)
    assert (code, "MINESTREAM_" in out) == (78, False), out
    assert f"or health.port ({tmp_path}/edge.yaml:5)" in out


def test_a_spool_that_is_in_use_or_cannot_be_written_is_told_by_the_keys_of_the_file(
    tmp_path: Path,
) -> None:
    checked(tmp_path, SITE + "spool:\n  folder: spool\n", TCP)
    site = read_edge(tmp_path / "edge.yaml", {})
    folder = f"spool.folder ({tmp_path}/edge.yaml:6)"
    busy = worded(site, "needs a MINESTREAM_STATE_DIR or a MINESTREAM_INSTANCE of its own")
    assert busy == f"needs a {folder} or a site ({tmp_path}/edge.yaml:1) of its own"
    assert worded(site, "MINESTREAM_NOBODYS") == "MINESTREAM_NOBODYS"


def test_miners_where_none_may_be_are_told_with_the_key_that_says_where(tmp_path: Path) -> None:
    networks = "poll: {allowed_networks: 10.0.0.0/8}\n"
    code, _, err = checked(tmp_path, SITE + networks, TCP, MORE)
    where = "it is outside of poll.allowed_networks: 10.0.0.0/8"
    assert (code, err) == (1, f"texas-2 (127.0.0.1) (and 1 more) is not polled: {where}\n")


@pytest.mark.parametrize(
    ("site", "mode", "of"),
    [
        (SITE, 0o644, "edge.yaml"),
        (SITE, 0o640, None),
        (SITE.replace(KEY, "${KEY}"), 0o644, None),
        (SITE.replace(f"key: {KEY}", "key_file: key"), 0o644, "key"),
        (SITE.replace(f"key: {KEY}", "key_file: key"), 0o600, None),
    ],
)
def test_a_key_that_everybody_may_read_is_told_and_refuses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, site: str, mode: int, of: str | None
) -> None:
    monkeypatch.setenv("KEY", KEY)
    for name in ("edge.yaml", "key"):
        (tmp_path / name).write_text(KEY)
        (tmp_path / name).chmod(mode)
    code, _, err = checked(tmp_path, site, TCP)
    told = f"warning: {tmp_path / of} has mode 0644, which lets everybody" if of else ""
    assert (code, err[: len(told)], bool(err)) == (0, told, bool(told))
    assert KEY not in err


async def test_a_start_tells_of_a_key_that_everybody_may_read(tmp_path: Path) -> None:
    (tmp_path / "fleet.yaml").touch()
    (tmp_path / "edge.yaml").write_text(SITE)
    (tmp_path / "edge.yaml").chmod(0o644)
    following = KeyFile(read_edge(tmp_path / "edge.yaml", {}), lambda _: None)
    with capture_logs() as said:
        running = asyncio.ensure_future(following.run())
        await until(lambda: bool(said))
        running.cancel()
    [line] = said
    assert (line["event"], "mode 0644" in line["reason"]) == ("key_readable_by_all", True)
