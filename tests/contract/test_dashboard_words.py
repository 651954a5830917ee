"""The page has a word for everything that the contract may say of a reading or a gap."""

import re
from enum import StrEnum
from pathlib import Path

import pytest

from minestream_schemas.alert import Severity
from minestream_schemas.gap import GapCause
from minestream_schemas.telemetry import MinerStatus, QualityFlag

SOURCES = Path(__file__).parents[2] / "services/api-gateway/web/src"


@pytest.mark.parametrize(
    ("path", "name", "contract"),
    [
        ("miner/flags.ts", "FLAGS", QualityFlag),
        ("api/types.ts", "GAP_CAUSES", GapCause),
        ("api/types.ts", "STATUSES", MinerStatus),
        ("api/types.ts", "SEVERITIES", Severity),
    ],
)
def test_the_page_knows_every_word_of_the_contract(
    path: str, name: str, contract: type[StrEnum]
) -> None:
    source = (SOURCES / path).read_text(encoding="utf-8")
    listed = re.search(rf"export const {name} = \[([^\]]*)\] as const;", source)
    assert listed is not None
    assert set(re.findall(r'"(\w+)"', listed[1])) == {each.value for each in contract}
