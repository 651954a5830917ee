"""Which Vnish it is, on which model, computing what: identity, without a single number."""

import re
from functools import lru_cache
from typing import Final, NamedTuple

from minestream_dialects.dialect import Payloads
from minestream_dialects.draft import Draft
from minestream_dialects.fields import entry, text
from minestream_dialects.models import algorithm_of_model
from minestream_schemas.units import Algorithm, algorithm_named

Version = tuple[int, int]

_MINER_TYPE = re.compile(r"^(?P<model>[^()]*)\((?P<name>\w+)\s+(?P<version>[^()]+)\)$")
_VERSION = re.compile(r"^v?(?P<major>\d{1,3})\.(?P<minor>\d{1,3})")
_REMEMBERED: Final = 1024
"""Texts of 256 characters at most, of which a whole fleet has a few: read once, then remembered."""
_named = lru_cache(maxsize=_REMEMBERED)(algorithm_named)
_NOT_SAID: Final = frozenset({"n/a", "unknown", "none"})


class MinerType(NamedTuple):
    """``summary.miner.miner_type``, taken apart: ``Antminer L9 (Vnish 1.2.7)``."""

    model: str | None = None
    name: str | None = None
    version: str | None = None


def miner_type(payloads: Payloads) -> MinerType:
    """Model and firmware as the summary words them; all None when it does not."""
    return _apart(text(entry(payloads.bodies.get("summary"), "miner", "miner_type")))


@lru_cache(maxsize=_REMEMBERED)
def _apart(worded: str | None) -> MinerType:
    found = _MINER_TYPE.match(worded) if worded else None
    if found is None:
        return MinerType(model=worded)
    return MinerType(found["model"].strip() or None, found["name"], found["version"].strip())


def version(payloads: Payloads) -> tuple[Version, str] | None:
    """The firmware's major and minor version, and what says so; None when nothing does."""
    info = payloads.bodies.get("info")
    # others sell it under names of theirs; the unit of its hashrates nobody else's info tells
    name = "Vnish" if entry(info, "hr_measure") is not None else text(entry(info, "fw_name"))
    if found := _numbered(name, text(entry(info, "fw_version"))):
        return found, "info.fw_version"
    worded = miner_type(payloads)
    if found := _numbered(worded.name, worded.version):
        return found, "summary.miner_type"
    if found := _numbered("Vnish", payloads.firmware):
        return found, "raw.firmware"
    return None


@lru_cache(maxsize=_REMEMBERED)
def _numbered(name: str | None, said: str | None) -> Version | None:
    found = _VERSION.match((said or "").removeprefix("Vnish").strip())
    if found and name and name.casefold().startswith(("vnish", "anthill")):
        return int(found["major"]), int(found["minor"])
    return None


def _algorithm(payloads: Payloads, model: str | None) -> tuple[Algorithm, str | None]:
    sources = (
        ("info.algorithm", _named, text(entry(payloads.bodies.get("info"), "algorithm"))),
        ("model", algorithm_of_model, model),
        ("inventory.algorithm", _named, payloads.algorithm_hint),
        ("inventory.model", algorithm_of_model, payloads.model_hint),
    )
    for evidence, read, said in sources:
        algorithm = read(said)
        if algorithm is not Algorithm.UNKNOWN:
            return algorithm, evidence
    return Algorithm.UNKNOWN, None


def identify(payloads: Payloads) -> Draft:
    """A draft that knows model, firmware, algorithm and worker: payload first, then the inventory.

    The worker alone is the inventory's before the payload's, whose pool user may be an account.

    Returns:
        the draft; ``evidence["algorithm"]`` says where the algorithm comes from.
    """
    info, worded, draft = payloads.bodies.get("info"), miner_type(payloads), Draft()
    model = _said(text(entry(info, "miner"))) or worded.model or _said(text(entry(info, "model")))
    draft.model = model or payloads.model_hint
    draft.worker = payloads.worker_hint
    draft.algorithm, evidence = _algorithm(payloads, model)
    if evidence:
        draft.evidence["algorithm"] = evidence
    name = text(entry(info, "fw_name")) or worded.name or "Vnish"
    said = text(entry(info, "fw_version")) or worded.version or payloads.firmware
    if said:
        draft.firmware = text(said if said.startswith(name) else f"{name} {said}")
    return draft


def _said(value: str | None) -> str | None:
    return None if value is None or value.casefold() in _NOT_SAID else value
