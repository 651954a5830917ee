"""Who can open a box of credentials, and who cannot; where keys come from."""

import base64
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from minestream_runtime.documents import DocumentError
from minestream_runtime.errors import ConfigurationError
from minestream_runtime.inventory.reading import Wanted
from minestream_runtime.inventory.sealing import reseal, sealed_fleet
from minestream_runtime.sealing import Sealer
from minestream_runtime.settings import Settings
from minestream_schemas.inventory import Fleet, InventoryEntry, Sealed

SECRETS = {"username": "root", "password": "hünter2"}
KEY = Fernet.generate_key()


def of_before(key: bytes, secrets: dict[str, str] = SECRETS) -> Sealed:
    """A box as they were made before there were envelopes."""
    key_id = hashlib.sha256(base64.urlsafe_b64decode(key)).hexdigest()[:8]
    return Sealed(key_id=key_id, box=Fernet(key).encrypt(json.dumps(secrets).encode()).decode())


def entry(miner_id: str, sealed: Sealed | None) -> InventoryEntry:
    return InventoryEntry(miner_id=miner_id, site_id="site", address="10.0.0.1:80", sealed=sealed)


def fleet(*entries: InventoryEntry) -> Fleet:
    return Fleet({}, {each.miner_id: each for each in entries})


def test_what_is_sealed_opens_for_its_miner_and_shows_nothing() -> None:
    sealer = Sealer([KEY])
    sealed = sealer.seal(SECRETS, miner_id="m-1")
    assert sealer.open(sealed, miner_id="m-1") == SECRETS
    shown = sealed.model_dump_json().encode()
    assert not any(word.encode() in shown for word in SECRETS.values())


def test_a_box_moved_to_another_miner_does_not_open() -> None:
    sealer = Sealer([KEY])
    with pytest.raises(ConfigurationError, match="another miner"):
        sealer.open(sealer.seal(SECRETS, miner_id="m-1"), miner_id="m-2")


def test_each_box_has_a_data_key_of_its_own() -> None:
    sealer = Sealer([KEY])
    first, second = (sealer.seal(SECRETS, miner_id="m-1") for _ in range(2))
    one, two = (base64.urlsafe_b64decode(each.box.removeprefix("e1.")) for each in (first, second))
    mixed = "e1." + base64.urlsafe_b64encode(one[:60] + two[60:]).decode()
    with pytest.raises(ConfigurationError, match="do not open"):
        sealer.open(first.model_copy(update={"box": mixed}), miner_id="m-1")


@given(at=st.integers(min_value=0), mask=st.integers(min_value=1, max_value=255))
def test_a_box_with_one_changed_byte_does_not_open(at: int, mask: int) -> None:
    sealer = Sealer([KEY])
    sealed = sealer.seal(SECRETS, miner_id="m-1")
    whole = bytearray(base64.urlsafe_b64decode(sealed.box.removeprefix("e1.")))
    whole[at % len(whole)] ^= mask
    changed = "e1." + base64.urlsafe_b64encode(whole).decode()
    with pytest.raises(ConfigurationError, match="do not open"):
        sealer.open(Sealed(key_id=sealed.key_id, box=changed), miner_id="m-1")


@given(st.one_of(st.text(), st.text().map(lambda text: "e1." + text)))
def test_whatever_a_box_holds_there_is_a_plain_error(box: str) -> None:
    sealer = Sealer([KEY])
    key_id = sealer.seal({}, miner_id="m-1").key_id
    with pytest.raises(ConfigurationError, match="do not open"):
        sealer.open(Sealed(key_id=key_id, box=box), miner_id="m-1")


def test_the_wrong_key_is_told_by_its_id_and_never_shown() -> None:
    other = Fernet.generate_key()
    sealed = Sealer([other]).seal(SECRETS, miner_id="m-1")
    with pytest.raises(ConfigurationError, match=f"no key {sealed.key_id} in") as caught:
        Sealer([KEY]).open(sealed, miner_id="m-1")
    assert KEY.decode() not in str(caught.value)


def test_a_box_of_before_still_opens_and_is_not_current() -> None:
    sealer = Sealer([KEY])
    old = of_before(KEY)
    assert sealer.open(old, miner_id="m-1") == SECRETS
    assert not sealer.is_current(old)
    assert sealer.is_current(sealer.seal(SECRETS, miner_id="m-1"))


