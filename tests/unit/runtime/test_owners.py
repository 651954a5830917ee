"""Whose a miner is, by what was said of it and what was found."""

from datetime import UTC, datetime
from typing import cast

import pytest

from minestream_runtime.collecting.family import Family
from minestream_runtime.collecting.owners import TRANSPORTS, Owner, family_of
from minestream_schemas.inventory import Detected, InventoryEntry

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Named:
    """Of a family only its name counts here."""

    def __init__(self, name: str) -> None:
        self.name = name


def families(transport: str) -> list[Family]:
    return [cast("Family", Named(name)) for name, over in TRANSPORTS.items() if over == transport]


OWNERS = {transport: Owner(families(transport)) for transport in ("http", "tcp")}
ENTRY = InventoryEntry(miner_id="m-1", site_id="site-a", address="10.0.0.1:80")


def found(dialect: str | None, *, address: str = "10.0.0.1:80", at: str | None = None) -> Detected:
    return Detected(
        miner_id="m-1",
        address=address,
        found_address=at,
        transport=None if dialect is None else TRANSPORTS[dialect],
        dialect=dialect,
        evidence="it said so",
        detected_at=AT,
        collector_id="c",
    )


@pytest.mark.parametrize(
    ("transport", "dialect", "owner", "family"),
    [
        ("auto", "vnish", "http", "vnish"),
        ("http", "vnish-1.2", "http", "vnish"),
        ("tcp", "vnish", "tcp", "vnish-3"),
        ("auto", "antminer-4028", "tcp", "antminer"),
        ("http", "antminer", "http", "antminer-web"),
        ("auto", "whatsminer-v2", "tcp", "whatsminer"),
        ("auto", "elphapex", "http", "elphapex"),
        ("auto", None, "http", None),
        ("auto", "auto", "http", None),
        ("auto", "nobody-knows", "http", None),
        ("tcp", None, "tcp", None),
        ("tcp", "elphapex", "tcp", None),
    ],
)
def test_what_the_operator_said_decides(
    transport: str, dialect: str | None, owner: str, family: str | None
) -> None:
    entry = ENTRY.model_copy(update={"transport": transport, "dialect": dialect})
    assert family_of(dialect, transport) == family
    claims = {name: each.claim(entry) for name, each in OWNERS.items()}
    assert [name for name, claim in claims.items() if claim is not None] == [owner]


def test_a_miner_that_its_own_site_uploads_is_nobodys_here() -> None:
    entry = ENTRY.model_copy(update={"dialect": "upload", "detected": found("vnish")})
    assert [each.claim(entry) for each in OWNERS.values()] == [None] * len(OWNERS)


def test_what_was_found_decides_where_nothing_was_said() -> None:
    entry = ENTRY.model_copy(update={"detected": found("whatsminer", at="10.0.0.1:4028")})
    assert OWNERS["http"].claim(entry) is None
    claim = OWNERS["tcp"].claim(entry)
    assert claim is not None
    assert (claim.family.name, claim.address, claim.evidence) == (
        "whatsminer",
        "10.0.0.1:4028",
        "it said so",
    )


@pytest.mark.parametrize("detected", [found(None), found("whatsminer", address="10.0.0.2:80")])
def test_what_was_found_elsewhere_or_not_at_all_says_nothing(detected: Detected) -> None:
    entry = ENTRY.model_copy(update={"detected": detected})
    assert OWNERS["tcp"].claim(entry) is None
    claim = OWNERS["http"].claim(entry)
    assert claim is not None
    assert claim.evidence is None


def test_a_wrong_transport_of_what_was_found_is_not_believed() -> None:
    entry = ENTRY.model_copy(update={"transport": "http", "detected": found("cgminer")})
    assert OWNERS["tcp"].claim(entry) is None
    assert OWNERS["http"].claim(entry) is not None


@pytest.mark.parametrize("host", ["169.254.169.254", "10.0.0.2", "[fd00::1]", "evil.example"])
def test_no_finding_leads_a_collector_and_its_credentials_to_another_host(host: str) -> None:
    told = found("antminer-web", at=f"{host}:80")
    claim = OWNERS["http"].claim(ENTRY.model_copy(update={"detected": told}))
    assert claim is not None
    assert (claim.address, claim.evidence) == (ENTRY.address, None)
    assert OWNERS["tcp"].claim(ENTRY.model_copy(update={"detected": told})) is None
