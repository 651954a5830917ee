"""YAML as a tree that still knows its lines; no meaning yet."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.resolver import Resolver

try:
    from yaml import CSafeLoader as _Loader
except ImportError:  # a platform for which PyYAML has no wheel with libyaml
    from yaml import SafeLoader as _Loader  # type: ignore[assignment]

WHOLE: Final = "the file"
"""What a file's top is called in faults; its keys go by their own names."""
_VARIABLE: Final = re.compile(r"\$\$|\$\{([A-Za-z_][A-Za-z0-9_]*)\}|\$\{")
_UNPRINTABLE: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_DEEPEST: Final = 100
"""Levels of nesting: composing takes the machine's own stack for each, and dies at its end."""
_MAY_BE_DEEP: Final = re.compile(rf"(?m)^[-?:\s]{{{_DEEPEST}}}")
_ALIASES_MAKE: Final = 10
_MOST_MADE: Final = 1_000_000
"""Values that a text with aliases may become; 400 characters of them can become a thousand million.
More are taken where they are no more than ten times what is written."""
MOST_BYTES: Final = 4 * 1024 * 1024
_RESOLVER: Final = Resolver()
_WORDS: Final = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """What is wrong with a file, where, and what would be right."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Place:
    """A value in its file: the line of its key, and its path for people."""

    line: int
    path: str
    node: Node


class DocumentError(ValueError):
    """A file with faults; nothing of it was used."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__(f"{len(faults)} faults")
        self.faults = faults


def text_of(file: Path, *, most_bytes: int = MOST_BYTES) -> str:
    """A file's text.

    Args:
        file: UTF-8.
        most_bytes: a larger one is refused, never cut.

    Raises:
        DocumentError: it cannot be read, is too large, or no UTF-8.
    """
    try:
        with file.open("rb") as opened:
            content = opened.read(most_bytes + 1)
    except OSError as exc:
        raise DocumentError([Fault(1, f"cannot be read: {exc.strerror}")]) from exc
    if len(content) > most_bytes:
        raise DocumentError([Fault(1, f"over {most_bytes} bytes")])
    try:
        return content.decode()
    except UnicodeDecodeError as exc:
        raise DocumentError([Fault(1, f"no UTF-8 at byte {exc.start}")]) from None


def parse(text: str) -> Node:
    """Read YAML.

    Raises:
        DocumentError: it is no YAML, is empty, is more than one document, or is nested too deeply.
    """
    try:
        _check_depth(text)
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        line = 1 if mark is None else mark.line + 1
        there = "".join(text.splitlines()[line - 1 : line])
        hint = '; inside {…} put "${NAME}" between quotes' if "${" in there else ""
        raise DocumentError([Fault(line, f"no YAML: {exc.problem or exc.context}{hint}")]) from exc
    except yaml.YAMLError as exc:
        raise DocumentError([Fault(1, f"no YAML: {exc}")]) from exc
    if node is None:
        raise DocumentError([Fault(1, "the file is empty")])
    if "*" in text and "&" in text:
        _check_aliases(node)
    return node


def _check_depth(text: str) -> None:
    """Refuse what is nested too deeply, before it is composed.

    Raises:
        DocumentError: it is.
        yaml.YAMLError: it is no YAML.
    """
    if text.count("[") + text.count("{") < _DEEPEST and not _MAY_BE_DEEP.search(text):
        return  # the usual file: it costs no second reading
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _DEEPEST:
            raise DocumentError([Fault(line_of(event), "nested too deeply")])


def _check_aliases(root: Node) -> None:
    """Refuse what contains itself, or becomes far more than is written.

    Raises:
        DocumentError: it does.
    """
    sizes: dict[int, int] = {}
    open_: set[int] = set()

    def size(node: Node) -> int:
        found = sizes.get(id(node))
        if found is not None:
            return found
        if id(node) in open_:
            raise DocumentError([Fault(line_of(node), "contains itself")])
        open_.add(id(node))
        inner = node.value if isinstance(node, (SequenceNode, MappingNode)) else ()
        made = 1 + sum(
            size(each) for item in inner for each in (item if isinstance(item, tuple) else (item,))
        )
        open_.discard(id(node))
        sizes[id(node)] = made
        return made

    if size(root) > max(_MOST_MADE, _ALIASES_MAKE * len(sizes)):
        raise DocumentError([Fault(1, "its aliases make far too many values")])


