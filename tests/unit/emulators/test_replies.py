from pathlib import Path

from minestream_emulators.replies import ReplyLog, read_replies

AT = "2026-01-01T00:00:00+00:00"


def write(path: Path, count: int) -> list[int]:
    with ReplyLog(path) as log:
        return [log.write("demo-r01-s01", "/api/v1/summary", AT, 200) for _ in range(count)]


def test_numbers_go_on_where_the_file_ends(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "replies.jsonl"
    assert write(path, 3) == [1, 2, 3]
    assert write(path, 2) == [4, 5]
    lines = list(read_replies(path))
    assert [line.reply for line in lines] == [1, 2, 3, 4, 5]
    assert (lines[0].miner, lines[0].path) == ("demo-r01-s01", "/api/v1/summary")
    assert (lines[0].at, lines[0].status) == (AT, 200)


def test_a_line_is_in_the_file_as_soon_as_it_is_numbered(tmp_path: Path) -> None:
    path = tmp_path / "replies.jsonl"
    with ReplyLog(path) as log:
        log.write("demo-r01-s01", "/", AT, 200)
        assert len(path.read_bytes().splitlines()) == 1


def test_a_line_that_a_kill_has_cut_off_costs_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "replies.jsonl"
    write(path, 2)
    with path.open("ab") as torn:
        torn.write(b'{"reply":3,"miner":"de')
    assert write(path, 1) == [3]
    assert [line.reply for line in read_replies(path)] == [1, 2, 3]


def test_a_path_with_quotes_and_newlines_stays_one_line(tmp_path: Path) -> None:
    path = tmp_path / "replies.jsonl"
    with ReplyLog(path) as log:
        log.write("demo-r01-s01", '/a"b\nc\x00', AT, 404)
    assert [line.path for line in read_replies(path)] == ['/a"b\nc\x00']


def test_without_a_file_replies_are_only_numbered(tmp_path: Path) -> None:
    with ReplyLog(None) as log:
        assert [log.write("m", "/", AT, 200) for _ in range(2)] == [1, 2]
    assert list(read_replies(tmp_path / "nothing")) == []
