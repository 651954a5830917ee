"""A file that a command writes is there whole, or as it was before."""

import errno
import os
from pathlib import Path
from typing import TextIO

import pytest
import typer

from minestream_runtime.command.files import write_whole


def test_a_new_file_takes_the_place_and_the_rights_of_the_old_one(tmp_path: Path) -> None:
    file, link = tmp_path / "fleet.yaml", tmp_path / "link.yaml"
    file.write_text("before\n")
    file.chmod(0o640)
    link.symlink_to(file)
    write_whole(link, lambda out: print("now", file=out))
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("now\n", 0o640)
    assert link.is_symlink()
    assert len(list(tmp_path.iterdir())) == 2


def test_what_is_for_its_owner_is_read_by_nobody_while_it_is_written(tmp_path: Path) -> None:
    file, modes = tmp_path / "fleet.yaml", set[int]()
    file.touch(0o600)

    def look(out: TextIO) -> None:
        del out
        modes.update(each.stat().st_mode & 0o777 for each in tmp_path.iterdir())

    write_whole(file, look)
    assert modes == {0o600}


@pytest.mark.parametrize("there", [True, False])
def test_what_breaks_off_leaves_the_file_of_before_and_nothing_else(
    tmp_path: Path, *, there: bool
) -> None:
    file = tmp_path / "fleet.yaml"
    if there:
        file.write_text("before\n")

    def pressed(out: TextIO) -> None:
        out.write("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_whole(file, pressed)
    assert [each.read_text() for each in tmp_path.iterdir()] == (["before\n"] if there else [])


def test_what_cannot_be_written_is_told_with_its_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(_: TextIO) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for file, write, said in (
        (tmp_path / "none" / "fleet.yaml", print, "No such file or directory"),
        (tmp_path / "fleet.yaml", full, "No space left on device"),
    ):
        with pytest.raises(typer.Exit) as ended:
            write_whole(file, write)
        assert ended.value.exit_code == 1
        assert f"{file.name}: cannot be written ({said})" in capsys.readouterr().err


def test_a_pipe_is_written_as_it_comes(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_whole(pipe, lambda out: print("said", file=out))
        assert os.read(reader, 99) == b"said\n"
    finally:
        os.close(reader)
    assert pipe.is_fifo()


def test_a_pipe_that_only_a_descriptor_names_is_written_as_it_comes() -> None:
    reader, writer = os.pipe()
    try:
        write_whole(Path(f"/dev/fd/{writer}"), lambda out: print("said", file=out))
        assert os.read(reader, 99) == b"said\n"
    finally:
        os.close(reader)
        os.close(writer)
