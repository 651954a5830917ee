import contextlib
import io
import tracemalloc
from collections.abc import Mapping
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from minestream_runtime.documents import DocumentError, Fault
from minestream_runtime.inventory.reading import Wanted, read_inventory
from minestream_runtime.inventory.sealing import sealed_fleet
from minestream_runtime.inventory.writing import write_inventory
from minestream_runtime.sealing import Sealer
from minestream_schemas.inventory import Fleet, InventoryEntry, Site


def read(text: str, **environment: str) -> Wanted:
    return read_inventory(text, environment)


def faults(text: str, environment: Mapping[str, str] | None = None) -> list[Fault]:
    with pytest.raises(DocumentError) as caught:
        read_inventory(text, environment or {})
    return caught.value.faults


GOOD = """\
defaults:
  site_id: site-a
  transport: http
  workers: [alpha]
sites:
  - {site_id: site-a, name: Alpha, tariff_usd_per_kwh: 0.05}
miners:
  - miner_id: site-a-r01-s01
    address: Miner-1.LAN:80
    slot: 1
  - miner_id: site-a-r01-s02
    address: "[fd00::2]:80"
    transport: null
    tariff_usd_per_kwh: 1
"""


def test_an_address_that_is_none_and_no_name_either_is_a_fault() -> None:
    text = "miners:\n- {miner_id: m-1, site_id: s-1, address: '10.0.0.300:80'}\n"
    with pytest.raises(DocumentError) as caught:
        read_inventory(text, {})
    assert caught.value.faults[0].line == 2
    assert "10.0.0.300 is neither an IP address nor a name" in caught.value.faults[0].text


def test_defaults_fill_in_what_an_entry_does_not_say() -> None:
    fleet = read(GOOD).fleet
    first, second = fleet.miners["site-a-r01-s01"], fleet.miners["site-a-r01-s02"]
    assert (first.site_id, first.transport, first.workers) == ("site-a", "http", ("alpha",))
    assert second.transport == "auto"  # null takes the default back
    assert second.tariff_usd_per_kwh == 1.0
    assert fleet.sites == {"site-a": Site("site-a", "Alpha", 0.05)}


def test_a_host_name_is_the_same_in_any_case() -> None:
    assert read(GOOD).fleet.miners["site-a-r01-s01"].address == "miner-1.lan:80"


def test_an_algorithm_has_one_name_however_it_is_written() -> None:
    text = GOOD.replace("slot: 1", "algorithm: SHA-256").replace(
        "tariff_usd_per_kwh: 1\n", "algorithm: x11\n"
    )
    miners = read(text).fleet.miners
    assert miners["site-a-r01-s01"].algorithm == "sha256d"
    assert miners["site-a-r01-s02"].algorithm == "x11"  # none that we know: as written


def test_every_fault_is_reported_with_its_line_and_what_is_allowed() -> None:
    text = """\
defaults:
  transport: ftp
  bogus: 1
miners:
  - miner_id: X
    site_id: site-a
    address: nothing
    rack_id: 12
    slot: -1
  - miner_id: m-2
    site_id: site-a
    transport: http
    address: 10.0.0.1:99999
    colour: red
  - site_id: site-a
"""
    found = [(fault.line, fault.text) for fault in faults(text)]
    assert [line for line, _ in found] == [2, 3, 5, 7, 8, 9, 14, 15, 15]
    told = "\n".join(text for _, text in found)
    for expected in (
        "defaults.transport: Input should be 'http', 'tcp' or 'auto'",
        "defaults: no key 'bogus'; allowed: site_id",
        "miners[0].miner_id: wanted: 3 to 63 of a-z",
        "miners[0].address: wanted: host:port",
        "miners[0].rack_id: Input should be a valid string (put it between quotes)",
        "miners[0].slot: Input should be greater than or equal to 0",
        "miners[1]: no key 'colour'; allowed: miner_id",
        "miners[2].miner_id: is missing",
        "miners[2].address: is missing: host:port",
    ):
        assert expected in told


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("", 1, "empty"),
        ("miners: [", 2, "no YAML"),
        ("miners:\n  - a: b\n c: d\n", 3, "no YAML"),
        ("a: 1\n---\nb: 2\n", 2, "no YAML"),
        ("- 1\n", 1, "keys with values"),
        ("machines: []\n", 1, "no key 'machines'; allowed: defaults, sites, miners"),
        ("miners: 5\n", 1, "a list is wanted"),
        ("miners:\n  - 5\n", 2, "keys with values"),
        ("miners: []\nminers: []\n", 2, "given twice, first in line 1"),
        ("sites:\n  - {site_id: A}\nminers: []\n", 2, "2 to 63 of a-z"),
        ("sites:\n  - {site_id: aa}\n  - {site_id: aa}\nminers: []\n", 3, "aa is given twice"),
        ("miners: &a\n  - *a\n", 1, "contains itself"),
    ],
)
def test_a_file_of_another_shape_is_refused(text: str, line: int, told: str) -> None:
    found = faults(text)
    assert any(fault.line == line and told in fault.text for fault in found), found


