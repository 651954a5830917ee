"""What a scan's finds are called, and which of them the fleet has."""

from api_gateway.domain.finds import Find, holders_of, new_entries
from minestream_schemas.inventory import Fleet, InventoryEntry


def find(place: str, address: str) -> Find:
    return Find(place, address, "vnish", "L9", "Vnish 1.2.7", "scrypt", "it says so", locked=False)


def fleet(*miners: str) -> Fleet:
    entries = [
        InventoryEntry(miner_id=name, site_id="barn", address="10.9.9.9:80") for name in miners
    ]
    return Fleet({}, {entry.miner_id: entry for entry in entries})


def test_new_ones_are_called_after_their_site_and_address() -> None:
    made = new_entries(
        [find("10.0.0.2", "10.0.0.2:4028"), find("10.0.0.1:8081", "10.0.0.1:8081")],
        set(),
        fleet(),
        site_id="barn",
    )
    assert {place: (entry.miner_id, entry.address) for place, entry in made.items()} == {
        "10.0.0.1:8081": ("barn-10-0-0-1-8081", "10.0.0.1:8081"),
        "10.0.0.2": ("barn-10-0-0-2", "10.0.0.2:4028"),
    }
    entry = made["10.0.0.2"]
    assert (entry.site_id, entry.model, entry.algorithm) == ("barn", "L9", "scrypt")
    assert (entry.transport, entry.dialect) == ("auto", None), "a collector may ask it anew"


def test_who_is_in_the_fleet_is_left_out() -> None:
    finds = [find("10.0.0.1", "10.0.0.1:80"), find("10.0.0.2", "10.0.0.2:80")]
    made = new_entries(finds, {"10.0.0.1"}, fleet("rack-1"), site_id="barn")
    assert list(made) == ["10.0.0.2"]


def test_a_name_that_another_miner_has_is_numbered_so_that_nobody_is_moved() -> None:
    there = fleet("barn-10-0-0-1", "barn-10-0-0-1-2")
    made = new_entries([find("10.0.0.1", "10.0.0.1:80")], set(), there, site_id="barn")
    assert made["10.0.0.1"].miner_id == "barn-10-0-0-1-3"


def test_the_longest_site_and_addresses_of_ipv6_make_names_too() -> None:
    finds = [
        find("fd00::1", "[fd00::1]:80"),
        find("fd00:1::", "[fd00:1::]:80"),
        find("::1", "[::1]:80"),
    ]
    made = new_entries(finds, set(), fleet(), site_id="s" * 63)
    names = [entry.miner_id for entry in made.values()]
    assert len(set(names)) == 3
    assert all(len(name) <= 63 for name in names)


def test_a_miner_of_another_site_is_known_unless_its_network_is_another() -> None:
    entries = [
        InventoryEntry(miner_id="barn-1", site_id="barn", address="10.0.0.1:80"),
        InventoryEntry(miner_id="farm-1", site_id="farm", address="10.0.0.1:80"),
        InventoryEntry(miner_id="farm-2", site_id="farm", address="10.0.0.2:80"),
        # polled by its own site, which uploads it: nobody here can have found it
        InventoryEntry(
            miner_id="texas-3", site_id="texas", address="10.0.0.3:80", dialect="upload"
        ),
    ]
    there = Fleet({}, {entry.miner_id: entry for entry in entries})

    def held(site_id: str | None, *, repeated: bool = False) -> dict[str, str]:
        found = holders_of(
            there, lambda address: address.partition(":")[0], site_id=site_id, repeated=repeated
        )
        return {place: entry.miner_id for place, entry in found.items()}

    assert held("barn") == {"10.0.0.1": "barn-1", "10.0.0.2": "farm-2"}
    assert held("farm") == {"10.0.0.1": "farm-1", "10.0.0.2": "farm-2"}
    assert held("barn", repeated=True) == {"10.0.0.1": "barn-1"}
    assert held("texas")["10.0.0.3"] == "texas-3"
    assert held(None).keys() == {"10.0.0.1", "10.0.0.2", "10.0.0.3"}
