"""A fleet as a table: rows of CSV to entries, and back."""

import csv
import io
import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TextIO

from pydantic import ValidationError

from minestream_runtime.devices.addresses import is_mistyped, split
from minestream_runtime.documents import DocumentError, Fault
from minestream_runtime.inventory.advance import Advanced, unshown
from minestream_runtime.inventory.columns import Mapped, propose
from minestream_runtime.inventory.reading import ALLOWED, Wanted
from minestream_schemas.ids import slug
from minestream_schemas.inventory import Fleet, InventoryEntry
from minestream_schemas.units import Algorithm, algorithm_named

WRITTEN: Final = tuple(
    name for name in InventoryEntry.model_fields if name not in {"detected", "sealed"}
)
_DELIMITERS: Final = ",;\t|"
_NUMBERS: Final = {"slot": int, "priority": int, "tariff_usd_per_kwh": float, "interval_s": float}
_PORTS: Final = {"http": 80, "auto": 80, "tcp": 4028}
_TCP_PORTS: Final = frozenset({4028, 4433})
_MAY_BE_EMPTY: Final = frozenset(
    {"rack_id", "slot", "dialect", "model", "algorithm", "workers"}
    | {"tariff_usd_per_kwh", "interval_s", "priority"}
)
"""Fields that an empty cell takes back; an empty password changes none."""
_CREDENTIALS: Final = ("username", "password")
_HOST_PORT: Final = re.compile(r"(?P<host>\[[0-9a-fA-F:]+\]|[^:]+):(?P<port>\d+)")
_GROUPED: Final = re.compile(r"[+-]?[1-9]\d{0,2}(?:,\d{3})+")
"""``1,800``: 1800 to some and 1.8 to others."""
_FORMULA: Final = re.compile(r"['\s]*[=+@\uff1d\uff0b\uff20\uff0d-]")
"""What a spreadsheet would compute (or run, in the end) in place of showing it."""
_MOST_ROWS: Final = 200_000
_ARCHIVE: Final = b"PK\x03\x04"
"""How XLSX and ODS begin."""
_SAVE_AS: Final = "save it as CSV in UTF-8 (Excel: `CSV UTF-8`)"