def test_resealing_renews_what_is_old_leaves_what_is_new_and_tells_what_it_cannot_open() -> None:
    new, lost = Fernet.generate_key(), Fernet.generate_key()
    sealer = Sealer([new, KEY])
    there = fleet(
        entry("m-old", of_before(KEY)),
        entry("m-rotated", Sealer([KEY]).seal(SECRETS, miner_id="m-rotated")),
        entry("m-new", sealer.seal(SECRETS, miner_id="m-new")),
        entry("m-lost", of_before(lost)),
        entry("m-moved", sealer.seal(SECRETS, miner_id="m-elsewhere")),
        entry("m-open", None),
    )
    steps: list[tuple[int, int]] = []
    made = reseal(there, sealer, advanced=lambda done, total: steps.append((done, total)))
    assert [each.miner_id for each in made.entries] == ["m-old", "m-rotated"]
    assert (made.current, sorted(made.unopened)) == (1, ["m-lost", "m-moved"])
    assert steps[-1] == (5, 5)
    only_new = Sealer([new])
    for each in made.entries:
        assert each.sealed is not None
        assert only_new.open(each.sealed, miner_id=each.miner_id) == SECRETS
    assert reseal(fleet(*made.entries), sealer).entries == []


def test_an_import_renews_a_box_of_before_that_holds_the_same() -> None:
    sealer, there = Sealer([KEY]), fleet(entry("m-1", of_before(KEY)))
    wanted = Wanted(fleet(entry("m-1", None)), {"m-1": SECRETS}, {"m-1": 3})
    box = sealed_fleet(wanted, there, sealer).miners["m-1"].sealed
    assert box is not None
    assert sealer.is_current(box)


def test_a_file_that_gives_a_miner_anothers_box_is_refused_at_its_line() -> None:
    sealer = Sealer([KEY])
    box = sealer.seal(SECRETS, miner_id="m-1")
    renamed = Wanted(fleet(entry("m-2", box)), {}, {"m-2": 7})
    with pytest.raises(DocumentError) as caught:
        sealed_fleet(renamed, fleet(entry("m-1", box)), sealer)
    [fault] = caught.value.faults
    assert (fault.line, "give `credentials`" in fault.text) == (7, True)
    own = Wanted(fleet(entry("m-1", box)), {}, {"m-1": 7})
    assert sealed_fleet(own, fleet(), sealer).miners["m-1"].sealed == box


def key_file(folder: Path, content: bytes, mode: int = 0o600) -> Path:
    file = folder / "keys"
    file.write_bytes(content)
    file.chmod(mode)
    return file


def test_keys_come_from_a_file_newest_first(tmp_path: Path) -> None:
    older = Fernet.generate_key()
    file = key_file(tmp_path, b"# of 2026\n" + KEY + b"  # new\n\n" + older + b"\n", 0o440)
    sealer = Sealer.from_settings(Settings(credentials_key_file=file))
    assert sealer is not None
    assert Sealer([KEY]).open(sealer.seal(SECRETS, miner_id="m-1"), miner_id="m-1") == SECRETS
    assert sealer.open(of_before(older), miner_id="m-1") == SECRETS


def missing(folder: Path) -> Path:
    return folder / "nothing"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda folder: key_file(folder, KEY, 0o644), r"everybody may .*0644.*chmod 600"),
        (lambda folder: key_file(folder, KEY, 0o602), "everybody may"),
        (lambda folder: key_file(folder, b"# none\n"), "holds no key"),
        (lambda folder: key_file(folder, b"short"), "32 bytes in URL-safe base64"),
        (lambda folder: folder, "directory"),
        (missing, "No such file"),
    ],
)
def test_a_file_that_is_not_fit_to_hold_keys_is_refused(
    tmp_path: Path, make: Callable[[Path], Path], said: str
) -> None:
    settings = Settings(credentials_key_file=make(tmp_path))
    with pytest.raises(ConfigurationError, match=said) as caught:
        Sealer.from_settings(settings)
    assert "MINESTREAM_CREDENTIALS_KEY_FILE" in str(caught.value)
    assert KEY.decode() not in str(caught.value)


def test_a_key_and_a_file_of_keys_are_one_too_many(tmp_path: Path) -> None:
    file = key_file(tmp_path, KEY)
    settings = Settings(credentials_key=SecretStr(KEY.decode()), credentials_key_file=file)
    with pytest.raises(ConfigurationError, match="not both"):
        Sealer.from_settings(settings)
