"""``minestream parse`` tells a person what a recording says, or why it says nothing."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from minestream_dialects.command import parse
from minestream_dialects.recorded import endpoint_of

ENDPOINTS = ("info", "summary", "status", "perf-summary", "chips")


def run(*arguments: str | Path) -> Result:
    app = typer.Typer()
    app.command()(parse)
    return CliRunner().invoke(app, [str(each) for each in arguments], env={"COLUMNS": "400"})


@pytest.fixture
def l9(payloads: Path) -> list[Path]:
    return [
        payloads / f"l9_1.2.7_{part}_assembled.json"
        for part in ("info", "summary", "perf_summary", "chips")
    ]


def test_it_prints_the_reading_in_our_names(payloads: Path) -> None:
    names = ("info", "summary", "perf_summary")
    done = run("--dialect", "auto", *(payloads / f"s21pro_1.2.7_{name}.json" for name in names))
    assert done.exit_code == 0, done.stderr
    reading = json.loads(done.stdout)
    assert reading["hashrate_hs"] == pytest.approx(173.87094e12)
    assert reading["dialect"] == "vnish-1.2"
    assert reading["preset"] == "2800"
    assert reading["quality_flags"] == []
    assert reading["ambient_temp_c"] is None
    assert "chips" not in reading


def test_chips_are_printed_when_asked_for(l9: list[Path]) -> None:
    done = run("--chips", *l9)
    assert [len(board["grade"]) for board in json.loads(done.stdout)["chips"]] == [110, 110, 110]


def test_the_same_files_print_the_same(l9: list[Path]) -> None:
    assert run(*l9).stdout == run(*l9).stdout


def test_the_dialect_can_be_ordered(l9: list[Path]) -> None:
    reading = json.loads(run("--dialect", "vnish-1.3", *l9[:2]).stdout)
    assert (reading["dialect"], reading["evidence"]["dialect"]) == ("vnish-1.3", "raw.dialect")


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("summary.json", "<html>", "no reading: summary: no JSON"),
        ("summary.json", "", "no reading: summary: empty"),
        ("summary.json", '{"miner": {"hr_real', "no reading: summary: no JSON"),
        ("summary.json", '{"SUMMARY": []}', "no reading: nothing in it that vnish-1.3, vnish-1.2"),
        ("info.json", "{}", "no reading: nothing in it that"),
        ("shares.bin", "{}", "its name ends in no endpoint; known: boards, "),
        ("summary.json", " " * (1024 * 1024 + 1), "larger than any body may be"),
    ],
)
def test_an_unusable_file_ends_with_1_and_the_reason(
    tmp_path: Path, *, name: str, content: str, reason: str
) -> None:
    (tmp_path / name).write_text(content)
    done = run(tmp_path / name)
    assert done.exit_code == 1
    assert reason in done.stderr
    assert done.stdout == ""


def test_bytes_that_are_no_text_end_with_1_and_the_reason(tmp_path: Path) -> None:
    (tmp_path / "summary.json").write_bytes(bytes(range(256)))
    done = run(tmp_path / "summary.json")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "summary: no JSON" in done.stderr


def test_info_alone_is_no_reading(l9: list[Path]) -> None:
    done = run(l9[0])
    assert done.exit_code == 1
    assert "no summary among the files" in done.stderr


def test_the_recording_of_any_dialect_is_read(payloads: Path) -> None:
    names = ("v3_get_miner_status_summary", "v3_get_device_info", "v3_get_miner_status_pools")
    done = run(*(payloads.parent / "whatsminer" / f"{name}.json" for name in names))
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["hashrate_hs"] == pytest.approx(171.259e12)


def test_the_recording_of_an_older_antminers_page_is_read(payloads: Path) -> None:
    names = ("s9_web_get_miner_status_assembled", "s9_web_get_system_info_assembled")
    done = run(*(payloads.parent / "cgminer" / f"{name}.json" for name in names))
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["hashrate_hs"] == pytest.approx(13582.67e9)


def test_a_recording_without_the_numbers_of_its_dialect_names_what_it_lacks(payloads: Path) -> None:
    done = run(payloads.parent / "whatsminer" / "v3_get_device_info.json")
    assert done.exit_code == 1
    assert "no get.miner.status:summary among the files" in done.stderr


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    done = run(tmp_path / "summary.json")
    assert done.exit_code == 1
    assert f"{tmp_path / 'summary.json'}: No such file or directory" in done.stderr


def test_an_unknown_dialect_is_answered_with_the_known_ones(l9: list[Path]) -> None:
    done = run("--dialect", "antbox", *l9)
    assert done.exit_code == 1
    assert "no dialect 'antbox'; there are: auto, " in done.stderr
    assert "vnish, " in done.stderr


def test_two_files_for_one_endpoint_are_refused(l9: list[Path], payloads: Path) -> None:
    done = run(l9[1], payloads / "s21pro_1.2.7_summary.json")
    assert done.exit_code == 1
    assert "a second file for summary" in done.stderr


@pytest.mark.parametrize(
    ("name", "endpoint"),
    [
        ("summary.json", "summary"),
        ("s21pro_1.2.7_summary.json", "summary"),
        ("s21pro_1.2.7_perf_summary.json", "perf-summary"),
        ("perf-summary.json", "perf-summary"),
        ("s19kpro_1.3.3_summary_stopped.json", "summary"),
        ("Rack1 INFO.txt", "info"),
        ("status-of-chips.json", "chips"),
        ("information.json", None),
        ("stats.bin", None),
        ("notes", None),
    ],
)
def test_a_files_name_tells_its_endpoint(name: str, endpoint: str | None) -> None:
    assert endpoint_of(Path(name), ENDPOINTS) == endpoint
