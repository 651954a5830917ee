"""How often and how long miners are asked, and the floor under poll intervals."""

import pytest

from collector_vnish.settings import VnishSettings
from minestream_runtime.errors import ConfigurationError


def test_ten_seconds_are_the_floor_and_a_miners_own_interval_keeps_it() -> None:
    settings = VnishSettings()
    assert settings.interval_of(None) == 60.0
    assert settings.interval_of(30.0) == 30.0
    assert settings.interval_of(0.5) == 10.0


def test_who_is_calm_is_asked_less_often_only_where_that_is_wished() -> None:
    assert VnishSettings().poll_calm is False


def test_an_answer_may_take_ten_seconds_and_a_score_of_eight_tenths_is_an_alarm() -> None:
    settings = VnishSettings()
    assert settings.poll_deadline_s == 10.0
    assert settings.poll_hurry_score == 0.8


def test_only_a_demonstration_may_go_below_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINESTREAM_POLL_INTERVAL_S", "5")
    with pytest.raises(ConfigurationError, match="MINESTREAM_DEMO"):
        VnishSettings.load()
    monkeypatch.setenv("MINESTREAM_DEMO", "1")
    assert VnishSettings.load().interval_of(None) == 5.0
    assert VnishSettings.load().interval_of(0.1) == 1.0
    assert "demonstrations" in (VnishSettings.model_fields["demo"].description or "")
