"""``minestream probe``: a reading, or the reason why there is none and an exit code."""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest
import typer
from typer.testing import CliRunner

from collector_vnish.adapters.command import probe

FIXTURES = Path(__file__).parents[2] / "fixtures" / "vnish"
app = typer.Typer()
app.command()(probe)


@contextmanager
def web_server(answer: Callable[[str], tuple[int, bytes]]) -> Iterator[str]:
    """A server in a thread: the command runs a loop of its own."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                request = connection.recv(65_536).decode(errors="replace")
                if not request:
                    continue
                status, body = answer(request.split()[1].removeprefix("/api/v1/"))
                head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n"
                if status:
                    connection.sendall(f"{head}Connection: close\r\n\r\n".encode() + body)

    thread = Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.getsockname()[1]}"
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join(5)


def recorded(path: str) -> tuple[int, bytes]:
    file = FIXTURES / f"s21pro_1.2.7_{path.replace('-', '_')}.json"
    return (200, file.read_bytes()) if file.exists() else (404, b"")


def asked(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.stdout, result.stderr


def test_a_miner_is_told_with_dialect_firmware_and_model() -> None:
    with web_server(recorded) as address:
        code, out, _ = asked(address)
        assert code == 0
        for said in ("vnish-1.2", "1.2.7", "S21 Pro", "hashrate_hs"):
            assert said in out
        code, out, _ = asked(address, "--json")
    reading = json.loads(out)
    assert code == 0
    assert reading["hashrate_hs"] == 173870.94e9


GARBAGE = {
    "404": (lambda _: (404, b""), 3, "not a Vnish miner"),
    "a web page": (lambda _: (200, b"<html>router</html>"), 3, "not a Vnish miner"),
    "another miner's JSON": (lambda _: (200, b'{"STATUS": "S"}'), 3, "not a Vnish miner"),
    "a Vnish miner with a broken summary": (
        lambda path: recorded(path) if path == "info" else (200, b"garbage"),
        4,
        "cannot be read",
    ),
}


@pytest.mark.parametrize("case", GARBAGE)
def test_what_cannot_be_read_is_refused_with_the_reason(case: str) -> None:
    answer, wanted, said = GARBAGE[case]
    with web_server(answer) as address:
        code, out, err = asked(address)
    assert (code, out) == (wanted, "")
    assert said in err


def test_nobody_there_and_silence_are_told_apart() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        code, _, err = asked(address, "--deadline", "0.2")
        assert (code, "no whole answer within 0.2 s" in err) == (1, True)
    code, _, err = asked(address)
    assert (code, "refused" in err) == (1, True)


@pytest.mark.parametrize("host", ["", "a b", "host:99999", "host:0", "host:x", "a/b", "-x.y:1"])
def test_a_wrong_address_is_wrong_usage(host: str) -> None:
    code, _, _ = asked("--", host)
    assert code == 2
