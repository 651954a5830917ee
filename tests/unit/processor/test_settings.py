"""What the processor decides by unless it is told otherwise, and what its settings refuse."""

import pytest

from minestream_runtime.errors import ConfigurationError
from processor.domain.references import Limits
from processor.domain.step import Rules
from processor.settings import ProcessorSettings


def test_untold_it_decides_as_its_rules_and_limits_are_proven() -> None:
    assert ProcessorSettings().rules == Rules()
    assert ProcessorSettings().limits == Limits()


@pytest.mark.parametrize("unit", ["0", "-1e6", "1e999", '"MH/s"'])
def test_a_pools_unit_that_is_none_is_refused_at_the_start(
    unit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINESTREAM_POOL_UNITS_HS", f'{{"scrypt": {unit}}}')
    with pytest.raises(ConfigurationError, match="MINESTREAM_POOL_UNITS_HS_SCRYPT"):
        ProcessorSettings.load()


def test_a_pools_units_are_told_by_algorithm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINESTREAM_POOL_UNITS_HS", '{"scrypt": 1e9}')
    assert ProcessorSettings.load().pool_units_hs == {"scrypt": 1e9}
