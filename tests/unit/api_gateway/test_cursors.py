from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_gateway.adapters.http.cursors import decode_position, encode, encode_position
from api_gateway.adapters.http.problems import InvalidRequestError
from api_gateway.domain.listing import SORTABLE, Kind, Position, Sort

_VALUES = {
    Kind.TEXT: st.none() | st.text(st.characters(codec="utf-8", categories=["L", "N", "P"])),
    Kind.NUMBER: st.none() | st.floats(allow_nan=False, allow_infinity=False),
    Kind.INSTANT: st.none()
    | st.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis adds it
}


@given(st.data())
def test_a_cursor_gives_back_the_position_it_was_made_of(data: st.DataObject) -> None:
    field = data.draw(st.sampled_from(sorted(SORTABLE)))
    sort = Sort(field, descending=data.draw(st.booleans()))
    value = data.draw(_VALUES[SORTABLE[field]])
    if field == "miner_id":
        value = value or "site-a-1"
    cursor = encode_position(sort, {"miner_id": "site-a-1", field: value})
    expected = value.isoformat() if isinstance(value, datetime) else value
    identity = str(value) if field == "miner_id" else "site-a-1"
    assert decode_position(cursor, sort) == Position(expected, identity)


@given(st.text(max_size=600))
def test_any_text_is_a_cursor_or_refused_and_nothing_else(text: str) -> None:
    with pytest.raises(InvalidRequestError):
        decode_position(text, Sort("power_w"))


def test_a_cursor_of_another_order_is_refused() -> None:
    cursor = encode_position(Sort("power_w"), {"power_w": 1.0, "miner_id": "a"})
    with pytest.raises(InvalidRequestError, match="another list or order"):
        decode_position(cursor, Sort("power_w", descending=True))


@pytest.mark.parametrize(
    "values",
    [
        ("NaN", "a"),
        (float("inf"), "a"),
        (True, "a"),
        (1.0, None),
        (1.0, "a\x00b"),
        (10**400, "a"),
        (1.0,),
        ([1], "a"),
    ],
)
def test_a_cursor_with_values_of_the_wrong_kind_is_refused(values: tuple[object, ...]) -> None:
    with pytest.raises(InvalidRequestError):
        decode_position(encode("miners power_w", *values), Sort("power_w"))


@pytest.mark.parametrize("value", ["yesterday", "2026-01-01T00:00:00"])
def test_a_cursor_with_no_aware_instant_is_refused(value: str) -> None:
    with pytest.raises(InvalidRequestError):
        decode_position(encode("miners ts", value, "a"), Sort("ts"))