def entries(*lines: str) -> str:
    return "defaults: {site_id: site-a}\nminers:\n" + "".join(f"  - {line}\n" for line in lines)


def test_an_id_given_twice_is_refused_naming_the_first() -> None:
    [fault] = faults(entries("{miner_id: m-1, address: 'a:1'}", "{miner_id: m-1, address: 'a:2'}"))
    assert (fault.line, fault.text) == (4, "miners[1].miner_id: m-1 is in line 3 already")


def test_an_address_given_twice_at_a_site_is_refused_naming_its_owner() -> None:
    [fault] = faults(entries("{miner_id: m-1, address: 'a:1'}", "{miner_id: m-2, address: 'A:1'}"))
    assert fault.line == 4
    assert "a:1 at site-a is m-1's (line 3)" in fault.text


def test_two_sites_may_have_the_same_private_addresses() -> None:
    text = entries(
        "{miner_id: m-1, address: '10.0.0.1:80'}",
        "{miner_id: m-2, address: '10.0.0.1:80', site_id: site-b}",
    )
    assert len(read(text).fleet.miners) == 2


def test_a_port_over_65535_is_refused() -> None:
    for port in ("0", "65536", "99999"):
        [fault] = faults(entries(f"{{miner_id: m-1, address: 'a:{port}'}}"))
        assert "from 1 to 65535" in fault.text


def test_the_environment_fills_in_and_its_numbers_are_numbers() -> None:
    text = entries("{miner_id: m-1, address: '${HOST}:80', tariff_usd_per_kwh: $$x}").replace(
        "$$x", "0.1"
    )
    assert read(text, HOST="10.0.0.9").fleet.miners["m-1"].address == "10.0.0.9:80"
    block = "miners:\n- miner_id: m-1\n  site_id: ${S}\n  address: a:1\n  interval_s: ${I}\n"
    entry = read(block, S="site-b", I="30").fleet.miners["m-1"]
    assert (entry.site_id, entry.interval_s) == ("site-b", 30.0)


def test_a_variable_that_is_not_set_is_a_fault_with_its_line() -> None:
    [fault] = faults(entries("{miner_id: m-1, address: 'a:1', model: '${NOPE}'}"))
    assert (fault.line, fault.text) == (
        3,
        "miners[0].model: environment variable NOPE is not set",
    )


def test_two_dollars_are_one_and_an_open_brace_is_a_fault() -> None:
    text = entries("{miner_id: m-1, address: 'a:1', model: 'a$$b $c'}")
    assert read(text).fleet.miners["m-1"].model == "a$b $c"
    [fault] = faults(entries("{miner_id: m-1, address: 'a:1', model: 'a${b'}"))
    assert "is not closed" in fault.text


def test_what_a_variable_holds_is_not_read_again() -> None:
    text = entries("{miner_id: m-1, address: 'a:1', credentials: {password: '${P}'}}")
    assert read(text, P="${P}$$").credentials == {"m-1": {"password": "${P}$$"}}


def test_a_password_is_text_whatever_it_looks_like() -> None:
    text = "miners:\n- miner_id: m-1\n  site_id: ss\n  address: a:1\n  credentials:\n"
    wanted = read(text + "    password: ${P}\n", P="0123")
    assert wanted.credentials == {"m-1": {"password": "0123"}}


def test_no_fault_ever_shows_a_credential() -> None:
    secret = "hunter2-hunter2"  # noqa: S105 - not a real one
    text = entries(
        f"{{miner_id: m-1, address: 'a:1', credentials: {{pasword: '{secret}'}}}}",
        f"{{miner_id: m-2, address: 'a:2', credentials: '{secret}'}}",
        f"{{miner_id: m-3, address: 'a:3', sealed: '{secret}'}}",
        f"{{miner_id: M 4, address: 'a:4', credentials: {{password: '{secret}'}}}}",
    )
    found = faults(text)
    assert len(found) == 4
    assert all(secret not in fault.text for fault in found)
    assert "allowed: username, password" in found[0].text


