"""A pool is one module: what it is asked, what its answers mean, and that it is there."""

import sys
from pathlib import Path

import pytest

from minestream_dialects.pools import POOLS
from minestream_dialects.pools.registry import found_in

ROOT = Path(__file__).parents[3]
NEW = '''
"""A pool that nobody has heard of."""

from typing import Literal

from minestream_dialects.pools.port import (
    Account, AccountStats, Call, Cycle, Key, Pool, Snapshot, Span,
)
from minestream_dialects.pools.values import Fields
from minestream_schemas.units import Algorithm


class NewAccount(Account):
    pool: Literal["newpool"]
    coin: Literal["litecoin"] = "litecoin"
    key: Key


class NewPool(Pool[NewAccount]):
    name, url, scheme, apart_s = "newpool", "https://new.example", "PROP", 2.0
    account = NewAccount

    def calls(self, account: NewAccount, span: Span) -> tuple[Call, ...]:
        return (Call(name="me", path="me", ttl_s=60.0, headers={"X-Key": account.key}),)

    def snapshot(self, cycle: Cycle) -> Snapshot:
        stats = AccountStats(coin="litecoin", algorithm=Algorithm.SCRYPT)
        me = Fields(cycle.said("me"), stats.flags, cycle.raw)
        stats.hashrate_hs = me.hashrate("mhs", "hashrate_hs", times=1e6)
        return Snapshot((stats,))


POOL = NewPool()
'''


def test_litecoinpool_is_named_in_its_own_module_alone() -> None:
    sources = [
        *(ROOT / "services").glob("*/src/**/*.py"),
        *(ROOT / "libs" / "dialects" / "src").rglob("*.py"),
        *(ROOT / "libs" / "runtime" / "src").rglob("*.py"),
        *(ROOT / "libs" / "schemas" / "src").rglob("*.py"),
    ]
    naming = [file.name for file in sources if "litecoinpool" in file.read_text().casefold()]
    assert naming == ["litecoinpool.py"]
    assert "litecoinpool" in POOLS


def test_a_module_with_a_pool_is_all_that_a_new_pool_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "third_party_pools"
    folder.mkdir()
    (folder / "__init__.py").write_text("", encoding="utf-8")
    (folder / "newpool.py").write_text(NEW, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    pools = found_in("third_party_pools")
    assert list(pools) == ["newpool"]
    said = {"account_id": "new-main", "pool": "newpool", "key": "very-secret"}
    account = pools["newpool"].account.model_validate(said)
    assert account.coin == "litecoin"
    sys.modules.pop("third_party_pools.newpool")


def test_two_pools_of_one_name_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "twin_pools"
    folder.mkdir()
    (folder / "__init__.py").write_text("", encoding="utf-8")
    for name in ("one", "two"):
        (folder / f"{name}.py").write_text(NEW, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ValueError, match="two pools are called newpool"):
        found_in("twin_pools")
