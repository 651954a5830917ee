"""The end of a log."""

import threading
from pathlib import Path

import pytest

from minestream_devstack.follow import follow, tail
from minestream_devstack.process import last_lines


def append(log: Path, text: str) -> None:
    with log.open("a") as writer:
        writer.write(text)


def test_the_last_lines_are_shown_in_order(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    log.write_text("a\nb\nc\n")
    assert tail(log, 2) == ["b", "c"]
    assert tail(log, 0) == []


@pytest.mark.timeout(10)
def test_a_rotated_log_is_followed_into_its_successor(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    log.write_text("old\n")
    lines = follow(log, pause_s=0.01)
    writing = threading.Timer(0.2, lambda: append(log, "new\n"))
    writing.start()
    assert next(lines) == "new"
    writing.join()
    log.rename(tmp_path / "x.log.1")
    log.write_text("fresh\n")
    assert next(lines) == "fresh"
    lines.close()


def test_bytes_that_are_no_text_do_not_hide_the_log(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    log.write_bytes(b"\xff\xfe broken\nlast\n")
    assert tail(log, 1) == ["last"]
    assert last_lines(log).endswith("last")
    assert last_lines(tmp_path / "none.log") == "(no log)"
