"""Which Whatsminer it is and which API it speaks: identity, without a single number."""

import re
from typing import Any, Final

from minestream_dialects.cgminer.answers import Row, refusal, row
from minestream_dialects.dialect import Payloads
from minestream_dialects.draft import Draft
from minestream_dialects.fields import entry, text
from minestream_schemas.units import Algorithm

_API: Final = re.compile(r"^(?:whatsminer\s*)?v?(?P<major>\d{1,2})\.\d", re.IGNORECASE)
_OLD: Final = "whatsminer v1"
_ANSWERS: Final = ("get_version", "status", "get_psu", "get_miner_info", "get_error_code")
_ITS_OWN: Final = (
    *("HS RT", "Factory GHS", "Power Mode", "Power_RT", "Env Temp"),
    *("Btminer Fast Boot", "Fan Speed In", "Chip Data"),
)
"""Keys of a summary that no other descendant of CGMiner has."""


def summary(payloads: Payloads) -> Row:
    """The row of totals; empty when there is none.

    Some firmware has no ``SUMMARY``: the totals are its ``Msg``, beside the status or inside it.

    Source: samples in the tests of two public readers, one of a real device, with code 131; a
    third reader falls back to ``Msg``.
    """
    said = payloads.mapping("summary")
    if said is None or refusal(said) is not None:
        return {}
    status = said.get("STATUS")
    inside = status[0] if isinstance(status, list) and status else None
    told = (entry(said, "Msg"), entry(inside, "Msg"))
    flat = next((each for each in told if isinstance(each, dict)), {})
    return row(payloads, "summary", "SUMMARY") or flat


def api(payloads: Payloads) -> tuple[int, str] | None:
    """The major version of the API on port 4028, and what tells it.

    API 1 calls itself so in each answer to a command of its own; what is a Whatsminer and does
    not is of API 2.
    """
    said = text(entry(payloads.bodies.get("get_version"), "Msg", "api_ver"))
    found = _API.match(said) if said else None
    if found is not None:
        return int(found["major"]), "get_version.api_ver"
    for endpoint in _ANSWERS:
        words = text(entry(payloads.bodies.get(endpoint), "Description")) or ""
        if words.casefold().startswith(_OLD):
            return 1, f"{endpoint}.Description"
    totals = summary(payloads)
    for key in _ITS_OWN:
        if key in totals:
            return 2, f"summary.{key}"
    return None


def identify(payloads: Payloads) -> Draft:
    """A draft that knows model, firmware and worker. Every Whatsminer computes SHA-256.

    ``devdetails`` tells the model; ``get_miner_info`` the network, on most firmware no model.
    """
    said = entry(payloads.bodies.get("get_miner_info"), "Msg")
    versions: tuple[Any, ...] = (
        entry(payloads.bodies.get("get_version"), "Msg", "fw_ver"),
        summary(payloads).get("Firmware Version"),
        entry(payloads.bodies.get("status"), "Msg", "FirmwareVersion"),
        entry(payloads.bodies.get("status"), "Msg", "Firmware Version"),
        payloads.firmware,
    )
    device = row(payloads, "devdetails", "DEVDETAILS").get("Model")
    models = (device, entry(said, "model"), entry(said, "minertype"), payloads.model_hint)
    return identified(payloads, models, versions)


def identified(payloads: Payloads, models: tuple[Any, ...], versions: tuple[Any, ...]) -> Draft:
    """A draft with the first model and the first firmware that is a text."""
    draft = Draft(algorithm=Algorithm.SHA256D, worker=payloads.worker_hint)
    draft.model = next((found for said in models if (found := text(said))), None)
    draft.firmware = next((found for said in versions if (found := _version(said))), None)
    draft.evidence["algorithm"] = "whatsminer"
    return draft


def _version(said: object) -> str | None:
    """``'20210322.22.REL'`` comes in quotes of its own."""
    found = text(said)
    return found.strip("'\"").strip() or None if found else None