@dataclass(frozen=True, slots=True)
class Table:
    """A table that has been read, not yet understood.

    Args:
        header: its columns' names.
        rows: its cells, each row as long as the header.
        lines: where each row begins, from 1.
        mapped: which column is which field.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]
    mapped: Mapped

    def samples(self) -> Iterator[tuple[str, str | None, str]]:
        """Each column: its name, its field, and its first value."""
        for number, (name, of) in enumerate(zip(self.header, self.mapped.fields, strict=True)):
            yield name, of, next((row[number] for row in self.rows if row[number]), "")


def text_of(body: bytes) -> str:
    """The text of a table's file: UTF-8, or UTF-16 that says so, as spreadsheets save it.

    Raises:
        DocumentError: it is in neither; what to save it as.
    """
    if body.startswith(_ARCHIVE):
        raise DocumentError([Fault(1, f"a spreadsheet's own format; {_SAVE_AS}")])
    encoding = "utf-16" if body.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8"
    try:
        text = body.decode(encoding)
    except UnicodeDecodeError as exc:
        line = 1 + body.count(b"\n", 0, exc.start)
        said = f"no {encoding.upper()} at byte {exc.start}; {_SAVE_AS}"
        raise DocumentError([Fault(line, said)]) from exc
    if "\0" in text:
        line = 1 + text.count("\n", 0, text.index("\0"))
        raise DocumentError([Fault(line, f"a zero byte in the text; {_SAVE_AS}")])
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_table(text: str, given: Mapping[str, str], *, site_id: str | None = None) -> Table:
    """Read CSV with a header; comma, semicolon, tab or bar between cells.

    Args:
        text: all of it.
        given: the field of each column that the operator names.
        site_id: the site of all its rows, if the operator names it; see ``propose``.

    Raises:
        DocumentError: it is no table, or has too many rows.
        MappingError: see ``propose``.
    """
    text = text.removeprefix("\ufeff")
    first = next((line for line in text.splitlines() if line.strip()), "")
    if not first:
        raise DocumentError([Fault(1, "the file is empty")])
    delimiter = max(_DELIMITERS, key=first.count)
    told = ("sep=", "")  # a line for Excel, above the header
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, skipinitialspace=True)
    rows: list[tuple[str, ...]] = []
    lines: list[int] = []
    faults: list[Fault] = []
    header: tuple[str, ...] = ()
    line = 1
    try:
        for cells in reader:
            begins, line = line, reader.line_num + 1
            stripped = tuple(cell.strip() for cell in cells)
            if not any(stripped) or (not header and stripped == told):
                continue
            if not header:
                header = stripped
            elif len(stripped) != len(header):
                said = f"{len(stripped)} cells, and the header has {len(header)}"
                faults.append(Fault(begins, said))
            else:
                rows.append(stripped)
                lines.append(begins)
            if len(rows) > _MOST_ROWS:
                raise DocumentError([Fault(begins, f"over {_MOST_ROWS} rows")])
    except csv.Error as exc:
        raise DocumentError([Fault(line, f"no CSV: {exc}")]) from exc
    if faults:
        raise DocumentError(faults)
    return Table(header, tuple(rows), tuple(lines), propose(header, given, site_id=site_id))


@dataclass(slots=True)
class _Reading:
    table: Table
    there: Fleet
    site_id: str | None
    faults: list[Fault] = field(default_factory=list)
    wanted: dict[str, InventoryEntry] = field(default_factory=dict)
    credentials: dict[str, dict[str, str]] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)


def wanted_of(
    table: Table,
    there: Fleet,
    *,
    site_id: str | None,
    advanced: Advanced = unshown,
) -> Wanted:
    """The fleet that a table describes.

    A table changes only what its columns speak of: of a miner that is there, everything else
    (its credentials, above all) stays as it is.

    Args:
        table: read.
        there: the fleet as it is.
        site_id: of rows that name no site.
        advanced: told how many rows of how many have been read.

    Raises:
        DocumentError: with all faults there are.
    """
    reading = _Reading(table, there, site_id)
    for number, (cells, line) in enumerate(zip(table.rows, table.lines, strict=True), start=1):
        said = {
            name: cell if name in _CREDENTIALS else _unquoted(cell)
            for name, cell in zip(table.mapped.fields, cells, strict=True)
            if name is not None and cell
        }
        try:
            _take(reading, said, line)
        except ValueError as exc:
            reading.faults.append(Fault(line, str(exc)))
        advanced(number, len(table.rows))
    if reading.faults:
        raise DocumentError(sorted(set(reading.faults)))
    return Wanted(Fleet({}, reading.wanted), reading.credentials, reading.lines)


def _take(reading: _Reading, said: dict[str, str], line: int) -> None:
    site = slug(said["site_id"]) if "site_id" in said else reading.site_id
    if site is None:
        raise ValueError("site_id: no column says it; give --site SITE")
    if "address" not in said:
        raise ValueError("address: is missing")
    host, port, transport = _where(said)
    miner_id = slug(said.get("miner_id", f"{site}-{host}"))
    known = reading.there.miners.get(miner_id)
    if port is None:
        port = _usual_port(transport, known if transport == "auto" else None)
    place = {"miner_id": miner_id, "site_id": site, "address": f"{host}:{port}"}
    values = _values(said, site) | place | {"transport": transport}
    if known is not None:
        spoken = reading.table.mapped.known | place.keys()
        spoken |= {"rack_id"} if "row" in spoken else set()
        fields = InventoryEntry.model_fields
        cleared = {name: fields[name].default for name in spoken & _MAY_BE_EMPTY}
        told = {name: value for name, value in values.items() if name in spoken}
        values = dict(known) | cleared | told
    try:
        entry = InventoryEntry.model_validate(values)
    except ValidationError as exc:
        first = exc.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"]))
        pattern = first["type"] == "string_pattern_mismatch" and key in ALLOWED
        text = f"wanted: {ALLOWED[key]}" if pattern else first["msg"]
        raise ValueError(f"{key}: {text}") from None
    if is_mistyped(where := split(entry.address)[0]):
        raise ValueError(f"address: {where} is neither an IP address nor a name")
    if entry.miner_id in reading.lines:
        raise ValueError(f"{entry.miner_id} is in line {reading.lines[entry.miner_id]} already")
    reading.lines[entry.miner_id] = line
    reading.wanted[entry.miner_id] = entry
    secrets: dict[str, str] = {name: said[name] for name in _CREDENTIALS if name in said}
    if secrets:
        reading.credentials[entry.miner_id] = secrets


def _values(said: Mapping[str, str], site: str) -> dict[str, Any]:
    """A row's cells as an entry's fields, but for who and where it is.

    Raises:
        ValueError: what is wrong with which.
    """
    rack = " ".join(said[name] for name in ("rack_id", "row") if name in said)
    values: dict[str, Any] = {"rack_id": _within(site, rack) if rack else None}
    for name in ("dialect", "model"):
        values[name] = said.get(name)
    if "algorithm" in said:
        known = algorithm_named(said["algorithm"])
        values["algorithm"] = said["algorithm"] if known is Algorithm.UNKNOWN else known.value
    if "workers" in said:
        values["workers"] = tuple(filter(None, re.split(r"[\s,;]+", said["workers"])))
    for name, kind in _NUMBERS.items():
        if name in said:
            values[name] = _number(name, said[name], kind)
    return values


def _within(site: str, rack: str) -> str:
    """Racks are named after their site: two sites have a rack 1 each.

    Raises:
        ValueError: nothing of its name is left.
    """
    made = slug(f"{site} {rack}")
    own = made.removeprefix(f"{site}-")
    if own == made:
        raise ValueError(f"rack_id: {rack!r}: a letter (a to z) or a digit is wanted")
    return own if own.startswith(f"{site}-") else made


def _usual_port(transport: str, known: InventoryEntry | None) -> int:
    """Of a miner that is there its own, else that of its transport."""
    return _PORTS.get(transport, 80) if known is None else split(known.address)[1]


def _where(said: Mapping[str, str]) -> tuple[str, int | None, str]:
    """Host, port (None: not said) and transport."""
    address = re.sub(r"^[a-z+]+://", "", said["address"].casefold()).rstrip("/")
    found = _HOST_PORT.fullmatch(address)
    host = found["host"] if found else address
    if not found and host.count(":") > 1 and not host.startswith("["):
        host = f"[{host}]"
    transport = said.get("transport", "auto").casefold()
    port = int(_number("port", found["port"], int)) if found else None
    if "port" in said:
        port = int(_number("port", said["port"], int))
    if port in _TCP_PORTS and "transport" not in said:
        transport = "tcp"
    if port is not None and not 0 < port <= 65_535:  # noqa: PLR2004 - TCP's highest
        raise ValueError("port: 1 to 65535 is wanted")
    return host, port, transport


def _number(name: str, text: str, kind: type[int] | type[float]) -> float:
    if _GROUPED.fullmatch(text):
        plain = text.replace(",", "")
        raise ValueError(f"{name}: {text!r} may be two numbers; write {plain} or one with a dot")
    try:
        return kind(text.replace(",", ".") if kind is float else text)
    except ValueError:
        raise ValueError(f"{name}: a number is wanted, not {text[:40]!r}") from None


def write_table(fleet: Fleet, out: TextIO, *, advanced: Advanced = unshown) -> None:
    """Write the miners as CSV that can be imported again; credentials are left out.

    What a miner calls its model may be a formula: an apostrophe before it makes a text of it in
    every spreadsheet, and is taken off again by who reads it here.

    Args:
        fleet: what to write.
        out: gains a header and a line per miner.
        advanced: told how many miners of how many have been written.
    """
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(WRITTEN)
    for number, (_, entry) in enumerate(sorted(fleet.miners.items()), start=1):
        writer.writerow([_cell(getattr(entry, name)) for name in WRITTEN])
        advanced(number, len(fleet.miners))


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, Sequence):
        text = value if isinstance(value, str) else " ".join(map(str, value))
        return f"'{text}" if _FORMULA.match(text) else text
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


def _unquoted(cell: str) -> str:
    """A cell without the apostrophe that made a text of it."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
