"""Reads a configuration file: which kind it is, what it says, and every fault with its line."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from minestream_runtime.config.abacus import Abacus
from minestream_runtime.config.collection import Collection
from minestream_runtime.config.fleet import FleetFile
from minestream_runtime.config.marks import Part
from minestream_runtime.config.retention import Retention
from minestream_runtime.documents import WHOLE, DocumentError, Fault, Values, line_of, parse

KINDS: Final[tuple[type[Part], ...]] = (FleetFile, Collection, Abacus, Retention)
_DEPTH: Final = 8

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Read:
    """A file without faults.

    Args:
        part: what it says.
        lines: where each value stands, from 1, by its path.
    """

    part: Part
    lines: Mapping[Path, int]

    def line(self, at: Path) -> int:
        """The line of a value, or of the nearest around it."""
        while at not in self.lines:
            at = at[:-1]
        return self.lines[at]


class Verbatim(Mapping[str, str]):
    """An environment in which every variable stands for itself: ``${NAME}`` stays as written."""

    def __getitem__(self, name: str) -> str:
        return f"${{{name}}}"

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str)

    def __iter__(self) -> Any:
        return iter(())

    def __len__(self) -> int:
        return 0


def read(text: str, environment: Mapping[str, str]) -> Read:
    """Read a file of any of the kinds.

    Args:
        text: YAML.
        environment: fills in ``${NAME}``.

    Raises:
        DocumentError: with all faults there are.
    """
    node = parse(text)
    return _read(node, _kind(node), environment)


def read_as(kind: type[Part], text: str, environment: Mapping[str, str]) -> Read:
    """Read a file that must be of one kind.

    Args:
        kind: which.
        text: YAML.
        environment: fills in ``${NAME}``.

    Raises:
        DocumentError: with all faults there are.
    """
    return _read(parse(text), kind, environment)


def _read(node: Node, kind: type[Part], environment: Mapping[str, str]) -> Read:
    faults: list[Fault] = []
    value = Values(environment, faults).value(node, WHOLE, depth=_DEPTH)
    lines = dict(_lines(node, ()))
    if faults:
        raise DocumentError(sorted(set(faults)))
    try:
        return Read(kind.model_validate(value), lines)
    except ValidationError as exc:
        found = [_explained(kind, each, lines) for each in exc.errors(include_url=False)]
        raise DocumentError(sorted(set(found))) from None


def _kind(node: Node) -> type[Part]:
    """The kind that has most of the file's keys."""
    mapping = node.value if isinstance(node, MappingNode) else ()
    keys = {key.value for key, _ in mapping if isinstance(key, ScalarNode)}
    best = max(KINDS, key=lambda kind: len(keys & kind.model_fields.keys()))
    if not keys & best.model_fields.keys():
        known = sorted({key for kind in KINDS for key in kind.model_fields})
        said = f"none of these keys is in it: {', '.join(known)}"
        raise DocumentError([Fault(line_of(node), said)])
    return best


def _lines(node: Node, at: Path) -> Iterable[tuple[Path, int]]:
    if not at:
        yield at, line_of(node)
    if len(at) > _DEPTH:
        return
    if isinstance(node, MappingNode):
        for key, inner in node.value:
            if isinstance(key, ScalarNode):
                yield (*at, key.value), line_of(key)
                yield from _lines(inner, (*at, key.value))
    elif isinstance(node, SequenceNode):
        for number, inner in enumerate(node.value):
            yield (*at, number), line_of(inner)
            yield from _lines(inner, (*at, number))


def _explained(kind: type[Part], fault: ErrorDetails, lines: Mapping[Path, int]) -> Fault:
    at: Path = fault["loc"]
    known = at
    while known not in lines:
        known = known[:-1]
    said = fault["msg"].removeprefix("Value error, ")
    if fault["type"] == "extra_forbidden":
        allowed = _allowed(kind, at[:-1])
        close = get_close_matches(str(at[-1]), allowed, n=1)
        hint = f"did you mean {close[0]}? " if close else ""
        said = f"no such key; {hint}allowed: {', '.join(allowed)}"
    elif fault["type"] == "missing":
        said = "is missing"
    elif fault["type"] == "string_type":
        said = "a text is wanted; put it between quotes"
    return Fault(lines[known], f"{shown(at)}: {said}")


def shown(at: Path) -> str:
    """A path for people: ``miners[0].ip``."""
    words = "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in at)
    return words.removeprefix(".") or WHOLE


def _allowed(kind: type[Part], at: Path) -> list[str]:
    """The keys of the mapping at a path."""
    for each in at:
        if isinstance(each, int):
            continue
        inner = _part_in(kind.model_fields[each].annotation)
        if inner is None:
            return []
        kind = inner
    return list(kind.model_fields)


def _part_in(annotation: Any) -> type[Part] | None:
    if isinstance(annotation, type) and issubclass(annotation, Part):
        return annotation
    for inner in get_args(annotation):
        found = _part_in(inner)
        if found is not None:
            return found
    return None
