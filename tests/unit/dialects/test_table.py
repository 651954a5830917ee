"""Every recorded poll of every dialect is claimed by its own dialect and read exactly."""

import sys
from itertools import product

import pytest
from tests.unit.dialects.table import (
    DOCUMENT,
    FIXTURES,
    Case,
    cases,
    document,
    rows,
    said,
    same,
    table,
)

from minestream_dialects import normalise
from minestream_dialects.dialect import Dialect
from minestream_dialects.normalise import payloads_of
from minestream_dialects.registry import DIALECTS, candidates

CASES = cases()


def each(items: list[Case]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", items, ids=str)


def _in_full(case: Case) -> bool:
    """Are its chips written down one by one? Those of hundreds are summed up elsewhere."""
    chips = case.golden.get("chips") or [{"count": 0}]
    return "count" not in chips[0]


@each(CASES)
def test_a_recorded_poll_is_read_to_exactly_its_hand_written_reading(case: Case) -> None:
    fields, expected = said(normalise(case.poll()).telemetry), case.golden["telemetry"]
    assert fields.keys() == expected.keys()
    assert {key for key, value in expected.items() if not same(fields[key], value)} == set()


@each([case for case in CASES if _in_full(case)])
def test_the_chips_of_a_recorded_poll_are_read_to_the_hand_written_ones(case: Case) -> None:
    chips = normalise(case.poll()).chips
    assert chips is not None
    read = [board.model_dump(mode="json", exclude_defaults=True) for board in chips.boards]
    assert same(read, case.golden["chips"])


@each(CASES)
def test_a_recorded_poll_reads_the_same_whoever_names_its_dialect(case: Case) -> None:
    family = next(dialect.family for dialect in DIALECTS if dialect.name == case.dialect)
    found = said(normalise(case.poll()).telemetry)
    found["evidence"].pop("dialect")
    for name in (family, case.dialect):
        told = said(normalise(case.poll(name)).telemetry)
        told["evidence"].pop("dialect")
        assert told == found


@each(CASES)
def test_a_recorded_poll_is_claimed_by_no_other_family(case: Case) -> None:
    payloads, _, _ = payloads_of(case.poll())
    own = {dialect.family for dialect in candidates(case.dialect)}
    generic = {"cgminer"}  # reads what no dialect before it claims
    claims = {each.family for each in DIALECTS if each.recognise(payloads) is not None}
    assert claims - generic == own - generic or claims == own


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_every_dialect_has_a_recorded_poll(dialect: Dialect) -> None:
    assert dialect.name in {case.dialect for case in CASES}


@pytest.mark.parametrize(
    ("case", "dialect"),
    [(case, dialect) for case, dialect in product(CASES, DIALECTS) if dialect.name != case.dialect],
    ids=lambda each: str(getattr(each, "name", each)),
)
def test_even_a_wrong_dialect_reads_no_hashrate_of_another_magnitude(
    case: Case, dialect: Dialect
) -> None:
    told = normalise(case.poll(dialect.name)).telemetry
    right = case.golden["telemetry"].get("hashrate_hs")
    assert told.hashrate_hs is None or right / 2 <= told.hashrate_hs <= right * 2


def test_the_table_in_the_documents_is_up_to_date() -> None:
    head = ("dialect", "payloads", "expected", "read", "fields exact", "unit by")
    sys.stdout.write("\n" + table(head, list(rows())))
    assert DOCUMENT.read_text(encoding="utf-8") == document(), (
        "run: python -m tests.unit.dialects.table"
    )


def test_what_the_collector_took_the_dialect_from_is_on_the_reading() -> None:
    poll = CASES[0].poll().model_copy(update={"dialect_evidence": "GET /api/v1/info: fw_name"})
    told = normalise(poll).telemetry
    assert told.evidence["detected"] == "GET /api/v1/info: fw_name"


@pytest.mark.parametrize("folder", sorted({case.folder for case in CASES}))
def test_every_recorded_payload_has_its_origin_and_licence(folder: str) -> None:
    there = {path.name for path in (FIXTURES / folder).iterdir() if path.is_file()}
    sources = (FIXTURES / folder / "SOURCES.md").read_text(encoding="utf-8")
    assert {name for name in there - {"SOURCES.md"} if f"| {name} |" not in sources} == set()


@pytest.mark.parametrize("folder", ["elphapex", "seed_shapes", "whatsminer"])
def test_every_recorded_payload_is_part_of_a_reading(folder: str) -> None:
    there = {path.name for path in (FIXTURES / folder).glob("*.json")}
    used = {
        name for case in CASES if case.folder == folder for name in case.golden["poll"].values()
    }
    assert used == there
