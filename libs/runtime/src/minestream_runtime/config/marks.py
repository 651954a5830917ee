"""What each value of a configuration file becomes: a setting, or a ruling that goes another way."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from dataclasses import field as of_class
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, SecretStr

PREFIX: Final = "MINESTREAM_"


def plainly(value: object) -> str:
    """A value as people write it: ``30``, not ``30.0``."""
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


def by_comma(values: tuple[object, ...]) -> str:
    """Several values in one setting."""
    return ",".join(map(str, values))


def lowered(value: object) -> str:
    """``INFO`` as ``info``."""
    return str(value).lower()


@dataclass(frozen=True, slots=True)
class Sets:
    """The value becomes a setting.

    Args:
        name: without ``MINESTREAM_``.
        words: how the value is worded there.
    """

    name: str
    words: Callable[[Any], str] = plainly


@dataclass(frozen=True, slots=True)
class Ruled:
    """The value is read and checked, and what it asks for stands elsewhere.

    Args:
        why: for people: where, or what is done instead.
    """

    why: str


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting that a file gives.

    Args:
        name: without ``MINESTREAM_``.
        value: as it would stand in the environment.
        at: the path of the value in its file.
        secret: never to be shown.
    """

    name: str
    value: str = of_class(repr=False)
    at: tuple[str | int, ...]
    secret: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """A value that went another way: where it stands, and why."""

    at: tuple[str | int, ...]
    why: str


Outcome = Setting | Note


class Part(BaseModel):
    """A mapping of a file: its keys and no others."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    def joined(self) -> Iterator["Outcome"]:
        """What several of its values make together; ``at`` is relative to it."""
        yield from ()


def outcomes(part: Part, at: tuple[str | int, ...] = ()) -> Iterator[Outcome]:
    """What the values that a file gives become; what it leaves out stays as it is.

    Args:
        part: read and checked.
        at: where it stands.
    """
    for name, field in type(part).model_fields.items():
        if name not in part.model_fields_set:
            continue
        value, here = getattr(part, name), (*at, name)
        for mark in field.metadata:
            if isinstance(mark, Sets) and value is not None:
                yield _setting(mark, value, here)
            elif isinstance(mark, Ruled):
                yield Note(here, mark.why)
        for inner, place in _parts(value, here):
            yield from outcomes(inner, place)
    for each in part.joined():
        yield replace(each, at=(*at, *each.at))


def _setting(mark: Sets, value: object, at: tuple[str | int, ...]) -> Setting:
    if isinstance(value, SecretStr):
        return Setting(mark.name, mark.words(value.get_secret_value()), at, secret=True)
    return Setting(mark.name, mark.words(value), at)


def _parts(
    value: object, at: tuple[str | int, ...]
) -> Iterator[tuple[Part, tuple[str | int, ...]]]:
    if isinstance(value, Part):
        yield value, at
    elif isinstance(value, tuple):
        for number, each in enumerate(value):
            yield from _parts(each, (*at, number))
