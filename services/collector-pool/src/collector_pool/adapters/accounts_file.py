"""Reads the file of accounts: which pools, whose keys; every fault with its line."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from yaml.nodes import Node

from minestream_dialects.pools import POOLS
from minestream_dialects.pools.port import Account
from minestream_runtime.documents import (
    WHOLE,
    DocumentError,
    Fault,
    Place,
    Values,
    items,
    line_of,
    pairs,
    parse,
    text_of,
)
from minestream_runtime.errors import ConfigurationError

_MOST_BYTES: Final = 1024 * 1024
_TOP: Final = "accounts"


def load_accounts(file: Path, environment: Mapping[str, str]) -> tuple[Account, ...]:
    """The accounts of a file.

    Args:
        file: YAML: ``accounts:``, a list; what each needs is its pool's.
        environment: fills in ``${NAME}``.

    Raises:
        ConfigurationError: it cannot be read, or has faults: all of them, by file and line.
    """
    try:
        return read_accounts(text_of(file, most_bytes=_MOST_BYTES), environment)
    except DocumentError as exc:
        told = "\n".join(f"{file}:{fault.line}: {fault.text}" for fault in exc.faults)
        raise ConfigurationError(told) from None


def read_accounts(text: str, environment: Mapping[str, str]) -> tuple[Account, ...]:
    """The accounts in a text; see ``load_accounts``.

    Raises:
        DocumentError: with all faults there are.
    """
    faults: list[Fault] = []
    values = Values(environment, faults)
    root = parse(text)
    top = pairs(root, WHOLE, faults)
    for key, place in top.items():
        if key != _TOP:
            faults.append(Fault(place.line, f"the file: no key {key!r}; allowed: {_TOP}"))
    if _TOP not in top:
        faults.append(Fault(line_of(root), f"`{_TOP}:` is missing: a list is wanted"))
    nodes = items(top[_TOP].node, _TOP, faults) if _TOP in top else ()
    accounts: dict[str, Account] = {}
    lines: dict[str, int] = {}
    for number, node in enumerate(nodes):
        account = _account(node, f"{_TOP}[{number}]", values)
        if account is None:
            continue
        if account.account_id in accounts:
            first = lines[account.account_id]
            said = f"{_TOP}[{number}].account_id: {account.account_id} is in line {first} already"
            faults.append(Fault(line_of(node), said))
        lines.setdefault(account.account_id, line_of(node))
        accounts[account.account_id] = account
    if faults:
        raise DocumentError(sorted(set(faults)))
    return tuple(accounts.values())


def _account(node: Node, what: str, values: Values) -> Account | None:
    """One account; None where it has faults."""
    places = pairs(node, what, values.faults)
    before = len(values.faults)
    said = {key: _value(place, values) for key, place in places.items()}
    pool = POOLS.get(str(said.get("pool")))
    if pool is None:
        line = places["pool"].line if "pool" in places else line_of(node)
        values.faults.append(Fault(line, f"{what}.pool: one of {', '.join(sorted(POOLS))}"))
    if pool is None or len(values.faults) > before:
        return None
    try:
        return pool.account.model_validate(said)
    except ValidationError as exc:
        for error in exc.errors(include_input=False, include_url=False):
            values.faults.append(_fault(error, places, pool.account, what, line_of(node)))
        return None


def _value(place: Place, values: Values) -> Any:
    return values.value(place.node, place.path)


def _fault(
    error: ErrorDetails,
    places: Mapping[str, Place],
    kind: type[Account],
    what: str,
    line: int,
) -> Fault:
    """What is wrong and what would be right; never what was given: it may be a key."""
    key = str(error["loc"][0]) if error["loc"] else ""
    if error["type"] == "extra_forbidden":
        allowed = ", ".join(kind.model_fields)
        return Fault(places[key].line, f"{what}: no key {key!r}; allowed: {allowed}")
    about = _allowed(kind.model_fields[key]) if key in kind.model_fields else ""
    if error["type"] == "missing":
        return Fault(line, f"{what}.{key}: is missing" + (f": {about}" if about else ""))
    if error["type"] == "string_pattern_mismatch" and about:
        return Fault(places[key].line, f"{what}.{key}: wanted: {about}")
    return Fault(places[key].line if key in places else line, f"{what}.{key}: {error['msg']}")


def _allowed(field: FieldInfo) -> str:
    """What a key takes, in words, with an example where there is one."""
    said = [field.description] if field.description else []
    said += [f"like {example}" for example in (field.examples or [])[:1]]
    return ", ".join(said)
