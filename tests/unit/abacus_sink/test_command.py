from dataclasses import replace

import pytest
from typer.testing import CliRunner

from abacus_sink.adapters.command import app, report
from abacus_sink.adapters.registration import Found, Survey
from abacus_sink.domain.groups import DEFINITIONS
from minestream_schemas.feature import FeatureGroup

NOTHING = Survey(
    groups=dict.fromkeys(FeatureGroup), project_id=None, members=frozenset(), token=None
)


def test_what_is_missing_would_be_created() -> None:
    lines = list(report(NOTHING, "mine"))
    assert all(fine for _, fine in lines)
    assert lines[0][0] == "project   mine: would be created"
    assert sum("would be created with" in line for line, _ in lines) == 3


def test_what_is_there_is_told_with_what_it_lacks() -> None:
    definition = DEFINITIONS[FeatureGroup.MARKET_DATA]
    groups = {
        FeatureGroup.MINER_TELEMETRY: Found("1", "row_id", frozenset()),
        FeatureGroup.POOL_PERFORMANCE: None,
        FeatureGroup.MARKET_DATA: Found("2", "row_id", frozenset(definition.columns)),
    }
    found = Survey(groups, "p", frozenset({"2"}), "hidden-token")
    lines = [line for line, _ in report(found, "mine")]
    assert lines[-1] == "group     market_data: there"
    assert "its schema would get accepted_shares" not in str(lines)
    (miners,) = (line for line in lines if "miner_telemetry" in line)
    assert "its schema would get avg_temperature_c" in miners
    assert miners.endswith("would be put into the project")
    assert "hidden-token" not in str(lines) + repr(found)


def test_a_table_with_another_key_is_a_fault() -> None:
    groups = dict.fromkeys(FeatureGroup, Found("1", "miner_id", frozenset()))
    lines = list(report(replace(NOTHING, groups=groups), "mine"))
    assert [fine for line, fine in lines if line.startswith("group")] == [False] * 3
    assert "rename or remove it" in lines[-1][0]


def test_without_a_key_the_command_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MINESTREAM_ABACUS_KEY", raising=False)
    done = CliRunner().invoke(app, ["check"])
    assert done.exit_code == 1
    assert "MINESTREAM_ABACUS_KEY is not set" in done.output


def test_a_service_that_is_away_is_told_without_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINESTREAM_ABACUS_KEY", "sesame")
    monkeypatch.setenv("MINESTREAM_ABACUS_URL", "http://127.0.0.1:1/abacus")
    done = CliRunner().invoke(app, ["check"])
    assert done.exit_code == 1
    assert "ConnectionError(no status): no answer" in done.output
    assert "sesame" not in done.output
