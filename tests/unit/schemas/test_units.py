"""Hashrate units: right in every power of ten, never guessed (S0-3.1-hash-units, X5)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minestream_schemas.units import (
    HASHES_PER_S,
    Algorithm,
    algorithm_named,
    hashes_per_s,
    parse_hashrate,
)


@pytest.mark.parametrize(
    ("text", "expected_hs"),
    [
        ("150 TH/s", 150e12),
        ("17394.83 MH/s", 17_394.83e6),
        ("17.39 GH/s", 17.39e9),
        ("504.56 MHS", 504.56e6),
        ("95925913949 kH/s", 95_925_913_949e3),
        ("1.5e2 th/s", 150e12),
        ("0 H/s", 0.0),
        ("3 PH", 3e15),
    ],
)
def test_a_worded_hashrate_is_read_in_its_own_unit(text: str, expected_hs: float) -> None:
    assert parse_hashrate(text) == expected_hs


@pytest.mark.parametrize(
    "text", ["150", "TH/s", "150 XH/s", "150 TH/s!", "", "nan TH/s", "1,5 TH/s"]
)
def test_a_hashrate_without_number_or_unit_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="hashrate"):
        parse_hashrate(text)


@given(st.sampled_from(sorted(HASHES_PER_S)))
def test_the_case_of_a_unit_does_not_count(unit: str) -> None:
    assert hashes_per_s(unit.lower()) == hashes_per_s(unit.upper()) == HASHES_PER_S[unit]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SHA-256", Algorithm.SHA256D),
        ("sha256d", Algorithm.SHA256D),
        (" Scrypt ", Algorithm.SCRYPT),
        ("x11", Algorithm.UNKNOWN),
        (None, Algorithm.UNKNOWN),
    ],
)
def test_an_algorithm_is_known_by_each_of_its_names(text: str | None, expected: Algorithm) -> None:
    assert algorithm_named(text) is expected
