"""A web server in a thread, as commands run a loop of their own, and commands run in a terminal."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Thread
from typing import Any

import typer
from typer.testing import CliRunner

Answer = Callable[[str], tuple[int, bytes]]


@contextmanager
def web_server(answer: Answer, *, challenge: str = "") -> Iterator[str]:
    """Serve pages by path (and commands by name, over TCP, at the same port).

    Args:
        answer: HTTP status and body; a body alone for a command.
        challenge: sent with each 401.
    """
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
                web = request.startswith("GET")
                word = request.split()[1] if web else request.split('"')[3]
                status, body = answer(word)
                head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n"
                if status == 401:
                    head += f"WWW-Authenticate: {challenge}\r\n"
                head = f"{head}Connection: close\r\n\r\n" if web else ""
                with suppress(OSError):
                    connection.sendall(head.encode() + body)

    thread = Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.getsockname()[1]}"
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join(5)


def run(command: Callable[..., Any], *arguments: str, **more: Any) -> tuple[int, str, str]:
    """Exit code, output and errors of a command."""
    app = typer.Typer()
    app.command()(command)
    result = CliRunner().invoke(app, list(arguments), **more)
    return result.exit_code, result.stdout, result.stderr