def line_of(node: Node | yaml.Event) -> int:
    """The line, from 1, on which a node or an event begins."""
    mark = node.start_mark
    return 1 if mark is None else int(mark.line) + 1


def pairs(node: Node, what: str, faults: list[Fault]) -> dict[str, Place]:
    """A mapping's values by key.

    Args:
        node: should be a mapping with different keys.
        what: names it in faults.
        faults: gains what is wrong.
    """
    if not isinstance(node, MappingNode):
        faults.append(Fault(line_of(node), f"{what}: keys with values are wanted"))
        return {}
    found: dict[str, Place] = {}
    before = "" if what == WHOLE else f"{what}."
    for key, value in node.value:
        if not isinstance(key, ScalarNode):
            faults.append(Fault(line_of(key), f"{what}: a key must be a word"))
        elif key.value in found:
            first = found[key.value].line
            faults.append(
                Fault(line_of(key), f"{before}{key.value}: given twice, first in line {first}")
            )
        else:
            found[key.value] = Place(line_of(key), f"{before}{key.value}", value)
    return found


def items(node: Node, what: str, faults: list[Fault]) -> Iterator[Node]:
    """A sequence's items."""
    if isinstance(node, SequenceNode):
        yield from node.value
    elif not is_null(node):
        faults.append(Fault(line_of(node), f"{what}: a list is wanted"))


def is_null(node: Node) -> bool:
    """Is it YAML's null, or nothing at all?"""
    return isinstance(node, ScalarNode) and node.tag == "tag:yaml.org,2002:null"


@dataclass(frozen=True, slots=True)
class Values:
    """Makes values of nodes; ``${NAME}`` is filled in from the environment, ``$$`` is a dollar.

    Args:
        environment: variables by name.
        faults: gains what is wrong; the value is then of no use.
    """

    environment: Mapping[str, str]
    faults: list[Fault]

    def value(self, node: Node, what: str, *, depth: int = 4) -> Any:
        """A plain value of scalars, lists and mappings.

        Args:
            node: any.
            what: names it in faults.
            depth: how deeply it may be nested, which also ends aliases that contain themselves.
        """
        if depth == 0:
            self.faults.append(Fault(line_of(node), f"{what}: nested too deeply"))
            return None
        if isinstance(node, SequenceNode):
            return [self.value(each, what, depth=depth - 1) for each in node.value]
        if isinstance(node, MappingNode):
            return {
                key: self.value(place.node, place.path, depth=depth - 1)
                for key, place in pairs(node, what, self.faults).items()
            }
        text = self._filled(node, what)
        tag: str = node.tag
        if text != node.value and not node.style:  # type: ignore[attr-defined] # a scalar's
            # not quoted: a number from the environment is a number
            tag = _RESOLVER.resolve(ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
        return _typed(text, tag.rpartition(":")[2])

    def texts(self, node: Node, what: str) -> dict[str, str]:
        """A mapping of words to texts, each as it is written: 0123 is no number here."""
        found: dict[str, str] = {}
        for key, place in pairs(node, what, self.faults).items():
            if not isinstance(place.node, ScalarNode):
                self.faults.append(Fault(place.line, f"{place.path}: a text is wanted"))
            elif not is_null(place.node):
                found[key] = self._filled(place.node, place.path)
        return found

    def _filled(self, node: Node, what: str) -> str:
        def fill(found: re.Match[str]) -> str:
            if found[0] == "$$":
                return "$"
            if found[1] is None:
                said = "${NAME} is not closed; write $$ for a dollar"
            elif found[1] in self.environment:
                return self.environment[found[1]]
            else:
                said = f"environment variable {found[1]} is not set"
            self.faults.append(Fault(line_of(node), f"{what}: {said}"))
            return ""

        text = _VARIABLE.sub(fill, node.value)
        if _UNPRINTABLE.search(text):
            self.faults.append(Fault(line_of(node), f"{what}: control characters are not allowed"))
        return text


def _typed(text: str, kind: str) -> Any:
    if kind == "null":
        return None
    if kind == "bool":
        return _WORDS.get(text.lower(), text)
    try:
        if kind == "int":
            return int(text.replace("_", ""), 10)
        if kind == "float":
            return float(text.replace("_", ""))
    except ValueError:
        return text  # octal, hexadecimal or sexagesimal: nobody means these here
    return text
