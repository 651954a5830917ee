"""The registry of metrics: every name is used, every use is registered, and Prometheus agrees."""

import ast
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import get_args

import pytest

from minestream_schemas.metrics import HOPS, METRICS, Metric, MetricName

ROOT = Path(__file__).parents[2]
SOURCES = [
    path
    for folder in ("libs", "services")
    for path in (ROOT / folder).glob("*/src/**/*.py")
    if "web" not in path.parts
]
KINDS = {"counter", "gauge", "histogram"}
UNITS = {"_seconds": "s", "_ms": "ms", "_bytes": "bytes", "_rows": "records", "_records": "records"}
FIXED = {"miner_poll_latency_ms", "collector_upload_latency_ms"}
"""Names that were given to us; Prometheus would rather have seconds."""
EVERYTHING = """
import sys
from prometheus_client import generate_latest
from minestream_runtime import metrics
from minestream_schemas.metrics import METRICS
for name, entry in METRICS.items():
    metric = getattr(metrics, entry.kind)(name)
    if entry.labels:
        metric = metric.labels(*("x" for _ in entry.labels))
    metric.observe(1) if entry.kind == "histogram" else metric.inc()
sys.stdout.buffer.write(generate_latest())
"""


@dataclass(frozen=True)
class Use:
    """A metric in the code, and what its labels are set to where that can be read."""

    name: str
    kind: str
    place: str
    labels: tuple[str | None, ...] | None = None
    """None: without labels, or set elsewhere."""


def uses_in(tree: ast.AST, place: str) -> Iterator[Use]:
    """The calls of ``counter``, ``gauge`` and ``histogram`` with a name written out."""
    labelled = {
        id(node.func.value): tuple(
            argument.value
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
            else None
            for argument in node.args
        )
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "labels"
    }
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=kind), args=[ast.Constant(value=str(name)), *_]) if (
                kind in KINDS
            ):
                yield Use(name, kind, f"{place}:{node.lineno}", labelled.get(id(node)))
            case _:
                pass


@cache
def uses() -> tuple[Use, ...]:
    return tuple(
        use
        for path in SOURCES
        for use in uses_in(ast.parse(path.read_text()), str(path.relative_to(ROOT)))
    )


def chosen_at_run_time() -> set[str]:
    """Names written out in a module that makes metrics, to be chosen from there: a table's."""
    return {
        node.value
        for path in SOURCES
        if "minestream_runtime.metrics import" in (text := path.read_text())
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def faults(use: Use) -> Iterator[str]:
    """What is wrong with a use."""
    entry: Metric | None = METRICS.get(use.name)  # type: ignore[call-overload] # whatever is written
    if entry is None:
        yield f"{use.place}: {use.name} is not registered"
    elif entry.kind != use.kind:
        yield f"{use.place}: {use.name} is a {entry.kind}"
    elif use.labels is not None and len(use.labels) != len(entry.labels):
        yield f"{use.place}: {use.name} has labels {entry.labels}"


def test_every_use_of_a_metric_is_registered_as_that_kind_with_these_labels() -> None:
    assert [fault for use in uses() for fault in faults(use)] == []


def makes_metrics(text: str) -> bool:
    """Does a module call prometheus_client's own classes? As types they may be named anywhere."""
    made = {"Counter", "Gauge", "Histogram", "Summary", "Info", "Enum"}
    return "from prometheus_client import" in text and any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in made
        for node in ast.walk(ast.parse(text))
    )


def test_no_metric_is_made_beside_the_registry() -> None:
    makers = {path.name for path in SOURCES if makes_metrics(path.read_text())}
    assert makers == {"metrics.py"}


def test_every_registered_metric_is_used() -> None:
    assert set(METRICS) - {use.name for use in uses()} - chosen_at_run_time() == set()


@pytest.mark.parametrize(
    "code",
    [
        'counter("minestream_nothing_total").inc()',
        'gauge("miner_poll_total").inc()',
        'counter("miner_poll_total").labels("ok", "no").inc()',
        'histogram("miner_poll_latency_ms").labels("ok").observe(1)',
    ],
)
def test_a_wrong_use_is_found(code: str) -> None:
    (use,) = uses_in(ast.parse(code), "here")
    assert list(faults(use))


