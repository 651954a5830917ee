"""The benchmarks' runner: one that fails is named and stops nobody."""

import contextlib
import json
import signal
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.bench import runner
from tests.bench.runner import Outcome, Result, merged, parsed, run, source, subjects

FIGURE = {"name": "ratio to bare", "value": 0.7, "unit": "ratio", "goal": ">= 0.6", "met": True}
GOOD = json.dumps({"subject": "good", "figures": [FIGURE], "detail": {"rounds": 3}})
NOW: dict[str, Any] = {
    "commit": "b" * 40, "dirty": False, "at": "2026-11-21T18:00:00+00:00", "quick": False,
    "machine": {"cores": 2}, "versions": {"python": "3.11.7"},
}  # fmt: skip


def result() -> Result:
    return parsed("good", f"progress\n{GOOD}\n")


def test_the_last_line_is_the_result() -> None:
    assert result().figures[0].value == 0.7
    assert result().detail == {"rounds": 3}


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ("", "said nothing"),
        ("done", "its last line is no result"),
        (GOOD + "\nbye", "its last line is no result"),
        (GOOD.replace("0.7", "NaN"), "figures.0.value"),
        (GOOD.replace('"unit": "ratio", ', ""), r"figures\.0\.unit"),
        (GOOD.replace('"good"', '"other"'), "it speaks of 'other'"),
    ],
)
def test_what_is_no_result_is_refused_with_the_reason(said: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        parsed("good", said)


def bench(folder: Path, name: str, text: str) -> Path:
    file = folder / f"bench_{name}.py"
    file.write_text(text)
    return file


def test_a_benchmark_runs_as_a_program_of_its_own(tmp_path: Path) -> None:
    file = bench(tmp_path, "good", f"import sys\nassert '--quick' in sys.argv\nprint({GOOD!r})")
    assert run("good", file, quick=True, longest_s=30).result == result()
    assert run("good", file, quick=False, longest_s=30).fault == "ended with code 1"


def test_one_that_hangs_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    text = (
        "import pathlib, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"pathlib.Path({str(pid)!r}).write_text(str(child.pid))\n"
        "try:\n    time.sleep(60)\n"
        f"except KeyboardInterrupt:\n    pathlib.Path({str(pid.with_name('told'))!r}).touch()\n"
    )
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a shell's background job has it
    try:
        outcome = run("slow", bench(tmp_path, "slow", text), quick=False, longest_s=1.5)
    finally:
        signal.signal(signal.SIGINT, before)
    assert outcome.fault == "not within 2 s"
    assert pid.with_name("told").exists(), "it had no chance to end what it started"
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(int(pid.read_text())).wait(10)


def test_one_that_fails_stops_nobody_and_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bench(tmp_path, "bad", "raise SystemExit(3)")
    bench(tmp_path, "good", f"print({GOOD!r})")
    monkeypatch.setattr(runner, "subjects", lambda: subjects(tmp_path))
    out = tmp_path / "report.json"
    assert runner.main(["--out", str(out)]) == 1
    told = capsys.readouterr().out
    assert "ended with code 3" in told
    assert "ratio to bare" in told
    report = json.loads(out.read_text())
    assert report["subjects"]["bad"]["fault"] == "ended with code 3"
    assert report["subjects"]["good"]["figures"] == [FIGURE]
    assert report["machine"]["cores"] >= 1
    assert report["versions"]["postgresql"].startswith("18")
    assert runner.main(["good", "--out", str(out)]) == 0
    assert set(json.loads(out.read_text())["subjects"]) == {"bad", "good"}


def test_a_name_that_is_none_is_refused_with_those_that_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        runner.main(["nosuch"])
    assert "no nosuch; there are: " in capsys.readouterr().err


def test_what_was_not_run_keeps_its_figures_and_its_commit() -> None:
    first = merged({}, [Outcome("good", 1.0, result()), Outcome("other", 1.0, fault="x")], NOW)
    later = NOW | {"commit": "c" * 40}
    second = merged(first, [Outcome("good", 2.0, result())], later)
    assert second["subjects"]["good"]["commit"] == "c" * 40
    assert second["subjects"]["other"] == first["subjects"]["other"]


@pytest.mark.parametrize("key", ["machine", "versions"])
def test_figures_of_another_machine_or_other_versions_are_not_mixed_in(key: str) -> None:
    first = merged({}, [Outcome("other", 1.0, result())], NOW)
    assert merged(first, [], NOW | {key: {"another": 1}})["subjects"] == {}


def test_the_commit_is_told() -> None:
    assert len(source()["commit"]) in {7, 40}  # "unknown" outside a clone


def test_every_benchmark_here_has_a_subject_and_says_what_it_asks() -> None:
    found = subjects()
    assert found
    for path in found.values():
        first = path.read_text().partition('"""')[2].partition("\n")[0]
        assert "?" in first, path
