"""What a client may say, and what is wrong with it if it may not."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from api_gateway.domain.stream.cursors import MAX_CURSOR
from api_gateway.domain.stream.entries import Kind, Scope

MAX_ID: Final = 64
MAX_NAMES: Final = 1000
MAX_NAME: Final = 64
MAX_SUBSCRIPTIONS: Final = 32
MAX_MESSAGE_BYTES: Final = 64 * 1024
MAX_MESSAGES_A_SECOND: Final = 20
MAX_MISTAKES: Final = 10
"""Messages one after another that were not understood; the next one ends the connection."""
LIMITS: Final[dict[str, int]] = {
    "subscriptions": MAX_SUBSCRIPTIONS,
    "message_bytes": MAX_MESSAGE_BYTES,
    "messages_a_second": MAX_MESSAGES_A_SECOND,
    "names": MAX_NAMES,
    "mistakes": MAX_MISTAKES,
}


class NotUnderstoodError(ValueError):
    """A message that makes no sense.

    Args:
        kind: of the problem, for programs.
        detail: for people.
        name: the subscription's id, where it was said.
    """

    def __init__(self, kind: str, detail: str, name: str | None = None) -> None:
        super().__init__(detail)
        self.kind = kind
        self.name = name


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Begin a subscription, in place of one of the same name."""

    name: str
    scope: Scope
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """End it."""

    name: str


@dataclass(frozen=True, slots=True)
class Ping:
    """To be answered."""


Said = Subscribe | Unsubscribe | Ping


def understand(said: object) -> Said:
    """What a client wants.

    Args:
        said: its message, decoded from JSON.

    Raises:
        NotUnderstoodError: naming what is wrong.
    """
    if not isinstance(said, Mapping):
        raise NotUnderstoodError("not_an_object", "a message is a JSON object with a type")
    kind = said.get("type")
    if kind == "ping":
        return Ping()
    if not isinstance(kind, str) or kind not in {"subscribe", "unsubscribe"}:
        raise NotUnderstoodError(
            "unknown_type", "type is one of subscribe, unsubscribe, ping", _name_if_any(said)
        )
    name = _name(said)
    if kind == "unsubscribe":
        return Unsubscribe(name)
    try:
        scope = Scope(_kinds(said), _names(said, "sites"), _names(said, "miners"))
        return Subscribe(name, scope, _cursor(said))
    except ValueError as exc:
        raise NotUnderstoodError("not_a_subscription", str(exc), name) from exc


def _name_if_any(said: Mapping[object, object]) -> str | None:
    name = said.get("id")
    return name if isinstance(name, str) and len(name) <= MAX_ID else None


def _name(said: Mapping[object, object]) -> str:
    name = _name_if_any(said)
    if not name or not name.isprintable():
        raise NotUnderstoodError(
            "no_id", f"id is a text of your own, 1 to {MAX_ID} printable characters"
        )
    return name


def _kinds(said: Mapping[object, object]) -> frozenset[Kind]:
    known = ", ".join(Kind)
    given = said.get("kinds")
    if not isinstance(given, list) or not given or len(given) > 2 * len(Kind):
        raise ValueError(f"kinds is a list of any of {known}")
    for kind in given:
        if not isinstance(kind, str) or kind not in set(Kind):
            raise ValueError(f"{str(kind)[:MAX_NAME]!r} is no kind: there are {known}")
    return frozenset(map(Kind, given))


def _names(said: Mapping[object, object], field: str) -> frozenset[str]:
    given = said.get(field)
    if given is None:
        return frozenset()
    if not isinstance(given, list) or not 0 < len(given) <= MAX_NAMES:
        raise ValueError(f"{field} is a list of 1 to {MAX_NAMES} ids; leave it out for all")
    for name in given:
        if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME or not name.isprintable():
            raise ValueError(f"{field} holds what is no id: {str(name)[:MAX_NAME]!r}")
    return frozenset(given)


def _cursor(said: Mapping[object, object]) -> str | None:
    given = said.get("cursor")
    if given is None:
        return None
    if not isinstance(given, str) or len(given) > MAX_CURSOR:
        raise ValueError("cursor is a text that an earlier message gave")
    return given
