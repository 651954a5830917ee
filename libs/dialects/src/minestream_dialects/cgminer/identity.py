"""Who a CGMiner-shaped miner says it is: model, program, algorithm. Not one number."""

import re
from typing import Final

from minestream_dialects.cgminer.answers import Row, rows, word
from minestream_dialects.dialect import Payloads
from minestream_dialects.draft import Draft
from minestream_dialects.fields import text
from minestream_dialects.models import algorithm_of_model
from minestream_schemas.units import Algorithm, algorithm_named

PROGRAM: Final = re.compile(r"\w{1,32}miner\+?|boser", re.IGNORECASE | re.ASCII)
"""What a mining program calls itself, as the key of its version: BMMiner, LUXminer, BOSer."""
_VNISH: Final = re.compile(
    r"^(?P<model>[^()]*)\(\s*vnish\s+(?P<version>[^()\s]+)\s*\)", re.IGNORECASE
)


def _headers(payloads: Payloads) -> list[tuple[str, Row]]:
    """The rows that name the miner: the first of ``stats``, and that of ``version``."""
    return [
        (endpoint, row)
        for endpoint, section in (("stats", "STATS"), ("version", "VERSION"))
        for row in (rows(payloads, endpoint, section) or [])[:1]
    ]


def named(payloads: Payloads, *keys: str) -> tuple[str | None, str]:
    """What the first header that holds one of ``keys`` says, and where it stands."""
    for endpoint, row in _headers(payloads):
        for key in keys:
            found = word(row, key)
            if found is not None:
                return found, f"{endpoint}.{key}"
    return None, ""


def vnish(worded: str | None) -> tuple[str | None, str] | None:
    """Model and version out of ``Antminer S9 (vnish 3.8.6)``; None when it is no Vnish."""
    found = _VNISH.match(worded) if worded else None
    return (found["model"].strip() or None, found["version"]) if found else None


def program(payloads: Payloads) -> str | None:
    """The mining program and when it was built: ``BMMiner 1.0.0, Tue Dec  6 16:12:30 CST 2022``."""
    for _, row in _headers(payloads):
        for key in row:
            version = word(row, key) if PROGRAM.fullmatch(key) else None
            if version is None:
                continue
            name = "CGMiner" if key == "Cgminer" else key
            built = word(row, "CompileTime")
            return text(f"{name} {version}, {built}" if built else f"{name} {version}")
    return None


def identify(
    payloads: Payloads, model: str | None, said: str | None = None, where: str = ""
) -> Draft:
    """A draft that knows model, algorithm and worker: payload first, then the inventory.

    Args:
        payloads: for the inventory's hints.
        model: as the payload names it.
        said: the algorithm as the payload names it.
        where: it does, for the evidence.

    Returns:
        the draft; ``evidence["algorithm"]`` says where the algorithm comes from.
    """
    draft = Draft(model=model or payloads.model_hint, worker=payloads.worker_hint)
    sources = (
        (where, algorithm_named(said)),
        ("model", algorithm_of_model(model)),
        ("inventory.algorithm", algorithm_named(payloads.algorithm_hint)),
        ("inventory.model", algorithm_of_model(payloads.model_hint)),
    )
    for evidence, algorithm in sources:
        if algorithm is not Algorithm.UNKNOWN:
            draft.algorithm = algorithm
            draft.evidence["algorithm"] = evidence
            break
    return draft
