"""The share of its chips that makes a board healthy reaches the place where polls are read."""

from typing import Any, cast

import pytest
from pydantic import ValidationError
from tests.unit.dialects.table import cases

from processor.adapters.agents import RawAgent
from processor.settings import ProcessorSettings

PARTS = ("states", "outputs", "producer", "guard", "progress", "dues", "ticks", "worths", "clock")


@pytest.mark.parametrize(("ratio", "healthy"), [(None, 3), (1.0, 2)])
def test_the_setting_decides_how_many_boards_are_healthy(ratio: float | None, healthy: int) -> None:
    told: dict[str, Any] = {} if ratio is None else {"healthy_chips_ratio": ratio}
    rules = ProcessorSettings(**told).rules
    agent = RawAgent(rules=rules, **cast("dict[str, Any]", dict.fromkeys(PARTS)))
    poll = next(case for case in cases() if case.name == "l9_1.2.7").poll()
    assert agent._normalised(poll, None).telemetry.boards_healthy == healthy


@pytest.mark.parametrize("ratio", [-0.1, 1.1, 95])
def test_a_share_is_from_0_to_1(ratio: float) -> None:
    with pytest.raises(ValidationError):
        ProcessorSettings(healthy_chips_ratio=ratio)
