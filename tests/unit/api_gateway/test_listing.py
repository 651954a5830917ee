import pytest

from api_gateway.domain.listing import SORTABLE, Sort, parse_sort


@pytest.mark.parametrize("field", sorted(SORTABLE))
def test_each_field_sorts_both_ways(field: str) -> None:
    assert parse_sort(field) == Sort(field)
    assert parse_sort(f"-{field}") == Sort(field, descending=True)


@pytest.mark.parametrize("text", ["", "-", "--power_w", "sealed", "power_w desc", "POWER_W"])
def test_an_unknown_order_is_refused_naming_those_there_are(text: str) -> None:
    with pytest.raises(ValueError, match="hashrate_hs"):
        parse_sort(text)


def test_an_order_reads_back_as_it_was_written() -> None:
    assert str(parse_sort("-ts")) == "-ts"
    assert str(parse_sort("ts")) == "ts"