def test_an_events_age_is_taken_at_the_hops_that_are_named() -> None:
    """That it is taken at each of them is seen at run time: tests/e2e/test_trace.py."""
    taken = {
        use.labels[0]
        for use in uses()
        if use.name == "minestream_event_age_seconds" and use.labels is not None
    }
    assert taken
    assert taken <= set(HOPS)


def test_names_units_and_labels_follow_the_rules() -> None:
    assert tuple(METRICS) == get_args(MetricName)
    for name, entry in METRICS.items():
        assert re.fullmatch(r"(minestream|miner|collector)_[a-z]+(_[a-z]+)*", name), name
        assert name.endswith("_total") == (entry.kind == "counter"), name
        assert not name.endswith(("_count", "_sum", "_bucket", "_created")), name
        wanted = next((unit for end, unit in UNITS.items() if name.endswith(end)), entry.unit)
        assert entry.unit == wanted, name
        assert entry.unit, name
        assert len(entry.meaning.split()) > 1, name
        assert not entry.meaning.endswith("."), name
        assert (entry.kind == "histogram") == bool(entry.buckets), name
        assert entry.buckets == tuple(sorted(set(entry.buckets))), name
        for label in entry.labels:
            assert re.fullmatch(r"[a-z]+", label), name
            assert label not in {"le", "job", "instance", "quantile"}, name


def promtool_lints(text: str) -> set[str] | None:
    """What ``promtool check metrics`` finds: ``name complaint``; None, and a word: no promtool."""
    promtool = shutil.which("promtool")
    if promtool is None:
        sys.stdout.write("\nno promtool (Debian: prometheus): metrics unchecked\n")
        return None
    done = subprocess.run(
        [promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert done.returncode in {0, 3}, done.stderr  # 3: lints
    return set(done.stderr.splitlines())


def needed(lints: set[str] | None) -> set[str]:
    """The lints; without promtool the test is skipped."""
    if lints is None:
        pytest.skip("promtool is not installed (Debian has it in the package prometheus)")
    return lints


ALLOWED = {f"{name} metric names should not contain abbreviated units" for name in FIXED}


def test_promtool_finds_nothing_but_the_names_that_were_given_to_us() -> None:
    done = subprocess.run(
        [sys.executable, "-c", EVERYTHING], capture_output=True, text=True, check=True
    )
    assert needed(promtool_lints(done.stdout)) == ALLOWED


def test_promtools_check_can_fail() -> None:
    wrong = "# HELP polls polls\n# TYPE polls counter\npolls 1\n"
    assert needed(promtool_lints(wrong)) == {'polls counter metrics should have "_total" suffix'}


PAGE = (ROOT / "docs" / "observability.md").read_text()


def promtool(*words: str) -> None:
    """Run promtool, which must agree; skipped where it is missing."""
    tool = shutil.which("promtool")
    if tool is None:
        pytest.skip("promtool is not installed (Debian has it in the package prometheus)")
    done = subprocess.run([tool, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_pages_configuration_is_one_that_prometheus_takes(tmp_path: Path) -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    file = tmp_path / "prometheus.yml"
    file.write_text(block)
    promtool("check", "config", str(file))


def test_the_pages_expressions_are_sound_and_use_metrics_that_there_are(tmp_path: Path) -> None:
    rows = re.findall(r"^\| .*\? \| `(.*)` \|$", PAGE, re.MULTILINE)
    assert len(rows) > 5
    for row in rows:
        named = set(re.findall(r"\b(?:minestream|miner|collector)_\w+", row))
        assert named, row
        assert {re.sub(r"_(bucket|sum|count)$", "", name) for name in named} <= set(METRICS), row
    groups = [{"name": "page", "rules": [{"record": "x", "expr": row} for row in rows]}]
    file = tmp_path / "rules.yml"
    file.write_text(json.dumps({"groups": groups}))  # JSON is YAML
    promtool("check", "rules", "--lint=none", str(file))
