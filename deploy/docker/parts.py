"""Gathers what one member's image is made of: its sources, and its part of requirements.lock.

``python deploy/docker/parts.py services/alerter /parts`` writes

- ``/parts/requirements.lock``: the locked packages that it and the libraries it names need, hashes
  and all, and nothing that only others need;
- ``/parts/build.lock``: what builds wheels of our own;
- ``/parts/src/<member>``: the member and those libraries.

Who needs what is read from the lock file's own ``# via`` comments. A package's extras are taken
with it whoever asked for them.
"""

import re
import shutil
import sys
import tomllib
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
BUILDERS: Final = ("hatchling", "editables")
_HEAD: Final = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==")
_NAME: Final = re.compile(r"^[A-Za-z0-9._-]+")


def members() -> dict[str, tuple[Path, set[str]]]:
    """The workspace: each package's name, its folder, the names it depends on."""
    found = {}
    for file in sorted(ROOT.glob("*/*/pyproject.toml")):
        project = tomllib.loads(file.read_text())["project"]
        needs = {match[0] for line in project["dependencies"] if (match := _NAME.match(line))}
        found[project["name"]] = (file.parent, needs)
    return found


def ours(folder: Path) -> dict[str, Path]:
    """A member and, transitively, the members it depends on.

    Raises:
        SystemExit: there is no such member.
    """
    known = members()
    by_folder = {path: name for name, (path, _) in known.items()}
    if folder not in by_folder:
        there = ", ".join(str(path.relative_to(ROOT)) for path in by_folder)
        raise SystemExit(f"{folder}: no member of the workspace; there are {there}")
    wanted, open_names = dict[str, Path](), [by_folder[folder]]
    while open_names:
        name = open_names.pop()
        if name not in wanted:
            path, needs = known[name]
            wanted[name] = path
            open_names += needs & set(known)
    return wanted


def blocks(lock: str) -> dict[str, tuple[str, set[str]]]:
    """The lock file by package: its lines, and who asked for it."""
    found: dict[str, tuple[str, set[str]]] = {}
    name, lines, via = "", list[str](), set[str]()
    for line in [*lock.splitlines(), "end==0"]:
        if head := _HEAD.match(line):
            if name:  # a package may be there twice, for two versions of Python
                before, others = found.get(name, ("", set[str]()))
                found[name] = (before + "\n".join(lines) + "\n", others | via)
            name, lines, via = head["name"].lower(), [], set()
        if line.strip().startswith("#"):
            said = line.strip().lstrip("#").strip().removeprefix("via").strip()
            via |= {said.lower()} if said else set()
        else:
            lines.append(line)
    return found


def needed(lock: str, roots: set[str]) -> str:
    """The part of a lock file that these packages need, themselves included where it has them."""
    known = blocks(lock)
    wanted = roots & set(known)
    reached = set(roots)
    while fresh := {name for name, (_, via) in known.items() if via & reached} - wanted:
        wanted |= fresh
        reached |= fresh
    return "".join(known[name][0] for name in sorted(wanted))


def main(member: str, into: str) -> None:
    """Write the parts.

    Args:
        member: its folder, from the repository's root.
        into: the folder to write to.
    """
    lock, target = (ROOT / "requirements.lock").read_text(), Path(into)
    packages = ours(ROOT / member)
    target.mkdir(parents=True, exist_ok=True)
    (target / "requirements.lock").write_text(needed(lock, set(packages)))
    (target / "build.lock").write_text(needed(lock, set(BUILDERS)))
    for name, folder in packages.items():
        shutil.copytree(folder, target / "src" / name, ignore=shutil.ignore_patterns("web"))


if __name__ == "__main__":
    if len(sys.argv) != 3:  # noqa: PLR2004 - two arguments
        raise SystemExit("usage: python deploy/docker/parts.py MEMBER FOLDER")
    main(*sys.argv[1:])
