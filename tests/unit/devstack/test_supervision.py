"""The supervisor's configuration: whole, quoted, and without a secret."""

import configparser
from pathlib import Path

from minestream_devstack.home import Home
from minestream_devstack.services import SERVICES, Program, service_program
from minestream_devstack.supervision import configuration, endings


def parsed(home: Home, *programs: Program) -> configparser.RawConfigParser:
    found = configparser.RawConfigParser()
    found.read_string(configuration(home, programs))
    return found


def test_every_program_restarts_and_rotates_its_log(tmp_path: Path) -> None:
    home = Home(tmp_path)
    found = parsed(home, Program("kafka", ("java", "-version")))["program:kafka"]
    assert found["autorestart"] == "true"
    assert found["autostart"] == "false"
    assert (found["stdout_logfile_maxbytes"], found["stdout_logfile_backups"]) == ("100MB", "5")
    assert found["stdout_logfile"] == str(home.log("kafka"))


def test_no_variable_of_a_program_stands_in_the_configuration(tmp_path: Path) -> None:
    secret = Program("sink", ("python",), {"MINESTREAM_DATABASE_URL": "postgresql://u:secret@h/d"})
    assert "secret" not in configuration(Home(tmp_path), [secret])


def test_a_changed_variable_changes_the_program(tmp_path: Path) -> None:
    home = Home(tmp_path)
    one = configuration(home, [Program("sink", ("python",), {"A": "1"})])
    assert one == configuration(home, [Program("sink", ("python",), {"A": "1"})])
    assert one != configuration(home, [Program("sink", ("python",), {"A": "2"})])


def test_a_percent_sign_in_the_folder_survives(tmp_path: Path) -> None:
    home = Home(tmp_path / "100% mine")
    found = parsed(home, Program("kafka", ("java",)))["program:kafka"]
    assert "100%% mine" in found["command"]
    assert "100%% mine" in found["stdout_logfile"]


def test_a_deep_folder_gets_a_socket_path_that_the_system_can_hold(tmp_path: Path) -> None:
    home = Home(tmp_path / ("deep" * 40))
    home.create()
    assert len(str(home.socket)) <= 100
    assert home.socket != Home(tmp_path / ("else" * 40)).socket


def test_each_service_gets_its_port_and_a_state_folder_of_its_own(tmp_path: Path) -> None:
    programs = [
        service_program(service, port=service.port, shared={"A": "b"}, state=tmp_path)
        for service in SERVICES
    ]
    folders = {program.environment["MINESTREAM_STATE_DIR"] for program in programs}
    assert len(folders) == len(SERVICES)
    assert all(Path(folder).is_dir() for folder in folders)
    for service, program in zip(SERVICES, programs, strict=True):
        assert program.environment[service.port_variable] == str(service.port)
        assert program.environment["A"] == "b"
        assert program.command[1:] == ("-m", service.module)
    assert len({service.port for service in SERVICES}) == len(SERVICES)


def test_how_a_program_last_ended_is_read_from_the_supervisors_log() -> None:
    log = """
2026-11-21 17:00:01,1 INFO spawned: 'sink' with pid 7
2026-11-21 17:00:01,2 WARN exited: sink (exit status 70; not expected)
2026-11-21 17:00:02,3 WARN exited: sink (exit status 78; not expected)
2026-11-21 17:00:02,4 INFO gave up: sink entered FATAL state, too many start retries too quickly
2026-11-21 17:00:03,5 WARN exited: api-gateway (terminated by SIGSEGV (core dumped); not expected)
2026-11-21 17:00:03,6 INFO exited: kafka (exit status 0; expected)
"""
    assert endings(log) == {
        "sink": "exit status 78",
        "api-gateway": "terminated by SIGSEGV (core dumped)",
        "kafka": "exit status 0",
    }
