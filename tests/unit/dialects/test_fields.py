"""Single values are read inside the contract's bounds or not at all."""

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from minestream_dialects.fields import (
    CELSIUS,
    VOLTS,
    Flags,
    celsius,
    count,
    counts,
    entry,
    mean,
    number,
    numbers,
    text,
    uptime_s,
)

NO_NUMBERS = [
    True,
    False,
    "5",
    "",
    [],
    {},
    math.nan,
    math.inf,
    -math.inf,
    1e308,
    10**400,
    -(10**30),
]


@pytest.mark.parametrize("value", NO_NUMBERS)
def test_what_is_no_number_is_invalid_and_not_zero(value: object) -> None:
    flags = Flags()
    assert number(value, VOLTS, name="voltage_v", flags=flags) is None
    assert count(value, name="hw_errors_total", flags=flags) is None
    assert flags.sorted() == ("field_invalid:hw_errors_total", "field_invalid:voltage_v")


ANY = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=2)


@example([1.5, 10**400])
@example([1, math.nan, 2.0])
@example([math.nan, 10**400])
@given(st.lists(st.floats(0, 2000) | st.integers(0, 2000)) | st.lists(ANY))
def test_a_column_reads_like_its_values_one_by_one(values: list[object]) -> None:
    one, column = Flags(), Flags()
    singly = tuple(number(value, VOLTS, name="a", flags=one, per=1000) for value in values)
    assert numbers(values, VOLTS, name="a", flags=column, per=1000) == singly
    assert column.sorted() == one.sorted()


@given(st.lists(st.integers(-1, 2**53 + 1)) | st.lists(ANY))
def test_a_column_of_counts_reads_like_its_values_one_by_one(values: list[object]) -> None:
    one, column = Flags(), Flags()
    singly = tuple(count(value, name="a", flags=one) for value in values)
    assert counts(values, name="a", flags=column) == singly
    assert column.sorted() == one.sorted()


def test_silence_is_missing_and_zero_is_zero() -> None:
    flags = Flags()
    assert number(None, VOLTS, name="voltage_v", flags=flags) is None
    assert number(0, VOLTS, name="power_w", flags=flags) == 0.0
    assert flags.sorted() == ("field_missing:voltage_v",)


def test_the_bounds_are_those_of_the_contract() -> None:
    assert (CELSIUS.low, CELSIUS.high) == (-40, 150)
    flags = Flags()
    assert number(150, CELSIUS, name="a", flags=flags) == 150.0
    assert number(150.1, CELSIUS, name="b", flags=flags) is None
    assert flags.sorted() == ("field_invalid:b",)


def test_millivolts_become_volts_without_a_rounding_tail() -> None:
    assert number(14200, VOLTS, name="voltage_v", flags=Flags(), per=1000) == 14.2


def test_a_whole_number_may_be_written_as_a_float() -> None:
    flags = Flags()
    assert count(57.0, name="a", flags=flags) == 57
    assert count(57.5, name="b", flags=flags) is None
    assert count(-1, name="c", flags=flags) is None
    assert flags.sorted() == ("field_invalid:b", "field_invalid:c")


def test_a_temperature_of_zero_is_no_reading() -> None:
    flags = Flags()
    assert celsius(0, name="chip_temp_max_c", flags=flags) is None
    assert celsius(0.0, name="inlet_temp_c", flags=flags, required=False) is None
    assert celsius(-3, name="pcb_temp_max_c", flags=flags) == -3.0
    assert flags.sorted() == ("field_missing:chip_temp_max_c",)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("1:55", 6_900),
        (" 1:55", 6_900),
        ("1:00", 3_600),
        ("0:05", 300),
        ("12 min", 720),
        ("1 min", 60),
        ("7 days, 14:28", 656_880),
        ("1 day,  3:02", 97_320),
        ("2 days, 5 min", 173_100),
        ("3 days", 259_200),
        ("1:02:03", 3_723),
    ],
)
def test_uptimes_are_read_as_uptime_prints_them(said: str, seconds: float) -> None:
    assert uptime_s(said) == seconds


@pytest.mark.parametrize(
    "said", ["", " ", "soon", "1:5", "-1:00", "7 days, 14", "1:00 up", None, 5, [], "9" * 500]
)
def test_what_is_no_uptime_is_none(said: object) -> None:
    assert uptime_s(said) is None


@given(st.text(max_size=600))
def test_any_text_becomes_one_printable_line(said: str) -> None:
    read = text(said)
    if read is not None:
        assert read.isprintable()
        assert read == read.strip()
        assert 0 < len(read) <= 256
        read.encode()


def test_nul_and_lone_surrogates_never_reach_the_database() -> None:
    assert text("rack\0one\ud800") == "rack one"
    assert text("\0") is None
    assert text(5) is None


def test_a_step_that_is_missing_ends_the_way() -> None:
    nested = {"a": {"b": 1}}
    assert entry(nested, "a", "b") == 1
    assert entry(nested, "a", "b", "c") is None
    assert entry([1], "a") is None


def test_a_dead_board_does_not_pull_down_the_mean() -> None:
    assert mean([13.0, 13.0, 0.0]) == 13.0
    assert mean([0.0, 0.0]) == 0.0
    assert mean([]) is None
