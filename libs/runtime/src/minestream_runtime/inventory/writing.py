"""The fleet as an inventory file that can be imported again."""

from collections.abc import Iterator
from typing import Any, Final, TextIO

import yaml

from minestream_runtime.inventory.advance import Advanced, unshown
from minestream_schemas.inventory import Fleet, InventoryEntry, Site

try:
    from yaml import CSafeDumper as _Dumper
except ImportError:  # a platform for which PyYAML has no wheel with libyaml
    from yaml import SafeDumper as _Dumper  # type: ignore[assignment]


_AT_ONCE: Final = 500
"""Miners that are turned into YAML together: each takes some 6 KB of nodes meanwhile, in one
piece half a GB for a fleet of 100,000."""


def write_inventory(fleet: Fleet, out: TextIO, *, advanced: Advanced = unshown) -> None:
    """Write sites and miners; credentials only as the sealed boxes that they are.

    Args:
        fleet: what to write.
        out: gains YAML.
        advanced: told how many miners of how many have been written.
    """
    _dump({"sites": [_site(site) for _, site in sorted(fleet.sites.items())]}, out)
    if not fleet.miners:
        _dump({"miners": []}, out)
        return
    out.write("miners:\n")
    names = sorted(fleet.miners)
    for at in range(0, len(names), _AT_ONCE):
        some = names[at : at + _AT_ONCE]
        _dump([_miner(fleet.miners[name]) for name in some], out)
        advanced(at + len(some), len(names))


def _dump(document: Any, out: TextIO) -> None:
    yaml.dump(document, out, Dumper=_Dumper, sort_keys=False, allow_unicode=True)


def _site(site: Site) -> dict[str, Any]:
    said = (("name", site.name), ("tariff_usd_per_kwh", site.tariff_usd_per_kwh))
    return {"site_id": site.site_id} | {key: value for key, value in said if value is not None}


def _miner(entry: InventoryEntry) -> dict[str, Any]:
    return dict(_said(entry))


def _said(entry: InventoryEntry) -> Iterator[tuple[str, Any]]:
    for key, value in entry.model_dump(
        mode="json", exclude_none=True, exclude={"detected"}
    ).items():
        if value == [] or (key, value) == ("priority", 0):
            continue
        yield key, _escaped(value)


def _escaped(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, list):
        return [_escaped(each) for each in value]
    return value
