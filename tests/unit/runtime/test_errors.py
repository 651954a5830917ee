import pytest

from minestream_runtime.errors import BugError, unit_of_work


def test_a_bug_is_named_by_type_and_place_and_never_by_the_data_at_hand() -> None:
    with pytest.raises(BugError, match=r"^KeyError at .*:\d+$") as caught, unit_of_work():
        raise KeyError("SECRET")
    assert "SECRET" not in str(caught.value)
