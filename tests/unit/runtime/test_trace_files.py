"""Spans in files: written by services, found again by trace, whatever else lies there."""

import json
import os
from pathlib import Path
from typing import Any

import structlog
from opentelemetry.sdk.trace.export import SpanExportResult

from minestream_runtime import traces
from minestream_runtime.clock import SystemClock, new_event_id
from minestream_runtime.settings import Settings
from minestream_runtime.traces import files as trace_files
from minestream_runtime.traces.files import FileExporter, spans_of


def _line(trace_id: str, number: int = 1, **fields: Any) -> str:
    said: dict[str, Any] = {
        "trace_id": trace_id,
        "span_id": f"{number:016x}",
        "parent_id": None,
        "name": "poll miner",
        "service": "svc",
        "began_ns": 1_700_000_000_000_000_000 + number * 1000,
        "ended_ns": 1_700_000_000_000_500_000 + number * 1000,
        "error": None,
        "attributes": {},
        "links": [],
    }
    return json.dumps(said | fields) + "\n"


def test_a_trace_is_found_whole_over_the_files_of_all_services(tmp_path: Path) -> None:
    event_id = new_event_id(SystemClock().now())
    headers: traces.Headers = ()
    for service in ("collector", "processor"):
        with traces.configured(service, Settings(trace_folder=tmp_path, trace_ratio=1)):
            if not headers:
                with traces.root("poll miner", event_id) as span:
                    headers = traces.headers_of(span)
                with traces.root("poll miner", new_event_id(SystemClock().now())):
                    pass
            else:
                with traces.child("process", traces.sampled(dict(headers))):
                    pass
    poll, process = spans_of(tmp_path, event_id.hex)
    assert (poll.name, poll.service, poll.parent_id) == ("poll miner", "collector", None)
    assert (process.service, process.parent_id) == ("processor", poll.span_id)
    assert poll.began_at <= poll.ended_at <= process.ended_at
    assert poll.began_at.tzinfo is not None


def test_lines_that_are_cut_off_or_of_somebody_else_are_passed_over(tmp_path: Path) -> None:
    wanted, other = "a" * 32, "b" * 32
    whole = _line(wanted, 2)
    lines = [
        _line(other, links=[wanted]),
        _line(wanted, began_ns=None),
        _line(wanted, began_ns=10**30),
        _line(wanted, attributes=None),
        f'{{"trace_id": "{wanted}"}}\n',
        f'["trace_id": "{wanted}"]\n',
        whole,
        _line(wanted, 3)[:-40],
    ]
    (tmp_path / "svc-0.jsonl").write_text("".join(lines))
    (tmp_path / "notes.txt").write_text(whole)
    (tmp_path / "folder.jsonl").mkdir()
    (tmp_path / "gone.jsonl").symlink_to(tmp_path / "nowhere")
    (tmp_path / "binary-0.jsonl").write_bytes(os.urandom(10_000))
    assert [span.span_id for span in spans_of(tmp_path, wanted)] == [f"{2:016x}"]


def test_a_folder_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    assert spans_of(tmp_path / "none", "a" * 32) == []


def test_the_search_ends_at_its_bounds_with_the_newest_files_read(
    tmp_path: Path, monkeypatch: Any
) -> None:
    for number, name in enumerate(("old", "middle", "new")):
        file = tmp_path / f"{name}-0.jsonl"
        file.write_text(_line("a" * 32, number, service=name))
        os.utime(file, (number, number))
    monkeypatch.setattr(trace_files, "_READ_BYTES", len(_line("a" * 32, 1, service="new")) + 1)
    assert [span.service for span in spans_of(tmp_path, "a" * 32)] == ["middle", "new"]
    monkeypatch.setattr(trace_files, "_SPANS_MOST", 1)
    assert [span.service for span in spans_of(tmp_path, "a" * 32)] == ["new"]


def test_a_file_that_grows_too_large_is_turned_over_and_still_read(
    tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr(trace_files, "_FILE_BYTES", 2000)
    settings = Settings(trace_folder=tmp_path, trace_ratio=1)
    first = new_event_id(SystemClock().now())
    for round_ in range(8):
        with traces.configured("svc", settings):
            event_id = first if round_ == 0 else new_event_id(SystemClock().now())
            for _ in range(2):
                with traces.root("poll miner", event_id):
                    pass
        if round_ == 4:
            assert len(spans_of(tmp_path, first.hex)) == 2
    assert {file.name for file in tmp_path.iterdir()} == {"svc-0.jsonl", "svc-0.old.jsonl"}
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 3 * 2000


def test_a_folder_that_cannot_be_written_to_costs_spans_and_one_line(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file where the folder should be")
    exporter = FileExporter(tmp_path / "taken" / "svc-0.jsonl")
    with structlog.testing.capture_logs() as said:
        assert [exporter.export([]) for _ in range(3)] == [SpanExportResult.FAILURE] * 3
        (tmp_path / "taken").unlink()
        assert exporter.export([]) is SpanExportResult.SUCCESS
    assert [line["event"] for line in said] == ["traces_not_written"]
