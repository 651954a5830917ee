"""What the pages point at is there, and decisions are told in one form."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
DECISIONS = sorted((ROOT / "docs" / "adr").glob("*.md"))
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")
PLACE = re.compile(r"(?<![\w/.-])((?:docs|libs|services|tests)/[\w./-]*\w)(?:::(\w+))?")
PARTS = ("Context", "Decision", "Consequences", "Alternatives", "Enforced by")
LINES_MOST = 60


def missing(page: Path, text: str) -> list[str]:
    """Links and paths of a page that lead nowhere."""
    links = [link for link in LINK.findall(text) if "://" not in link]
    places = [found[1] for found in PLACE.finditer(LINK.sub("]", text))]
    lost = [link for link in links if not (page.parent / link).exists()]
    return lost + [place for place in places if not (ROOT / place).exists()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_and_path_of_a_page_leads_somewhere(page: Path) -> None:
    assert not missing(page, page.read_text())


def test_a_link_or_path_that_leads_nowhere_is_found() -> None:
    page = ROOT / "docs" / "architecture.md"
    text = "[x](nowhere.md) `tests/unit/nothing.py` [y](adr/) `docs/adr` https://a.b/docs/c"
    assert missing(page, text) == ["nowhere.md", "tests/unit/nothing.py"]


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.name)
def test_a_decision_is_short_dated_and_says_what_enforces_it(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert len(lines) <= LINES_MOST
    assert lines[0].startswith(f"# {int(path.name[:4])}. ")
    assert re.fullmatch(r"20\d\d-\d\d-\d\d\. (Accepted|Replaced by ADR \d{4})\.", lines[2])
    assert [line[3:] for line in lines if line.startswith("## ")] == list(PARTS)
