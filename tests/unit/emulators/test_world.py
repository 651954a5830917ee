import json
from collections import Counter
from itertools import islice
from pathlib import Path

import pytest
import yaml

from minestream_emulators.inventory import write_inventory
from minestream_emulators.model import TRANSPORTS
from minestream_emulators.models import DEFAULT_MIX, MIXED_MIX, MODELS
from minestream_emulators.world import WorldPlan, addresses, inventory_entry, residents
from minestream_schemas.inventory import InventoryEntry


def test_the_default_fleet_is_mostly_scrypt_in_exact_shares() -> None:
    counts = Counter(one.model.key for one in residents(WorldPlan(miners=1000)))
    assert counts == {
        "l9-1.2.7": 600,
        "l9-1.3.4": 200,
        "s21pro-1.2.7": 100,
        "s19kpro-1.3.3": 100,
    }


def test_small_fleets_are_apportioned_too() -> None:
    for size in range(1, 30):
        assert len(residents(WorldPlan(miners=size))) == size


def test_the_same_seed_gives_the_same_fleet_and_another_seed_another() -> None:
    assert residents(WorldPlan(miners=50, seed=3)) == residents(WorldPlan(miners=50, seed=3))
    assert residents(WorldPlan(miners=50, seed=3)) != residents(WorldPlan(miners=50, seed=4))


def test_names_and_addresses_are_unique_in_a_large_fleet() -> None:
    fleet = residents(WorldPlan(miners=5000))
    for part in ("miner_id", "host", "mac"):
        assert len({getattr(one.who, part) for one in fleet}) == 5000
    assert fleet[13].who.miner_id == "demo-r02-s02"


def test_addresses_leave_out_network_and_broadcast_and_end_with_the_block() -> None:
    found = list(islice(addresses("127.1.0.253"), 4))
    assert found == ["127.1.0.253", "127.1.0.254", "127.1.1.1", "127.1.1.2"]
    with pytest.raises(ValueError, match="too few addresses"):
        list(addresses("127.255.255.250"))


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"miners": 0}, "at least one"),
        ({"miners": 1, "mix": {"s9": 1.0}}, "there are l9-1.2.7"),
        ({"miners": 1, "mix": {"l9-1.2.7": 0.0}}, "above zero"),
        ({"miners": 1, "untold": 1.5}, "no share"),
        ({"miners": 1, "first_address": "10.0.0.1"}, "loopback"),
    ],
)
def test_a_world_that_cannot_be_built_says_why(wrong: dict[str, object], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        WorldPlan(**wrong)  # type: ignore[arg-type]


def test_the_inventory_file_holds_valid_entries_and_passwords_for_a_few(tmp_path: Path) -> None:
    path = tmp_path / "new" / "fleet.yaml"
    fleet = [
        inventory_entry(one, f"{one.who.host}:8780") for one in residents(WorldPlan(miners=24))
    ]
    write_inventory(path, fleet)
    assert [entry.name for entry in path.parent.iterdir()] == ["fleet.yaml"]
    read = yaml.safe_load(path.read_text())
    entries = [{**read["defaults"], **entry} for entry in read["miners"]]
    assert entries == fleet
    assert sum("credentials" in entry for entry in entries) == 4
    for entry in entries:
        entry.pop("credentials", None)
        InventoryEntry.model_validate_json(json.dumps(entry))


def test_a_mixed_fleet_is_the_default_one_with_a_few_of_other_makes() -> None:
    assert sum(MIXED_MIX.values()) == pytest.approx(1.0)
    assert sum(MIXED_MIX[key] for key in DEFAULT_MIX) > 0.7
    families = {MODELS[key].family for key in MIXED_MIX}
    assert {TRANSPORTS[family] for family in families} == {"http", "tcp"}


def test_there_is_a_model_of_every_family() -> None:
    assert {model.family for model in MODELS.values()} == set(TRANSPORTS)
    assert all(key == model.key for key, model in MODELS.items())


def test_a_mixed_inventory_in_which_some_are_untold_is_written_and_read(tmp_path: Path) -> None:
    plan = WorldPlan(miners=60, mix=dict.fromkeys(MODELS, 1.0), untold=0.3)
    fleet = [inventory_entry(one, f"{one.who.host}:8780") for one in residents(plan)]
    write_inventory(tmp_path / "fleet.yaml", fleet)
    read = yaml.safe_load((tmp_path / "fleet.yaml").read_text())
    entries = [{**read["defaults"], **entry} for entry in read["miners"]]
    assert entries == fleet
    transports = Counter(entry["transport"] for entry in entries)
    assert set(transports) == {"http", "tcp", "auto"}
    for entry in entries:
        entry.pop("credentials", None)
        InventoryEntry.model_validate_json(json.dumps(entry))
