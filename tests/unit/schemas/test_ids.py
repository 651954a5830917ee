"""Event ids: sortable when fresh, the same at every replay when derived."""

from uuid import UUID, uuid5

from hypothesis import given
from hypothesis import strategies as st

from minestream_schemas.ids import derived_id, event_id_at

MS = st.integers(min_value=0, max_value=2**48 - 1)
BITS = st.integers(min_value=0, max_value=2**80 - 1)


@given(MS, BITS)
def test_a_fresh_id_is_a_uuid_of_version_7_that_tells_its_time(unix_ms: int, bits: int) -> None:
    found = event_id_at(unix_ms, bits)
    assert found.version == 7
    assert found.int >> 80 == unix_ms


@given(MS, MS, BITS, BITS)
def test_fresh_ids_sort_by_time(first: int, second: int, one: int, two: int) -> None:
    if first < second:
        assert event_id_at(first, one) < event_id_at(second, two)


@given(MS, BITS, BITS)
def test_all_74_random_bits_count(unix_ms: int, one: int, two: int) -> None:
    same = one % 2**74 == two % 2**74
    assert (event_id_at(unix_ms, one) == event_id_at(unix_ms, two)) is same


@given(st.text(min_size=1), st.lists(st.text(), min_size=1))
def test_a_derived_id_follows_from_its_inputs_alone(kind: str, inputs: list[str]) -> None:
    assert derived_id(kind, *inputs) == derived_id(kind, *inputs)
    assert derived_id(kind, *inputs) != derived_id(kind + "-", *inputs)


@given(st.text(), st.lists(st.text(), max_size=3))
def test_a_derived_id_is_the_uuid_of_version_5_of_its_inputs(kind: str, inputs: list[str]) -> None:
    ours = UUID("6f0d7a52-6f4e-5f0c-8a35-0b9c5d1e7a60")
    assert derived_id(kind, *inputs) == uuid5(ours, "\x1f".join((kind, *inputs)))
