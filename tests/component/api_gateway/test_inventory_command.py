import asyncio
import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cryptography.fernet import Fernet
from psycopg.types.json import Jsonb
from tests.component.api_gateway.conftest import inventory_on
from tests.component.api_gateway.test_detections import found

from api_gateway.settings import GatewaySettings
from minestream_runtime.sealing import Sealer
from minestream_schemas.inventory import INVENTORY, Sealed

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(
    environment: dict[str, str],
    credentials_key: str,
    inventory_command: Callable[..., list[str]],
) -> Run:
    given = {
        **os.environ,
        **environment,
        "MINESTREAM_CREDENTIALS_KEY": credentials_key,
        "MINER_PASSWORD": "hunter2",
    }

    def start(*words: object, **changed: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            inventory_command(*words),
            env={k: v for k, v in (given | changed).items() if v},
            capture_output=True,
            text=True,
            timeout=60,
            stdin=subprocess.DEVNULL,
            check=False,
        )

    return start


def rows(database_url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(database_url) as connection:
        return connection.execute(query.encode()).fetchall()


async def test_an_import_brings_the_file_onto_the_topic(
    run: Run,
    fleet_file: Path,
    on_kafka: GatewaySettings,
    credentials_key: str,
    make_topics: Any,
) -> None:
    await make_topics(INVENTORY)
    done = await asyncio.to_thread(run, "import", fleet_file)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "3 added, 0 changed, 0 removed, 0 unchanged\n"
    assert "published" in done.stderr
    assert "hunter2" not in done.stdout + done.stderr
    found = dict(await inventory_on(on_kafka, 3))
    assert found["site-a-1"] == {
        "miner_id": "site-a-1",
        "site_id": "site-a",
        "rack_id": "site-a-r1",
        "slot": 1,
        "address": "127.0.0.1:8001",
        "transport": "http",
        "workers": ["a", "b"],
        "priority": 0,
    }
    assert found["site-a-2"]["algorithm"] == "scrypt"
    box = Sealed(**found["site-a-3"]["sealed"])
    assert Sealer([credentials_key.encode()]).open(box, miner_id="site-a-3") == {
        "password": "hunter2"
    }


async def test_a_second_import_changes_and_sends_nothing(
    run: Run, fleet_file: Path, database_url: str, make_topics: Any
) -> None:
    await make_topics(INVENTORY)
    await asyncio.to_thread(run, "import", fleet_file)
    before = rows(database_url, "SELECT * FROM fleet.miner ORDER BY miner_id")
    again = await asyncio.to_thread(run, "import", fleet_file)
    assert again.stdout == "0 added, 0 changed, 0 removed, 3 unchanged\n"
    assert again.stderr == ""
    assert rows(database_url, "SELECT * FROM fleet.miner ORDER BY miner_id") == before
    assert rows(database_url, "SELECT count(*) FROM fleet.outbox") == [(3,)]


async def test_pruning_leaves_tombstones_and_no_trace(
    run: Run, fleet_file: Path, on_kafka: GatewaySettings, database_url: str, make_topics: Any
) -> None:
    await make_topics(INVENTORY)
    await asyncio.to_thread(run, "import", fleet_file)
    small = fleet_file.with_name("small.yaml")
    small.write_text("miners:\n- {miner_id: site-b-9, site_id: site-b, address: '127.0.0.1:9'}\n")
    kept = await asyncio.to_thread(run, "import", small)
    assert kept.stdout == "1 added, 0 changed, 0 removed, 0 unchanged\n"
    pruned = await asyncio.to_thread(run, "import", small, "--prune")
    assert pruned.stdout == "0 added, 0 changed, 3 removed, 1 unchanged\n"
    found = await inventory_on(on_kafka, 7)
    assert sorted(key for key, value in found if value is None) == [
        "site-a-1",
        "site-a-2",
        "site-a-3",
    ]
    assert dict(found)["site-b-9"] is not None
    assert rows(database_url, "SELECT miner_id FROM fleet.miner") == [("site-b-9",)]
    assert rows(database_url, "SELECT site_id FROM fleet.site") == [("site-b",)]
    assert rows(database_url, "SELECT * FROM fleet.rack") == []


def test_a_dry_run_says_what_would_change_and_writes_nothing(
    run: Run, fleet_file: Path, database_url: str
) -> None:
    done = run("import", fleet_file, "--dry-run", "--prune")
    assert done.returncode == 0
    assert "would be 3 added" in done.stdout
    assert rows(database_url, "SELECT * FROM fleet.miner") == []
    assert rows(database_url, "SELECT * FROM fleet.outbox") == []


def test_one_fault_among_many_entries_and_nothing_is_written(
    run: Run, fleet_file: Path, database_url: str
) -> None:
    fleet_file.write_text(fleet_file.read_text() + "    colour: red\n")
    done = run("import", fleet_file)
    assert done.returncode == 1
    assert f"{fleet_file}:11: miners[2]: no key 'colour'; allowed: miner_id" in done.stderr
    assert "1 fault; nothing was written" in done.stderr
    assert rows(database_url, "SELECT * FROM fleet.miner") == []


def test_an_empty_file_prunes_the_whole_fleet_only_when_told_twice(
    run: Run, fleet_file: Path, database_url: str
) -> None:
    run("import", fleet_file, MINESTREAM_KAFKA_BOOTSTRAP="127.0.0.1:1")
    fleet_file.write_text("miners: []\n")
    refused = run("import", fleet_file, "--prune")
    assert refused.returncode == 2
    assert "add --yes" in refused.stderr
    assert rows(database_url, "SELECT count(*) FROM fleet.miner") == [(3,)]
    run("import", fleet_file, "--prune", "--yes", MINESTREAM_KAFKA_BOOTSTRAP="127.0.0.1:1")
    assert rows(database_url, "SELECT count(*) FROM fleet.miner") == [(0,)]


def test_an_address_of_a_miner_that_the_file_does_not_list_is_a_fault(
    run: Run, fleet_file: Path
) -> None:
    run("import", fleet_file, MINESTREAM_KAFKA_BOOTSTRAP="127.0.0.1:1")
    fleet_file.write_text(
        "miners:\n- {miner_id: new-1, site_id: site-a, address: '127.0.0.1:8001'}\n"
    )
    done = run("import", fleet_file)
    assert done.returncode == 1
    assert ":2: new-1: its address 127.0.0.1:8001 belongs to site-a-1" in done.stderr


def test_two_miners_may_swap_their_addresses(run: Run, fleet_file: Path, database_url: str) -> None:
    away = {"MINESTREAM_KAFKA_BOOTSTRAP": "127.0.0.1:1"}
    run("import", fleet_file, **away)
    text = fleet_file.read_text()
    text = text.replace("8001", "x").replace("8002", "8001").replace("x", "8002")
    fleet_file.write_text(text)
    assert run("import", fleet_file, **away).stdout.startswith("0 added, 2 changed")
    query = "SELECT miner_id, address, revision FROM fleet.miner ORDER BY miner_id LIMIT 2"
    assert rows(database_url, query) == [
        ("site-a-1", "127.0.0.1:8002", 2),
        ("site-a-2", "127.0.0.1:8001", 2),
    ]


async def test_with_kafka_away_the_rows_wait_and_are_sent_later(
    run: Run, fleet_file: Path, on_kafka: GatewaySettings, make_topics: Any
) -> None:
    done = await asyncio.to_thread(
        run, "import", fleet_file, MINESTREAM_KAFKA_BOOTSTRAP="127.0.0.1:1"
    )
    assert done.returncode == 0
    [told] = [line for line in done.stderr.splitlines() if "in the outbox" in line]
    assert told.startswith("3 events wait in the outbox (no Kafka at 127.0.0.1:1")
    assert told.endswith("; the gateway sends them as soon as it can"), "nothing is folded"
    await make_topics(INVENTORY)
    later = await asyncio.to_thread(run, "publish")
    assert "published" in later.stderr, later
    assert len(dict(await inventory_on(on_kafka, 6))) == 3


def test_without_the_topic_the_command_says_so(run: Run, fleet_file: Path) -> None:
    done = run("import", fleet_file)
    assert "there is no topic" in done.stderr.replace("\n", " ")


def test_export_and_import_are_each_others_inverse(
    run: Run, fleet_file: Path, database_url: str
) -> None:
    away = {"MINESTREAM_KAFKA_BOOTSTRAP": "127.0.0.1:1"}
    run("import", fleet_file, **away)
    before = rows(database_url, "SELECT miner_id, sealed, revision FROM fleet.miner ORDER BY 1")
    out = fleet_file.with_name("out.yaml")
    assert run("export", out).returncode == 0
    assert "hunter2" not in out.read_text()
    again = run("import", out, "--prune", MINESTREAM_CREDENTIALS_KEY="", **away)
    assert again.stdout == "0 added, 0 changed, 0 removed, 3 unchanged\n", again.stderr
    after = rows(database_url, "SELECT miner_id, sealed, revision FROM fleet.miner ORDER BY 1")
    assert after == before
    assert run("export").stdout == out.read_text()


def test_one_site_goes_round_and_leaves_the_others_alone(
    run: Run, fleet_file: Path, database_url: str
) -> None:
    away = {"MINESTREAM_KAFKA_BOOTSTRAP": "127.0.0.1:1"}
    text = fleet_file.read_text()
    listed = text.index("miners:") + len("miners:")
    other = "{miner_id: b-1, site_id: site-b, address: '127.0.0.1:8001'}"
    indent = text[listed : text.index("-", listed)]
    fleet_file.write_text(f"{text[:listed]}{indent}- {other}{text[listed:]}")
    run("import", fleet_file, **away)
    before = rows(database_url, "SELECT * FROM fleet.miner ORDER BY miner_id")
    out = fleet_file.with_name("site-b.yaml")
    done = run("export", out, "--site", "site-b")
    assert "1 miners written" in done.stderr, done.stderr
    assert "site-a" not in out.read_text()
    again = run("import", out, "--site", "site-b", "--prune", **away)
    assert again.stdout == "0 added, 0 changed, 0 removed, 1 unchanged\n", again.stderr
    assert rows(database_url, "SELECT * FROM fleet.miner ORDER BY miner_id") == before
    unknown = run("export", "--site", "site-c")
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert "no site 'site-c' in the fleet; there are: site-a, site-b" in unknown.stderr


def test_the_list_shows_every_miner_and_no_box(run: Run, fleet_file: Path) -> None:
    run("import", fleet_file, MINESTREAM_KAFKA_BOOTSTRAP="127.0.0.1:1")
    shown = run("list")
    assert "127.0.0.1:8002" in shown.stdout
    assert "3 miners" in shown.stderr
    lines = [json.loads(line) for line in run("list", "--json").stdout.splitlines()]
    assert [line["has_credentials"] for line in lines] == [False, False, True]
    assert all("sealed" not in line for line in lines)
    assert run("list", "--site", "site-z").stdout.count("site-a-") == 0


def test_credentials_without_a_key_are_refused(
    run: Run, fleet_file: Path, database_url: str
) -> None:
    done = run("import", fleet_file, MINESTREAM_CREDENTIALS_KEY="")
    assert done.returncode == 1
    assert ":7: credentials (of 1) and no MINESTREAM_CREDENTIALS_KEY is set" in done.stderr
    assert rows(database_url, "SELECT * FROM fleet.miner") == []


@pytest.mark.parametrize(
    ("changed", "told", "code"),
    [
        ({"MINESTREAM_DATABASE_URL": "postgresql://127.0.0.1:1/x"}, "Connection refused", 1),
        ({"MINESTREAM_OUTBOX_POLL_S": "never"}, "MINESTREAM_OUTBOX_POLL_S", 2),
        ({"MINESTREAM_CREDENTIALS_KEY": "short"}, "32 bytes in URL-safe base64", 2),
    ],
)
def test_a_wrong_surrounding_is_told_in_one_line(
    run: Run, fleet_file: Path, changed: dict[str, str], told: str, code: int
) -> None:
    done = run("import", fleet_file, **changed)
    assert done.returncode == code
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_a_spreadsheets_own_format_is_refused_with_what_to_save_it_as(
    run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "fleet.xlsx"
    file.write_bytes(b"PK\x03\x04\x14\0\x06\0")
    done = run("import", file)
    assert done.returncode == 1
    assert "fleet.xlsx:1: a spreadsheet's own format; save it as CSV in UTF-8" in done.stderr


def test_a_table_goes_round_and_keeps_the_credentials(
    run: Run, fleet_file: Path, database_url: str, tmp_path: Path
) -> None:
    run("import", fleet_file)
    before = rows(database_url, "SELECT * FROM fleet.miner ORDER BY miner_id")
    table = tmp_path / "fleet.csv"
    assert run("export", table).returncode == 0
    unasked = run("import", table)
    assert unasked.returncode == 2
    assert "add --yes if these columns are right" in unasked.stderr
    done = run("import", table, "--yes")
    assert done.stdout == "0 added, 0 changed, 0 removed, 3 unchanged\n", done.stderr
    assert rows(database_url, "SELECT * FROM fleet.miner ORDER BY miner_id") == before
    table.write_text("IP,Miner\n127.0.0.1:8009,site-a-3\n127.0.0.1:8010,new-one\n")
    wrong = run("import", table, "--yes", "--map", "Miner=miner", "--site", "site-a")
    assert (wrong.returncode, wrong.stderr.count("no field 'miner'; allowed: miner_id")) == (1, 1)
    done = run("import", table, "--yes", "--site", "site-a")
    assert done.stdout == "1 added, 1 changed, 0 removed, 0 unchanged\n", done.stderr
    sealed = "SELECT address, sealed IS NOT NULL FROM fleet.miner WHERE miner_id = 'site-a-3'"
    assert rows(database_url, sealed) == [("127.0.0.1:8009", True)]


def test_a_table_is_shown_as_it_stands_and_without_its_secrets(run: Run, tmp_path: Path) -> None:
    table = tmp_path / "[odd].csv"
    table.write_text("IP,Name,API token,Password\n127.0.0.1,[/b]x,geheim-1,geheim-2\n")
    shown = run("import", table)
    assert shown.returncode == 2
    assert "add --yes" in shown.stderr
    assert "[odd].csv: a table, 1 rows" in shown.stderr
    assert "[/b]x" in shown.stderr
    assert "geheim" not in shown.stderr + shown.stdout
    wrong = run("import", table, "--map", "Name")
    assert "--map Name: COLUMN=FIELD is wanted" in wrong.stderr


def test_boxes_are_sealed_anew_with_the_newest_key_once(
    run: Run, fleet_file: Path, database_url: str, credentials_key: str
) -> None:
    away = {"MINESTREAM_KAFKA_BOOTSTRAP": "127.0.0.1:1"}
    box = "SELECT sealed FROM fleet.miner WHERE miner_id = 'site-a-3'"
    run("import", fleet_file, **away)
    newer = Fernet.generate_key().decode()
    both = away | {"MINESTREAM_CREDENTIALS_KEY": f"{newer},{credentials_key}"}
    done = run("reseal", **both)
    assert done.stdout == "1 sealed anew, 0 were already, 0 do not open\n", done.stderr
    assert "wait in the outbox" in done.stderr, "the collectors are told"
    sealed = Sealed(**rows(database_url, box)[0][0])
    opened = Sealer([newer.encode()]).open(sealed, miner_id="site-a-3")
    assert opened == {"password": "hunter2"}
    again = run("reseal", **both)
    assert again.stdout == "0 sealed anew, 1 were already, 0 do not open\n", again.stderr
    assert again.stderr == ""
    lost = run("reseal", **away)
    assert (lost.returncode, lost.stdout.split(", ")[2]) == (1, "1 do not open\n")
    assert f"site-a-3: no key {sealed.key_id} in MINESTREAM_CREDENTIALS_KEY" in lost.stderr
    assert Sealed(**rows(database_url, box)[0][0]) == sealed
    assert "hunter2" not in "".join(each.stdout + each.stderr for each in (done, again, lost))


def test_an_import_says_whom_no_collector_will_ask_and_takes_them(
    run: Run, fleet_file: Path, database_url: str
) -> None:
    narrow = {
        "MINESTREAM_ALLOWED_NETWORKS": "10.0.0.0/8",
        "MINESTREAM_KAFKA_BOOTSTRAP": "127.0.0.1:1",
    }
    done = run("import", fleet_file, **narrow)
    assert done.stdout.startswith("3 added"), done.stderr
    assert "outside of MINESTREAM_ALLOWED_NETWORKS" in done.stderr
    assert "site-a-1 (127.0.0.1)" in done.stderr
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "UPDATE fleet.miner SET detected = %s, dialect = NULL WHERE miner_id = 'site-a-1'",
            [Jsonb(json.loads(found("site-a-1").to_json()))],
        )
    assert re.search(r"site-a-1 .*antminer \(found\)", run("list").stdout)
