"""The one file of an edge site: what it may say, and where it is wrong."""

from pathlib import Path
from typing import Self

import pytest
from pydantic import model_validator

from minestream_runtime.collecting.collector import CollectorSettings
from minestream_runtime.documents import DocumentError, Fault
from minestream_runtime.edge.config import FOUR_GIB, WEEK_S, Edge, read_edge
from minestream_runtime.edge.running import available, collectors_of, settings_of

KEY = "hsc_" + "k" * 40
PLAIN = """\
site: farm-texas
gateway: https://minestream.example.com
key: ${KEY}
inventory: fleet.yaml
"""
FLEET = """\
miners:
  - {miner_id: texas-1, address: "10.0.0.1:80"}
"""


def edge(folder: Path, text: str, fleet: str = FLEET) -> Edge:
    (folder / "edge.yaml").write_text(text)
    (folder / "fleet.yaml").write_text(fleet)
    return read_edge(folder / "edge.yaml", {"KEY": KEY})


def faults(folder: Path, text: str, fleet: str = FLEET) -> list[str]:
    def checked() -> None:
        site = edge(folder, text, fleet)
        collectors_of(site)
        site.read_inventory({})

    with pytest.raises(DocumentError) as caught:
        checked()
    return [f"{fault.line}: {fault.text}" for fault in caught.value.faults]


def test_four_lines_are_enough(tmp_path: Path) -> None:
    site = edge(tmp_path, PLAIN)
    assert site.key.get_secret_value() == KEY
    assert KEY not in repr(site)
    assert (site.file.spool.most_bytes, site.file.spool.most_age_s) == (FOUR_GIB, WEEK_S)
    assert {each.name for each in collectors_of(site)} == {"collector-vnish", "collector-cgminer"}
    settings = collectors_of(site)[0].settings
    assert (settings.instance, settings.spool_bytes, settings.spool_age_s) == (
        "farm-texas",
        4 * 2**30,
        7 * 86_400,
    )
    assert settings.state_dir == tmp_path / ".minestream" / "edge"
    [entry] = site.read_inventory({}).fleet.miners.values()
    assert entry.site_id == "farm-texas", "the file's miners are the site's"


def test_the_miners_may_be_in_the_same_file_and_the_key_in_another(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{KEY}\n")
    text = PLAIN.replace("key: ${KEY}", "key_file: key").replace("inventory: fleet.yaml\n", FLEET)
    site = edge(tmp_path, "defaults: {interval_s: 30}\n" + text)
    assert site.key.get_secret_value() == KEY
    [entry] = site.read_inventory({}).fleet.miners.values()
    assert entry.interval_s == 30


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (PLAIN.replace("site: farm-texas", "site: Farm 1"), "1: site: "),
        (PLAIN.replace("https", "http"), "1: the file: "),
        (PLAIN.replace(".com", ".com/api"), "2: gateway: https://host[:port] is wanted"),
        (PLAIN.replace("${KEY}", "secret-word"), "3: key: a collector key is wanted"),
        (PLAIN.replace("${KEY}", "${NO_KEY}"), "environment variable NO_KEY is not set"),
        (PLAIN + "key_file: key\n", "one of key and key_file is wanted"),
        (PLAIN.replace("key: ${KEY}", "key_file: nowhere"), "3: key_file: "),
        (PLAIN.replace("fleet.yaml", "none.yaml"), "4: inventory: there is no file none.yaml"),
        (PLAIN + FLEET, "one of inventory (a file) and miners (a list) is wanted"),
        (PLAIN + "spol: {}\n", "5: spol: no such key; did you mean spool?"),
        (PLAIN + "collectors: [antminer]\n", "5: collectors: no 'antminer'; allowed: cgminer"),
        (PLAIN + "poll: {interval_s: 3}\n", "5: poll.interval_s: at least 10 s"),
        (PLAIN + "poll:\n  allowed_networks: x\n  interval_s: 3\n", "7: poll.interval_s: "),
        (PLAIN + "poll:\n  allowed_networks: x\n  interval_s: 3\n", "6: poll.allowed_networks: "),
        (PLAIN + "upload:\n  linger_s: 1\n  most_items: 0\n", "7: upload.most_items: "),
        (PLAIN + "log_level: loud\n", "5: log_level: Input should be 'debug', 'info'"),
    ],
)
def test_a_fault_names_its_line_and_what_is_allowed(tmp_path: Path, text: str, said: str) -> None:
    told = "\n".join(faults(tmp_path, text))
    assert said in told
    assert "secret-word" not in told


def test_a_list_of_another_sites_miners_is_refused(tmp_path: Path) -> None:
    fleet = FLEET.replace("miner_id", "site_id: ohio, miner_id")
    [fault] = faults(tmp_path, PLAIN, fleet)
    assert fault.startswith("2: ")
    assert "farm-texas alone" in fault


def test_plain_http_is_for_this_machine_or_on_request(tmp_path: Path) -> None:
    edge(tmp_path, PLAIN.replace("https://minestream.example.com", "http://127.0.0.1:8480"))
    edge(tmp_path, PLAIN.replace("https", "http") + "plain_http: true\n")


def test_collectors_are_found_by_their_entry_points() -> None:
    assert {"vnish", "cgminer"} <= available().keys()


class Torn(CollectorSettings):
    """A collector's settings that are wrong together, while each of them is right."""

    @model_validator(mode="after")
    def _together(self) -> Self:
        raise ValueError("either all chips or none")


def test_what_is_wrong_with_settings_together_is_told_as_a_fault(tmp_path: Path) -> None:
    with pytest.raises(DocumentError) as caught:
        settings_of(edge(tmp_path, PLAIN), Torn)
    assert caught.value.faults == [Fault(1, "either all chips or none")]
