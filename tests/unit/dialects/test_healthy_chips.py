"""The share of its chips with which a board is healthy is the operator's, in every dialect."""

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from tests.unit.dialects.table import cases
from typer.testing import CliRunner

from minestream_dialects import HEALTHY_CHIPS_RATIO, normalise
from minestream_dialects.command import parse
from minestream_dialects.draft import BoardDraft
from minestream_dialects.totals import is_healthy

CASES = {f"{case.folder}/{case.name}": case for case in cases()}


@pytest.mark.parametrize(
    ("name", "healthy"),
    [
        ("cgminer/s21_degraded", {0.0: 2, 0.95: 1, 1.0: 1}),
        ("seed_shapes/upload", {0.0: 3, 0.95: 3, 1.0: 2}),
        ("vnish/l9_1.2.7", {0.0: 3, 0.95: 3, 1.0: 2}),
        ("vnish/l9_1.3.4", {0.0: 3, 0.95: 3, 1.0: 2}),
    ],
)
def test_boards_are_judged_by_the_share_that_is_set(name: str, healthy: dict[float, int]) -> None:
    poll = CASES[name].poll()
    usual = normalise(poll).telemetry
    assert usual == normalise(poll, healthy_chips_ratio=HEALTHY_CHIPS_RATIO).telemetry
    for ratio, boards in healthy.items():
        told = normalise(poll, healthy_chips_ratio=ratio).telemetry
        assert told == usual.model_copy(update={"boards_healthy": boards})


@pytest.mark.parametrize("name", sorted(CASES))
def test_the_share_changes_nothing_but_how_many_boards_are_healthy(name: str) -> None:
    poll = CASES[name].poll()
    usual, strict = (
        normalise(poll, healthy_chips_ratio=ratio).telemetry.model_dump() for ratio in (0.95, 1.0)
    )
    assert {key for key, value in usual.items() if strict[key] != value} <= {"boards_healthy"}


def test_a_board_with_75_of_76_chips_is_healthy_unless_all_are_wanted() -> None:
    board = BoardDraft(1, hashing=True, chips_ok=75, chips_total=76)
    assert is_healthy(board)
    assert not is_healthy(board, 1.0)
    assert not is_healthy(BoardDraft(1, hashing=True, chips_ok=70, chips_total=76))
    assert is_healthy(BoardDraft(1, hashing=True, chips_ok=70, chips_total=76), 0.9)


def test_a_board_that_has_failed_or_does_not_hash_is_not_healthy_with_all_of_its_chips() -> None:
    whole: dict[str, Any] = {"chips_ok": 76, "chips_total": 76}
    assert is_healthy(BoardDraft(1, hashing=True, status="mining", **whole))
    assert not is_healthy(BoardDraft(1, hashing=False, status="mining", **whole))
    assert not is_healthy(BoardDraft(1, hashing=False, **whole))
    assert not is_healthy(BoardDraft(1, hashing=True, status="failed", **whole))


def test_parse_judges_by_the_processors_variable(payloads: Path) -> None:
    app = typer.Typer()
    app.command()(parse)
    files = [str(payloads / f"l9_1.2.7_{part}_assembled.json") for part in ("info", "summary")]
    told = []
    for ratio in ("", "1"):
        done = CliRunner().invoke(app, files, env={"MINESTREAM_HEALTHY_CHIPS_RATIO": ratio})
        assert done.exit_code == 0, done.stderr
        told.append(json.loads(done.stdout)["boards_healthy"])
    assert told == [3, 2]
    refused = CliRunner().invoke(app, files, env={"MINESTREAM_HEALTHY_CHIPS_RATIO": "95"})
    assert refused.exit_code == 2
