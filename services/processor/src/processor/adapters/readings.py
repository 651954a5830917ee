"""Readings as light values: checked, copied and encoded by msgspec, as their model would do it.

Each event's reading is built, completed and encoded once, which by pydantic costs a fifth of all
that an event costs. The types here are derived from ``MinerTelemetry``: its fields and bounds, in
its order. What they make, the model takes too and says the same of (proven in
``tests/unit/processor/test_readings.py``); what they refuse is left to the model.
"""

import sys
from collections.abc import Mapping
from datetime import datetime
from functools import reduce
from operator import or_
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Self, Union, cast, get_args, get_origin

import msgspec
from msgspec import Meta
from pydantic import AwareDatetime, BaseModel

from minestream_schemas.telemetry import MinerTelemetry

_ENCODER: Final = msgspec.json.Encoder()
_FINITE: Final = {"ge": -sys.float_info.max, "le": sys.float_info.max}


class _Light(msgspec.Struct, kw_only=True, omit_defaults=True):
    """An event's methods, as far as they are used."""

    def model_copy(self, *, update: Mapping[str, Any]) -> Self:
        """The same with other values in some fields, unchecked, as with pydantic."""
        return msgspec.structs.replace(self, **update)

    def to_json(self) -> bytes:
        """See ``Event``."""
        return _ENCODER.encode(self)


def _light(model: type[BaseModel]) -> Any:
    """A model's twin. What is None by default may be left out, of values and of JSON."""
    fields: list[Any] = []
    for name, field in model.model_fields.items():
        kind = _kind(field.annotation, field.metadata)
        fields.append((name, kind, None) if field.default is None else (name, kind))
    return msgspec.defstruct(model.__name__, fields, bases=(_Light,), kw_only=True)


def _kind(said: Any, rules: list[Any]) -> Any:
    """A type as msgspec says it.

    Args:
        said: the type, as pydantic says it.
        rules: its bounds.
    """
    origin, inner = get_origin(said), get_args(said)
    if origin is Annotated:
        return _kind(inner[0], [*rules, *(rule for info in inner[1:] for rule in info.metadata)])
    if origin in {Union, UnionType}:
        return reduce(or_, (_kind(one, rules) for one in inner))
    if inner:
        return origin[tuple(one if one is Ellipsis else _kind(one, []) for one in inner)]
    if said is AwareDatetime:
        return Annotated[datetime, Meta(tz=True)]
    if isinstance(said, type) and issubclass(said, BaseModel):
        return _light(said)
    bounds = _bounds(said, rules)
    return Annotated[said, Meta(**bounds)] if bounds else said


def _bounds(kind: type, rules: list[Any]) -> dict[str, Any]:
    if kind is NoneType:
        return {}
    bounds: dict[str, Any] = dict(_FINITE) if kind is float else {}
    for rule in rules:
        said = {name: getattr(rule, name, None) for name in ("ge", "le", "lt", "pattern")}
        bounds |= {name: value for name, value in said.items() if value is not None}
    if "pattern" in bounds:  # Python's $ also matches before a last newline
        bounds["pattern"] = bounds["pattern"].removesuffix("$") + r"\Z"
    if "lt" in bounds:  # of whole numbers, and 2**63 is beyond what msgspec takes for a bound
        bounds["le"] = bounds.pop("lt") - 1
    return bounds


_READING: Final = _light(MinerTelemetry)
_GIVEN: Final = {
    name: field.get_default(call_default_factory=True)
    for name, field in MinerTelemetry.model_fields.items()
    if not field.is_required() and field.default is not None
}


def light_reading(values: Mapping[str, object]) -> MinerTelemetry:
    """Check a reading's values.

    Returns:
        the reading: each field of ``MinerTelemetry``, and of its methods ``model_copy`` and
        ``to_json``.

    Raises:
        pydantic.ValidationError: they are none.
    """
    try:
        return cast("MinerTelemetry", msgspec.convert({**_GIVEN, **values}, _READING))
    except (msgspec.ValidationError, UnicodeEncodeError):  # the latter: a lone surrogate
        return MinerTelemetry.model_validate(values)
