"""Hashrate units: right in every power of ten, never guessed (S0-3.1-hash-units, X5)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minestream_schemas.units import HASHES_PER_S, Algorithm, algorithm_named, hashes_per_s


@pytest.mark.parametrize(
    ("unit", "expected_hs"),
    [
        ("H/s", 1.0),
        ("kH/s", 1e3),
        ("MHS", 1e6),
        (" GH/s ", 1e9),
        ("th/sec", 1e12),
        ("THash", 1e12),
        ("PH", 1e15),
    ],
)
def test_a_unit_is_known_in_each_of_its_wordings(unit: str, expected_hs: float) -> None:
    assert hashes_per_s(unit) == expected_hs


@pytest.mark.parametrize("unit", ["", "T", "XH/s", "TH/s!", "GB/s", "150 TH/s", "M\u041d/s"])
def test_what_is_no_unit_is_refused_and_never_guessed(unit: str) -> None:
    with pytest.raises(ValueError, match="no unit of hashrate"):
        hashes_per_s(unit)


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
