"""docs/requirements.md is kept true: ids unique, states valid, every named test exists."""

import ast
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LEDGER = ROOT / "docs" / "requirements.md"
ROW = re.compile(r"^\| ([A-Z][\w.-]*\d?[\w.-]*) \| (.+?) \| (.+?) \|\s*(.*?)\s*\|$")
ID = re.compile(r"X\d+|S\d-[\w.-]+|USR-[\w-]+|N-[\w-]+")
QUOTED = re.compile(r"`([^`]+)`")
STATES = {"done", "partly", "not yet"}
ROWS_EXPECTED = 270


@dataclass(frozen=True)
class Row:
    """One line of the ledger."""

    id: str
    what: str
    state: str
    proofs: tuple[str, ...]


@cache
def rows() -> tuple[Row, ...]:
    found = [ROW.match(line) for line in LEDGER.read_text().splitlines()]
    return tuple(
        Row(match[1], match[2], match[3], tuple(QUOTED.findall(match[4])))
        for match in found
        if match and ID.fullmatch(match[1])
    )


def names_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    return {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test")
    }


@cache
def commands() -> set[str]:
    """Every ``make`` target that help lists, every ``minestream`` command."""
    targets = re.findall(r"^([a-z0-9-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    members = [tomllib.loads(path.read_text()) for path in ROOT.glob("*/*/pyproject.toml")]
    points = [member["project"].get("entry-points", {}) for member in members]
    named = [name for point in points for name in point.get("minestream.commands", {})]
    return {f"make {name}" for name in targets} | {f"minestream {name}" for name in named}


def test_every_requirement_is_there_once() -> None:
    ids = [row.id for row in rows()]
    assert len(ids) == len(set(ids)) == ROWS_EXPECTED


def test_every_state_is_one_of_three() -> None:
    assert {row.state for row in rows()} <= STATES


def test_what_is_done_or_partly_done_names_its_proof() -> None:
    unproven = [row.id for row in rows() if row.state != "not yet" and not row.proofs]
    assert not unproven


def test_what_is_not_yet_there_claims_nothing() -> None:
    assert not [row.id for row in rows() if row.state == "not yet" and row.proofs]


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.id)
def test_every_proof_exists(row: Row) -> None:
    for proof in row.proofs:
        if proof.startswith(("make ", "minestream ")):
            assert proof in commands(), f"{proof} is no command of ours"
            continue
        file, _, name = proof.partition("::")
        assert (ROOT / file).exists(), proof
        assert not name or name in names_in(ROOT / file), proof
        assert file.startswith("tests/"), f"{proof} is neither a test nor a command"
