"""An inventory file as the fleet that its operator wants, or every fault that it has."""

import gc
import json
from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from typing import Any, Final

from pydantic import Field, ValidationError
from yaml.nodes import Node

from minestream_runtime.devices.addresses import is_mistyped
from minestream_runtime.documents import (
    WHOLE,
    DocumentError,
    Fault,
    Place,
    Values,
    is_null,
    items,
    line_of,
    pairs,
    parse,
)
from minestream_runtime.inventory.advance import Advanced, unshown
from minestream_schemas.event import Model
from minestream_schemas.ids import SiteId
from minestream_schemas.inventory import INVENTORY, Fleet, InventoryEntry, Site
from minestream_schemas.units import Algorithm, algorithm_named

_ENTRY_KEYS: Final = (
    *(name for name in InventoryEntry.model_fields if name != "detected"),
    "credentials",
)
_DEFAULT_KEYS: Final = tuple(
    key for key in _ENTRY_KEYS if key not in {"miner_id", "address", "slot", "sealed"}
)
_SITE_KEYS: Final = tuple(field.name for field in fields(Site))
_CREDENTIAL_KEYS: Final = ("username", "password")
_TOP_KEYS: Final = ("defaults", "sites", "miners")
_SLUG: Final = "of a-z, 0-9 and -, beginning with a letter or digit"
ALLOWED: Final = {
    "miner_id": f"3 to 63 {_SLUG}",
    "site_id": f"2 to 63 {_SLUG}",
    "rack_id": f"2 to 63 {_SLUG}",
    "address": "host:port, such as 10.0.0.12:80 or [fd00::12]:80",
}
"""Of a field what it may be, for people: a pattern tells them nothing."""
_ALWAYS: Final = frozenset({"miner_id", "site_id", "address"})
"""An explicit null of these is a fault; of others it is a default taken back."""
_HIGHEST_PORT: Final = 65535
_HIGHEST_SLOT: Final = 2**31 - 1

Keys = dict[str, Place]


class _SiteEntry(Model):
    site_id: SiteId
    name: str | None = None
    tariff_usd_per_kwh: float | None = Field(default=None, ge=0)


@dataclass(slots=True)
class Wanted:
    """The fleet that a file describes.

    Args:
        fleet: its sites (those it lists) and miners, sealed boxes where it gave such.
        credentials: in the clear, by miner id; to be sealed before anything else happens.
        lines: where each miner stands in the file.
    """

    fleet: Fleet
    credentials: dict[str, dict[str, str]] = field(default_factory=dict, repr=False)
    lines: dict[str, int] = field(default_factory=dict)


