"""The fleet as an inventory file that can be imported again."""

from collections.abc import Iterator
from typing import Any, TextIO

import yaml

from minestream_schemas.inventory import Fleet, InventoryEntry, Site

try:
    from yaml import CSafeDumper as _Dumper
except ImportError:  # a platform for which PyYAML has no wheel with libyaml
    from yaml import SafeDumper as _Dumper  # type: ignore[assignment]


def write_inventory(fleet: Fleet, out: TextIO) -> None:
    """Write sites and miners; credentials only as the sealed boxes that they are.

    Args:
        fleet: what to write.
        out: gains YAML.
    """
    document = {
        "sites": [_site(site) for _, site in sorted(fleet.sites.items())],
        "miners": [_miner(entry) for _, entry in sorted(fleet.miners.items())],
    }
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