def test_a_control_character_is_a_fault() -> None:
    [fault] = faults(entries('{miner_id: m-1, address: "a:1", model: "x\\0y"}'))
    assert "control characters" in fault.text


def test_deep_nesting_is_a_fault_and_not_a_crash() -> None:
    deep = "[" * 50 + "]" * 50
    found = faults(entries(f"{{miner_id: m-1, address: 'a:1', workers: {deep}}}"))
    assert any("nested too deeply" in fault.text for fault in found)


@given(st.text(max_size=200))
def test_any_text_is_an_inventory_or_has_faults(text: str) -> None:
    with contextlib.suppress(DocumentError):
        assert read_inventory(text, {}).fleet.miners == {}


_PRINTABLE = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1)
_ENTRY = st.builds(
    InventoryEntry,
    miner_id=st.from_regex(r"[a-z0-9][a-z0-9-]{2,20}", fullmatch=True),
    site_id=st.from_regex(r"[a-z0-9][a-z0-9-]{1,10}", fullmatch=True),
    rack_id=st.none() | st.from_regex(r"[a-z0-9][a-z0-9-]{1,10}", fullmatch=True),
    slot=st.none() | st.integers(0, 1000),
    address=st.from_regex(r"[a-z0-9.-]{0,19}[a-z]:[1-9][0-9]{0,3}", fullmatch=True),
    transport=st.sampled_from(["http", "tcp", "auto"]),
    dialect=st.none() | _PRINTABLE,
    model=st.none() | _PRINTABLE,
    algorithm=st.none(),
    workers=st.lists(_PRINTABLE, max_size=3).map(tuple),
    tariff_usd_per_kwh=st.none() | st.floats(0, 10),
    interval_s=st.none() | st.floats(1, 100),
    sealed=st.none(),
)


@given(
    st.lists(_ENTRY, max_size=5, unique_by=(lambda e: e.miner_id, lambda e: (e.site_id, e.address)))
)
def test_what_is_written_reads_back_the_same(entries: list[InventoryEntry]) -> None:
    fleet = Fleet(
        {entry.site_id: Site(entry.site_id) for entry in entries},
        {entry.miner_id: entry for entry in entries},
    )
    out = io.StringIO()
    write_inventory(fleet, out)
    assert read(out.getvalue()).fleet == fleet


def test_a_large_fleet_is_written_piece_by_piece(tmp_path: Path) -> None:
    miners = [
        InventoryEntry(miner_id=f"site-{number}", site_id="site", address=f"h{number}.local:80")
        for number in range(2500)
    ]
    fleet = Fleet({"site": Site("site")}, {entry.miner_id: entry for entry in miners})
    peaks = []
    for few in (Fleet({}, dict(list(fleet.miners.items())[:500])), fleet):
        with (tmp_path / "fleet.yaml").open("w", encoding="utf-8") as out:
            tracemalloc.start()
            write_inventory(few, out)
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    assert peaks[1] < 2 * peaks[0]
    assert read((tmp_path / "fleet.yaml").read_text(encoding="utf-8")).fleet == fleet


def test_credentials_without_a_key_are_refused_at_their_line() -> None:
    text = entries("{miner_id: m-1, address: 'a:1', credentials: {password: x}}")
    with pytest.raises(DocumentError) as caught:
        sealed_fleet(read(text), Fleet({}, {}), None)
    [fault] = caught.value.faults
    assert fault.line == 3
    assert "MINESTREAM_CREDENTIALS_KEY" in fault.text


def test_a_box_that_holds_the_same_stands_and_another_is_made_anew() -> None:
    text = entries("{miner_id: m-1, address: 'a:1', credentials: {password: x}}")
    old, new = Fernet.generate_key(), Fernet.generate_key()
    first = sealed_fleet(read(text), Fleet({}, {}), Sealer([old]))
    assert sealed_fleet(read(text), first, Sealer([old])) == first
    changed = sealed_fleet(read(text.replace("x}", "y}")), first, Sealer([old]))
    assert changed.miners["m-1"].sealed != first.miners["m-1"].sealed
    rotated = sealed_fleet(read(text), first, Sealer([new, old])).miners["m-1"].sealed
    assert rotated is not None
    assert Sealer([new]).open(rotated, miner_id="m-1") == {"password": "x"}