def read_inventory(
    text: str,
    environment: Mapping[str, str],
    *,
    site_id: str | None = None,
    beside: Iterable[str] = (),
    advanced: Advanced = unshown,
) -> Wanted:
    """Read an inventory file, strictly.

    Args:
        text: YAML: ``defaults``, ``sites`` (both optional) and ``miners``.
        environment: fills in ``${NAME}``.
        site_id: the one site whose miners these may be, also where they do not say so.
        beside: further keys that the file has, for others to read.
        advanced: told how many miners of how many have been read.

    Raises:
        DocumentError: with all faults there are.
    """
    with _uncollected():
        return _Reading(environment, advanced, site_id, beside).read(text)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without garbage collection: a large file is millions of nodes, all of them in use.

    Walking them again and again took 16 of the 18 s of composing 100,000 miners.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class _Reading:
    """One pass over one file; gathers faults and goes on."""

    def __init__(
        self,
        environment: Mapping[str, str],
        advanced: Advanced,
        site_id: str | None = None,
        beside: Iterable[str] = (),
    ) -> None:
        self._advanced = advanced
        self._site_id = site_id
        self._top_keys = (*_TOP_KEYS, *beside)
        self._faults: list[Fault] = []
        self._read = Values(environment, self._faults)
        self._credentials: dict[str, dict[str, str]] = {}
        self._lines: dict[str, int] = {}
        self._addresses: dict[tuple[str, str], str] = {}

    def read(self, text: str) -> Wanted:
        top = self._known(pairs(parse(text), WHOLE, self._faults), self._top_keys, WHOLE)
        if "miners" not in top:
            self._faults.append(Fault(1, "`miners:` is missing: a list of entries is wanted"))
        sites = self._sites(top)
        defaults: Keys = {}
        if "defaults" in top and not is_null(top["defaults"].node):
            found = pairs(top["defaults"].node, "defaults", self._faults)
            defaults = self._known(found, _DEFAULT_KEYS, "defaults")
        nodes = list(items(top["miners"].node, "miners", self._faults)) if "miners" in top else []
        miners: dict[str, InventoryEntry] = {}
        for number, node in enumerate(nodes):
            entry = self._entry(number, node, defaults)
            if entry is not None:
                miners[entry.miner_id] = entry
            self._advanced(number + 1, len(nodes))
        if self._faults:
            raise DocumentError(sorted(set(self._faults)))
        return Wanted(Fleet(sites, miners), self._credentials, self._lines)

    def _known(self, found: Keys, allowed: Iterable[str], what: str) -> Keys:
        for key in found.keys() - set(allowed):
            text = f"{what}: no key {key!r}; allowed: {', '.join(allowed)}"
            self._faults.append(Fault(found[key].line, text))
        return {key: found[key] for key in allowed if key in found}

    def _sites(self, top: Keys) -> dict[str, Site]:
        sites: dict[str, Site] = {}
        nodes = items(top["sites"].node, "sites", self._faults) if "sites" in top else ()
        for number, node in enumerate(nodes):
            what = f"sites[{number}]"
            keys = self._known(pairs(node, what, self._faults), _SITE_KEYS, what)
            try:
                entry = _SiteEntry.model_validate_json(json.dumps(self._values(keys)))
            except ValidationError as exc:
                self._explain(exc, keys, what, line_of(node))
                continue
            if entry.site_id in sites:
                self._fault(keys["site_id"], f"{entry.site_id} is given twice")
            sites[entry.site_id] = Site(**dict(entry))
        return sites

    def _entry(self, number: int, node: Node, defaults: Keys) -> InventoryEntry | None:
        what, line, before = f"miners[{number}]", line_of(node), len(self._faults)
        own = self._known(pairs(node, what, self._faults), _ENTRY_KEYS, what)
        if not own and len(self._faults) > before:
            return None
        keys: Keys = dict(ChainMap(own, defaults))
        if "sealed" in own:
            keys.pop("credentials", None)
            if "credentials" in own:
                self._fault(own["credentials"], "either credentials or sealed, not both")
        values = self._values(keys)
        if self._site_id is not None:
            values.setdefault("site_id", self._site_id)
        credentials = values.pop("credentials", None)
        try:
            entry = InventoryEntry.model_validate_json(json.dumps(values))
        except ValidationError as exc:
            self._explain(exc, keys, what, line)
            return None
        if len(self._faults) > before:
            return None
        entry = self._placed(entry, keys, what, line)
        if credentials is not None:
            self._credentials[entry.miner_id] = credentials
        return entry

    def _placed(self, entry: InventoryEntry, keys: Keys, what: str, line: int) -> InventoryEntry:
        known = algorithm_named(entry.algorithm)
        algorithm = entry.algorithm if known is Algorithm.UNKNOWN else known.value
        entry = entry.model_copy(update={"address": entry.address.lower(), "algorithm": algorithm})
        place = (entry.site_id, entry.address)
        if self._site_id is not None and entry.site_id != self._site_id:
            self._fault(keys["site_id"], f"this is a file of {self._site_id} alone")
        host = entry.address.rpartition(":")[0].removeprefix("[").removesuffix("]")
        if is_mistyped(host):
            self._fault(keys["address"], f"{host} is neither an IP address nor a name")
        if not 1 <= int(entry.address.rpartition(":")[2]) <= _HIGHEST_PORT:
            self._fault(keys["address"], f"a port from 1 to {_HIGHEST_PORT} is wanted")
        if entry.slot is not None and entry.slot > _HIGHEST_SLOT:
            self._fault(keys["slot"], f"at most {_HIGHEST_SLOT}")
        if entry.miner_id in self._lines:
            first = self._lines[entry.miner_id]
            self._fault(keys["miner_id"], f"{entry.miner_id} is in line {first} already")
        elif place in self._addresses:
            other = self._addresses[place]
            owner = f"{other}'s (line {self._lines[other]})"
            self._fault(keys["address"], f"{entry.address} at {entry.site_id} is {owner}")
        if len(entry.to_json()) > INVENTORY.max_message_bytes // 2:
            self._faults.append(Fault(line, f"{what}: too large for one event"))
        self._lines.setdefault(entry.miner_id, line)
        self._addresses.setdefault(place, entry.miner_id)
        return entry

    def _secrets(self, place: Place) -> dict[str, str] | None:
        if is_null(place.node):
            return None
        before, allowed = len(self._faults), ", ".join(_CREDENTIAL_KEYS)
        found = self._read.texts(place.node, place.path)
        if not found and len(self._faults) == before:
            self._fault(place, f"at least one is wanted: {allowed}")
        for key in found.keys() - set(_CREDENTIAL_KEYS):
            self._fault(place, f"no key {key!r}; allowed: {allowed}")
        return found

    def _values(self, keys: Keys) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key, place in keys.items():
            if key == "credentials":
                value: Any = self._secrets(place)
            else:
                value = self._read.value(place.node, place.path)
            if value is not None or key in _ALWAYS:
                values[key] = value
        return values

    def _explain(self, exc: ValidationError, keys: Keys, what: str, line: int) -> None:
        for fault in exc.errors(include_input=False, include_url=False):
            key = str(fault["loc"][0]) if fault["loc"] else ""
            inner = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in fault["loc"][1:])
            if fault["type"] == "missing" and key not in keys:
                self._faults.append(Fault(line, f"{what}.{key}: is missing: {ALLOWED[key]}"))
                continue
            said = fault["msg"]
            if fault["type"] == "string_pattern_mismatch":
                said = f"wanted: {ALLOWED[key]}"
            elif fault["type"] == "string_type":
                said += " (put it between quotes)"
            self._faults.append(Fault(keys[key].line, f"{keys[key].path}{inner}: {said}"))

    def _fault(self, place: Place, text: str) -> None:
        self._faults.append(Fault(place.line, f"{place.path}: {text}"))
