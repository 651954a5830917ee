"""The house rules that a command can check: purity, packages, sizes, names of settings."""

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import LONGEST_FIRST, TESTS

ROOT = Path(__file__).parents[2]
MEMBERS = sorted(path.parent for path in ROOT.glob("*/*/pyproject.toml"))
DOMAINS = sorted(ROOT.glob("services/*/src/*/domain"))
BUDGETS = tomllib.loads((Path(__file__).parent / "budgets.toml").read_text())
SOURCES = sorted(
    path for folder in ("libs", "services", "tests") for path in (ROOT / folder).rglob("*.py")
)
LINES_MOST = 400
IMPURE_NAMES = {"open", "input", "print", "exec", "eval", "__import__"}
IMPURE_ATTRIBUTES = {"now", "utcnow", "today", "uuid1", "uuid4", "environ", "getenv", "monotonic"}
IMPURE_MODULES = {"random", "secrets", "time", "os", "socket", "asyncio", "threading", "subprocess"}


def impurities(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in IMPURE_NAMES:
                yield f"line {node.lineno}: {name}"
            case ast.Attribute(attr=name) if name in IMPURE_ATTRIBUTES:
                yield f"line {node.lineno}: .{name}"
            case ast.Import(names=names):
                yield from (
                    f"line {node.lineno}: import {alias.name}"
                    for alias in names
                    if alias.name.partition(".")[0] in IMPURE_MODULES
                )
            case ast.ImportFrom(module=str(module)) if module.partition(".")[0] in IMPURE_MODULES:
                yield f"line {node.lineno}: from {module}"
            case _:
                pass


@pytest.mark.parametrize("folder", DOMAINS, ids=lambda path: path.parent.name)
def test_a_domain_takes_time_ids_and_randomness_and_never_fetches_them(folder: Path) -> None:
    found = [
        f"{path.relative_to(ROOT)} {fault}"
        for path in sorted(folder.rglob("*.py"))
        for fault in impurities(ast.parse(path.read_text()))
    ]
    assert not found


@pytest.mark.parametrize(
    "impure",
    [
        "import random",
        "from os import environ",
        "at = datetime.now(UTC)",
        "key = uuid4()\nimport uuid\nuuid.uuid4()",
        "text = open('x').read()",
        "import asyncio.events",
    ],
)
def test_the_purity_test_can_fail(impure: str) -> None:
    assert list(impurities(ast.parse(impure)))


def test_the_import_contracts_cover_every_package_on_disk() -> None:
    configured = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    on_disk = {path.name for member in MEMBERS for path in (member / "src").iterdir()}
    assert set(configured["root_packages"]) == {name for name in on_disk if "." not in name}
    contracts = {contract["name"]: contract for contract in configured["contracts"]}
    services = {path.parent.name for path in DOMAINS}
    inside = contracts["inside a service: __main__ > adapters > settings > domain"]
    assert set(inside["containers"]) == services
    pure = contracts["domain is pure"]
    assert set(pure["source_modules"]) == {f"{service}.domain" for service in services}


def test_every_service_has_a_folder_of_the_same_shape() -> None:
    for member in MEMBERS:
        if member.parent.name != "services":
            continue
        (package,) = [path for path in (member / "src").iterdir() if path.is_dir()]
        inside = {path.name for path in package.iterdir()} - {"__pycache__"}
        assert inside <= {
            "__init__.py", "__main__.py", "py.typed", "settings.py", "domain", "adapters",
        }, package  # fmt: skip


def test_a_main_wires_and_does_nothing_else() -> None:
    for path in ROOT.glob("services/*/src/*/__main__.py"):
        text = path.read_text()
        assert len(text.splitlines()) <= 20, path
        loops = (ast.For, ast.While, ast.Try, ast.AsyncFor)
        assert not [node for node in ast.walk(ast.parse(text)) if isinstance(node, loops)], path


def test_files_are_short_or_say_why_not() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in SOURCES
        if (lines := len(path.read_text().splitlines())) > LINES_MOST
    }
    excused = {name: entry["lines"] for name, entry in BUDGETS.get("files", {}).items()}
    assert {name for name, lines in long.items() if lines > excused.get(name, 0)} == set()
    assert set(excused) <= set(long), "an excuse that is no longer needed"


def test_every_excuse_gives_its_reason() -> None:
    assert all(len(entry["why"]) > 20 for entry in BUDGETS.get("files", {}).values())


def test_every_file_of_tests_that_is_to_go_first_is_there() -> None:
    assert [name for name in LONGEST_FIRST if not (TESTS / name).is_file()] == []


def test_the_lock_file_names_hashes_and_no_address() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    assert "://" not in lock
    assert "--hash=sha256:" in lock


def test_make_alone_lists_every_command_with_its_meaning() -> None:
    text = (ROOT / "Makefile").read_text()
    (phony,) = re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE)
    words = ["make", "--no-print-directory", "help"]
    listed = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    lines = (line.split(maxsplit=2) for line in listed.stdout.splitlines())
    said = {name: meaning for _, name, meaning in lines}
    assert said.keys() == set(phony.split())
    assert all(said.values())
