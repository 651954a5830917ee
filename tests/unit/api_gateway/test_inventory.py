from typing import Any

from api_gateway.domain.inventory import (
    Changes,
    compare,
    removes_most,
    taken_addresses,
)
from minestream_schemas.inventory import Fleet, InventoryEntry, Site


def entry(miner_id: str, **fields: Any) -> InventoryEntry:
    given = {"site_id": "site-a", "address": f"{miner_id}.local:80"} | fields
    return InventoryEntry(miner_id=miner_id, **given)


def fleet(*entries: InventoryEntry, sites: tuple[Site, ...] = ()) -> Fleet:
    named = {each.site_id: each for each in sites} or {e.site_id: Site(e.site_id) for e in entries}
    return Fleet(named, {each.miner_id: each for each in entries})


def test_only_what_differs_changes() -> None:
    there = fleet(entry("m-1"), entry("m-2"), entry("m-3"))
    wanted = fleet(entry("m-1"), entry("m-2", slot=4), entry("m-4"))
    changes = compare(there, wanted, prune=False)
    assert [e.miner_id for e in changes.added] == ["m-4"]
    assert [e.miner_id for e in changes.changed] == ["m-2"]
    assert changes.removed == ()
    assert changes.unchanged == 1
    assert changes.sites == ()


def test_pruning_removes_what_is_not_wanted_and_sites_then_empty() -> None:
    there = fleet(entry("m-1"), entry("m-2", site_id="site-b"))
    changes = compare(there, fleet(entry("m-1")), prune=True)
    assert changes.removed == ("m-2",)
    assert changes.emptied == ("site-b",)


def test_a_removed_miner_is_an_event_without_entry() -> None:
    changes = compare(fleet(entry("m-1")), fleet(entry("m-2")), prune=True)
    assert [(key, value is None) for key, value in changes.events()] == [
        ("m-1", True),
        ("m-2", False),
    ]


def test_a_site_that_only_miners_name_keeps_its_name() -> None:
    there = fleet(entry("m-1"), sites=(Site("site-a", "Alpha", 0.05),))
    assert compare(there, Fleet({}, {"m-1": entry("m-1")}), prune=True).sites == ()
    assert compare(Fleet({}, {}), Fleet({}, {"m-1": entry("m-1")}), prune=False).sites == (
        Site("site-a"),
    )


def test_an_address_of_a_miner_that_stays_is_taken() -> None:
    there = fleet(entry("m-1", address="h:1"), entry("m-2", address="h:2"))
    wanted = fleet(entry("m-3", address="h:1"))
    assert list(taken_addresses(there, wanted)) == [("m-3", "m-1")]


def test_two_wanted_miners_may_swap_their_addresses() -> None:
    there = fleet(entry("m-1", address="h:1"), entry("m-2", address="h:2"))
    wanted = fleet(entry("m-1", address="h:2"), entry("m-2", address="h:1"))
    assert list(taken_addresses(there, wanted)) == []


def test_removing_most_of_a_fleet_is_noticed_and_a_few_miners_are_not() -> None:
    def changes(removed: int) -> Changes:
        entries = [entry(f"m-{number:03}") for number in range(100)]
        return compare(fleet(*entries), fleet(*entries[removed:]), prune=True)

    assert not removes_most(changes(50), 100)
    assert removes_most(changes(51), 100)
    assert not removes_most(changes(10), 10)
