"""One stack's folder."""

import os
import re
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from minestream_devstack.adopting import lead
from minestream_devstack.home import Home
from minestream_devstack.stack import Wish
from minestream_devstack.supervision import Supervisor
from minestream_runtime.errors import ConfigurationError
from minestream_runtime.sealing import Sealer
from minestream_runtime.settings import Settings


def test_identity_and_key_are_made_once_and_stay(tmp_path: Path) -> None:
    home = Home(tmp_path / ".minestream")
    assert home.id is None
    home.create()
    before = (home.id, home.credentials_key)
    home.create()
    assert (home.id, home.credentials_key) == before


def test_secrets_are_for_their_owner_alone(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.create()
    home.export({"MINESTREAM_DATABASE_URL": "postgresql://u:p@h/d"})
    for name in ("credentials.key", "exports.json"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    assert home.exports == {"MINESTREAM_DATABASE_URL": "postgresql://u:p@h/d"}


def test_the_key_is_one_that_seals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Home(tmp_path)
    home.create()
    monkeypatch.setenv("MINESTREAM_CREDENTIALS_KEY", home.credentials_key)
    assert Sealer.from_settings(Settings.load()) is not None


def test_a_key_of_the_operators_own_takes_the_place_of_the_homes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = {"MINESTREAM_CREDENTIALS_KEY_FILE": "/etc/keys"}
    assert Wish.told({}).keys == {}
    assert Wish.told(file).keys == file
    home = Home(tmp_path)
    home.create()
    home.export({"MINESTREAM_CREDENTIALS_KEY": "the home's", "MINESTREAM_KAFKA_BOOTSTRAP": "x:1"})
    monkeypatch.setattr(Supervisor, "alive", True)
    environ = dict(file)
    lead(environ, home)
    assert environ == file | {"MINESTREAM_KAFKA_BOOTSTRAP": "x:1"}
    unkeyed: dict[str, str] = {}
    lead(unkeyed, home)
    assert unkeyed == home.exports


def test_two_cannot_change_one_stack_at_once(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with home.changing(), pytest.raises(ConfigurationError, match="another `minestream`"):
        home.changing().__enter__()


def test_whoever_comes_second_hears_which_process_was_first(tmp_path: Path) -> None:
    home, me = Home(tmp_path / "{mine}"), re.escape(f"(pid {os.getpid()})")
    for lock, first in ((home.changing, "another `minestream`"), (home.demonstrating, "a demo")):
        with lock(), pytest.raises(ConfigurationError, match=f"{first} {me}"):
            lock().__enter__()
        with lock():
            pass


def test_of_many_who_make_a_home_at_once_all_have_the_same_one(tmp_path: Path) -> None:
    def make(home: Home, together: threading.Barrier) -> tuple[str | None, str]:
        together.wait(10)
        home.create()
        return home.id, home.credentials_key

    with ThreadPoolExecutor(4) as makers:
        for number in range(20):
            home, together = Home(tmp_path / str(number)), threading.Barrier(4)
            made = list(makers.map(make, [home] * 4, [together] * 4))
            assert len(set(made)) == 1
            assert not list(home.folder.glob(".id*")), "nothing half made is left"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_a_clear_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(ConfigurationError, match="no permission to write"):
        Home(tmp_path / ".minestream").create()


def test_the_environment_chooses_the_folder(tmp_path: Path) -> None:
    assert Home.here({"MINESTREAM_HOME": str(tmp_path)}).folder == tmp_path
    assert Home.here({}).folder == Path.cwd() / ".minestream"
