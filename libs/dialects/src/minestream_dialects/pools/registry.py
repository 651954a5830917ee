"""Which pools there are: every module beside this one that has a ``POOL``."""

import importlib
import pkgutil
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from minestream_dialects.pools.port import Pool

_PACKAGE: Final = __name__.rpartition(".")[0]


def found_in(package: str) -> Mapping[str, Pool[Any]]:
    """The pools among a package's modules, by name.

    Args:
        package: its full name.

    Raises:
        ValueError: two of them have one name.
    """
    pools: dict[str, Pool[Any]] = {}
    for entry in pkgutil.iter_modules(importlib.import_module(package).__path__):
        if f"{package}.{entry.name}" == __name__:
            continue
        pool = getattr(importlib.import_module(f"{package}.{entry.name}"), "POOL", None)
        if not isinstance(pool, Pool):
            continue
        if pool.name in pools:
            raise ValueError(f"two pools are called {pool.name}")
        pools[pool.name] = pool
    return MappingProxyType(pools)


POOLS: Final = found_in(_PACKAGE)
