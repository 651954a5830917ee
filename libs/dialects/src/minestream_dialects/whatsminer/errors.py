"""What a Whatsminer says is wrong with it: numbers, each in one of four shapes.

Source: the captures in ``tests/fixtures/whatsminer``: ``"Error Code 0": 110`` in a summary;
``["530"]``, ``[{"218": "2024-06-15 10:30:00"}]`` in ``get_error_code``; with a ``reason`` in API 3.
Where the mining program does not run, a sentence that says so stands in place of numbers.
"""

from collections.abc import Iterator
from typing import Any, Final

from minestream_dialects.draft import Draft
from minestream_dialects.fields import text
from minestream_schemas.telemetry import MinerStatus

MAX_CODES: Final = 64
_LONGEST: Final = 9
_REASON: Final = "reason"
_DOWN: Final = "process is down"


def is_down(words: object) -> bool:
    """Do they say that the mining program does not run? ``btminer process is down err``."""
    said = text(words)
    return said is not None and _DOWN in said.casefold()


def read_refused(source: str, words: str | None, lacks: str, draft: Draft) -> None:
    """A summary that tells nothing: the program is down or switched off, or nobody knows why.

    Args:
        source: the endpoint.
        words: the miner's own.
        lacks: what the answer should have held.
        draft: receives the words, and the failure or the ``problem``; one that has been switched
            off stays so.
    """
    off = draft.status is MinerStatus.STOPPED
    if not off and not is_down(words):
        draft.problem = f"{source}: {words or f'no {lacks} in it'}"
        return
    draft.error = draft.error or words
    draft.status = MinerStatus.STOPPED if off else MinerStatus.FAILURE


def read_errors(summary: dict[str, Any], listed: object, draft: Draft) -> None:
    """All codes, each once, in the order in which they are said; reasons become the error text.

    Args:
        summary: a row of ``SUMMARY``; empty when it has none.
        listed: ``error_code`` or ``error-code``; None when it was not asked for.
        draft: receives the codes and the text.
    """
    if listed is not None and not isinstance(listed, list) and not is_down(listed):
        draft.flags.invalid("error_codes")
    items = listed[:MAX_CODES] if isinstance(listed, list) else []
    codes: dict[str, None] = {}
    for said in (*_numbered(summary), *(code for item in items for code in _codes(item))):
        code = _code(said)
        if code is None:
            draft.flags.invalid("error_codes")
        else:
            codes[code] = None
    draft.error_codes += tuple(codes)[:MAX_CODES]
    reasons = [text(item.get(_REASON)) for item in items if isinstance(item, dict)]
    words = dict.fromkeys(reason for reason in reasons if reason)
    draft.error = draft.error or text("; ".join(words))


def _numbered(summary: dict[str, Any]) -> Iterator[object]:
    for place in range(MAX_CODES):
        key = f"Error Code {place}"
        if key not in summary:
            return
        yield summary[key]


def _codes(item: object) -> Iterator[object]:
    if not isinstance(item, dict):
        yield item
        return
    yield from (key for key in list(item)[:MAX_CODES] if key != _REASON)


def _code(said: object) -> str | None:
    if isinstance(said, bool) or not isinstance(said, (int, str)):
        return None
    if isinstance(said, int):
        return str(said) if abs(said) < 10**_LONGEST else None
    code = said.strip() if len(said) <= MAX_CODES else ""
    return code if code.isascii() and code.isdigit() and len(code) <= _LONGEST else None
