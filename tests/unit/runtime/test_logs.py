import logging

from minestream_runtime.logs import _Once


def line(text: str, at_s: float) -> logging.LogRecord:
    record = logging.makeLogRecord({"msg": text})
    record.created = at_s
    return record


def test_a_line_that_a_library_says_again_and_again_is_let_through_once_in_ten_minutes() -> None:
    once = _Once()
    said = [("refused", 0), ("refused", 1), ("no such role", 2), ("refused", 599), ("refused", 600)]
    assert [bool(once.filter(line(text, at_s))) for text, at_s in said] == [
        True,
        False,
        True,
        False,
        True,
    ]
