"""Traces of polls: ids, sampling, headers, batches, files."""

import json
import random
from pathlib import Path
from uuid import UUID

import pytest
from opentelemetry.trace import TraceFlags

from minestream_runtime import semconv, traces
from minestream_runtime.clock import SystemClock, new_event_id
from minestream_runtime.errors import PayloadInvalidError
from minestream_runtime.settings import Settings
from minestream_runtime.traces import endpoint as trace_endpoint


def _spans(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "svc-0.jsonl").read_text().splitlines()]


def _ids(count: int) -> list[UUID]:
    now = SystemClock().now()
    return [new_event_id(now) for _ in range(count)]


def test_the_trace_of_a_poll_has_the_id_of_its_event(tmp_path: Path) -> None:
    (event_id,) = _ids(1)
    with traces.configured("svc", Settings(trace_folder=tmp_path, trace_ratio=1)):
        with traces.root("poll miner", event_id) as span:
            headers = traces.headers_of(span)
        with traces.child("process", traces.sampled(dict(headers))):
            pass
    poll, process = _spans(tmp_path)
    assert poll["trace_id"] == process["trace_id"] == event_id.hex
    assert poll["parent_id"] is None
    assert process["parent_id"] == poll["span_id"]


def test_a_poll_that_is_not_traced_still_carries_its_trace_id(tmp_path: Path) -> None:
    (event_id,) = _ids(1)
    with traces.configured("svc", Settings(trace_folder=tmp_path, trace_ratio=0)):
        assert not traces.kept(event_id)
        headers = traces.headers_of_unkept(event_id)
        assert traces.sampled(dict(headers)) is None
        traces.failed("drop", traces.context_of(headers), ValueError("full"), kind="full")
    (error,) = _spans(tmp_path)
    assert error["trace_id"] == event_id.hex


@pytest.mark.parametrize("ratio", [0.0, 0.01, 0.5, 1.0])
def test_about_the_asked_share_of_polls_is_sampled(ratio: float) -> None:
    sampler = traces.PollSampler(ratio)
    kept = sum(sampler.keeps(event_id.int) for event_id in _ids(20_000))
    assert kept == pytest.approx(20_000 * ratio, abs=400 if 0 < ratio < 1 else 0)


def test_a_poll_that_is_not_sampled_makes_no_span_and_hands_its_id_on(tmp_path: Path) -> None:
    (event_id,) = _ids(1)
    with traces.configured("svc", Settings(trace_folder=tmp_path, trace_ratio=0)):
        with traces.root("poll miner", event_id) as span:
            headers = dict(traces.headers_of(span))
        context = traces.context_of(headers)
        with traces.child("process", context):
            pass
    assert context is not None
    assert context.trace_id == event_id.int
    assert context.trace_flags == TraceFlags(0)
    assert traces.sampled(headers) is None
    assert not (tmp_path / "svc-0.jsonl").exists()


def test_an_error_is_kept_although_its_poll_was_not_sampled(tmp_path: Path) -> None:
    (event_id,) = _ids(1)
    with traces.configured("svc", Settings(trace_folder=tmp_path, trace_ratio=0)):
        with traces.root("poll miner", event_id) as span:
            context = traces.context_of(traces.headers_of(span))
        traces.failed("process", context, PayloadInvalidError("no number"), kind="bug")
    (error,) = _spans(tmp_path)
    assert error["trace_id"] == event_id.hex
    assert error["error"] == "no number"
    assert error["attributes"][semconv.ERROR_TYPE] == "bug"  # type: ignore[index]


def test_what_is_always_kept_hands_on_that_it_is(tmp_path: Path) -> None:
    (event_id,) = _ids(1)
    with traces.configured("svc", Settings(trace_folder=tmp_path, trace_ratio=0)):
        poll = traces.context_of(traces.headers_of_unkept(event_id))
        with traces.child("judge", poll, always=True) as judged:
            headers = traces.headers_of(judged)
        with traces.child("notify", traces.sampled(headers)):
            pass
    judge, notify = _spans(tmp_path)
    assert judge["trace_id"] == notify["trace_id"] == event_id.hex
    assert notify["parent_id"] == judge["span_id"]


def test_a_batch_links_to_its_sampled_messages_and_each_of_them_gets_a_span(
    tmp_path: Path,
) -> None:
    events = _ids(3)
    with traces.configured("svc", Settings(trace_folder=tmp_path, trace_ratio=1)):
        parents = []
        for event_id in events:
            with traces.root("poll miner", event_id) as span:
                parents.append((span.get_span_context(), {semconv.EVENT_ID: str(event_id)}))
        with traces.batch("write batch", "write telemetry", parents):
            pass
    spans = _spans(tmp_path)
    (whole,) = [span for span in spans if span["name"] == "write batch"]
    each = [span for span in spans if span["name"] == "write telemetry"]
    assert whole["links"] == [event_id.hex for event_id in events]
    assert [span["trace_id"] for span in each] == [event_id.hex for event_id in events]
    assert {tuple(span["links"]) for span in each} == {(whole["trace_id"],)}  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(5))
def test_no_header_is_too_strange_to_be_read(seed: int) -> None:
    rng = random.Random(seed)
    sound = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    assert traces.context_of({"traceparent": sound}) is not None
    for _ in range(300):
        broken = bytearray(sound)
        for _ in range(rng.randint(1, 6)):
            broken[rng.randrange(len(broken))] = rng.randrange(256)
        found = traces.context_of({"traceparent": bytes(broken)})
        assert found is None or found.is_valid
    for value in (b"", b"-" * 55, b"00-" + b"0" * 32 + b"-" + b"0" * 16 + b"-01", b"x" * 10_000):
        assert traces.context_of({"traceparent": value}) is None


def test_a_dead_endpoint_does_not_hold_up_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trace_endpoint, "_TIMEOUT_S", 0.9)
    settings = Settings(otlp_endpoint="http://127.0.0.1:9", trace_folder=tmp_path, trace_ratio=1)
    with traces.configured("svc", settings), traces.root("poll miner", _ids(1)[0]):
        pass
    assert len(_spans(tmp_path)) == 1


def test_no_span_quotes_what_came(tmp_path: Path) -> None:
    """Not its causes' texts either, which a stack trace would hold."""

    def refuse() -> None:
        try:
            json.loads('{"password": s3cret}')
        except ValueError as exc:
            raise PayloadInvalidError("value: no JSON") from exc

    with traces.configured("svc", Settings(trace_folder=tmp_path, trace_ratio=1)):
        with pytest.raises(PayloadInvalidError), traces.root("ask miner", _ids(1)[0]):
            refuse()
        with pytest.raises(ValueError, match="s3cret"), traces.root("poll miner", _ids(1)[0]):
            raise ValueError("s3cret")
        with pytest.raises(PayloadInvalidError) as caught:
            refuse()
        traces.failed("process", None, caught.value, kind=caught.value.kind)
        traces.failed("normalise", None, KeyError("s3cret"), kind="bug")
        traces.failed("drop", None, KeyError("s3cret"), kind="full", text="no room")
    asked, polled, processed, normalised, dropped = _spans(tmp_path)
    assert asked["error"] == processed["error"] == "value: no JSON"
    assert (normalised["error"], dropped["error"]) == ("KeyError", "no room")
    assert asked["attributes"] == {semconv.ERROR_TYPE: "payload_invalid"}
    assert polled["error"] == "ValueError"
    assert "s3cret" not in (tmp_path / "svc-0.jsonl").read_text()
