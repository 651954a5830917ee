"""How long a source asks us to wait."""

from datetime import UTC, datetime

import pytest

from minestream_runtime.polite.words import retry_after_s


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        (" 120 ", 120.0),
        ("9" * 400, 999_999_999.0),
        ("Sat, 21 Nov 2026 12:00:30 GMT", 30.0),
        ("Sat, 21 Nov 2026 11:00:00 GMT", 0.0),
    ],
)
def test_a_wait_is_asked_for_in_seconds_or_until_a_date(
    text: str | None, seconds: float | None
) -> None:
    assert retry_after_s(text, datetime(2026, 11, 21, 12, tzinfo=UTC)) == seconds
