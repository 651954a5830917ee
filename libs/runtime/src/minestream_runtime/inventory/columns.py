"""Which column of a table is which field: proposed from its name, confirmed by people."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

IGNORED: Final = "-"
"""What a column maps to that is passed over on purpose."""

FIELDS: Final = (
    "miner_id",
    "site_id",
    "rack_id",
    "row",
    "slot",
    "address",
    "port",
    "transport",
    "dialect",
    "model",
    "algorithm",
    "workers",
    "tariff_usd_per_kwh",
    "interval_s",
    "priority",
    "username",
    "password",
)

_PLAIN: Final[Mapping[str, tuple[str, ...]]] = {
    "miner_id": ("name", "id", "miner", "miner name", "hostname", "label", "machine"),
    "site_id": ("site", "farm", "facility", "location", "building"),
    "rack_id": ("rack", "rack name", "shelf", "container"),
    "row": ("row", "level"),
    "slot": ("position", "index", "unit", "place"),
    "address": ("ip", "ip address", "host", "miner ip", "host port"),
    "port": ("api port",),
    "model": ("type", "miner type", "hardware", "machine type", "miner model"),
    "algorithm": ("algo",),
    "workers": ("worker", "worker name", "pool worker", "worker names"),
    "tariff_usd_per_kwh": ("tariff", "power price", "electricity price", "power cost"),
    "interval_s": ("interval", "poll interval", "polling interval seconds"),
    "username": ("user", "login"),
    "password": ("pass",),
}


@dataclass(frozen=True, slots=True)
class Layout:
    """How one program names the columns of its export.

    Args:
        name: the program, for people.
        marks: columns that only its exports have; two of them tell it.
        fields: its own names, by field; the plain ones count too.
    """

    name: str
    marks: frozenset[str]
    fields: Mapping[str, tuple[str, ...]]


PLAIN: Final = Layout("a table", frozenset(), {})
LAYOUTS: Final = (
    Layout(
        "a Foreman-like export",
        frozenset({"miner type", "site map group", "pickaxe", "mac", "subclient", "api ip"}),
        {
            "address": ("api ip",),
            "site_id": ("pickaxe", "subclient", "client"),
            "rack_id": ("site map rack",),
            "row": ("site map row",),
            "slot": ("site map index",),
            "workers": ("pool 1 worker", "active pool worker"),
        },
    ),
    Layout(
        "an Awesome-Miner-like export",
        frozenset({"miner group", "group", "description", "engine", "managed host", "pool group"}),
        {
            "rack_id": ("miner group", "group"),
            "address": ("managed host",),
            "model": ("engine",),
            "workers": ("worker",),
        },
    ),
)
_LEAST_MARKS: Final = 2


@dataclass(frozen=True, slots=True)
class Mapped:
    """A table's columns as fields.

    Args:
        layout: whose export it looks like.
        fields: the field of each column; None: nothing that we know.
    """

    layout: str
    fields: tuple[str | None, ...]

    @property
    def known(self) -> frozenset[str]:
        """The fields that the table speaks of."""
        return frozenset(name for name in self.fields if name not in {None, IGNORED})


class MappingError(ValueError):
    """Columns that cannot be what they are said to be; the text says what is allowed."""


def plain(name: str) -> str:
    """``Miner_IP`` and ``miner ip`` are one name."""
    return re.sub(r"[^a-z0-9]+", " ", name.casefold()).strip()


def propose(
    header: Sequence[str], given: Mapping[str, str], *, site_id: str | None = None
) -> Mapped:
    """Say which column is which field.

    Args:
        header: the columns' names, as they stand.
        given: what the operator says, field (or ``-``) by column; comes before what we think.
        site_id: what the operator says is the site of all; a column that only may name sites
            (``Location``, ``Pickaxe``) is then passed over, one that is called ``site_id`` not.

    Raises:
        MappingError: an unknown column or field, one field from two columns, or no address.
    """
    columns = [plain(name) for name in header]
    told = _told(columns, given)
    layout = _layout(columns)
    fields: list[str | None] = []
    for column in columns:
        field = told.get(column) or _field(column, layout)
        if field == "site_id" and site_id and column not in {*told, plain(field)}:
            field = IGNORED
        taken = column not in told and (field in fields or field in told.values())
        fields.append(None if taken and field != IGNORED else field)
    _check(header, fields)
    return Mapped(layout.name, tuple(fields))


def _told(columns: Sequence[str], given: Mapping[str, str]) -> dict[str, str]:
    told = {}
    for name, field in given.items():
        if plain(name) not in columns:
            raise MappingError(f"there is no column {name!r}; there are: {', '.join(columns)}")
        if field not in (*FIELDS, IGNORED):
            raise MappingError(f"no field {field!r}; allowed: {', '.join(FIELDS)}, {IGNORED}")
        told[plain(name)] = field
    return told


def _layout(columns: Iterable[str]) -> Layout:
    best = max(LAYOUTS, key=lambda layout: len(layout.marks.intersection(columns)))
    return best if len(best.marks.intersection(columns)) >= _LEAST_MARKS else PLAIN


def _field(column: str, layout: Layout) -> str | None:
    for field in FIELDS:
        names = (plain(field), *layout.fields.get(field, ()), *_PLAIN.get(field, ()))
        if column in names:
            return field
    return None


def _check(header: Sequence[str], fields: Sequence[str | None]) -> None:
    for field in FIELDS:
        if fields.count(field) > 1:
            twice = [name for name, of in zip(header, fields, strict=True) if of == field]
            raise MappingError(f"{field} stands in two columns: {', '.join(twice)}")
    if "address" not in fields:
        raise MappingError(
            f"no column is an address; say which: --map COLUMN=address ({', '.join(header)})"
        )
