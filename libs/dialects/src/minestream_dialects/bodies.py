"""From a body as it came to a decoded JSON value, mending the firmware faults that we know."""

import json
import re
from base64 import b64decode
from typing import NamedTuple, NoReturn

import msgspec

from minestream_schemas.raw import MAX_BODY_BYTES, EndpointBody, PollStatus


class Decoded(NamedTuple):
    """A body, read.

    Args:
        value: what the JSON says; None where ``problem`` tells why there is none.
        repaired: it was no JSON until a known firmware fault in it was mended.
        problem: why it cannot be read, for people.
    """

    value: object = None
    repaired: bool = False
    problem: str | None = None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"no JSON: {constant}")


# several times faster, and what it takes it reads as json does; what it refuses (a lone surrogate,
# 1e400, too deep a nesting) json may take
_FAST = msgspec.json.Decoder()
_STRICT = json.JSONDecoder(parse_constant=_refuse)
_LENIENT = json.JSONDecoder(strict=False)  # NaN, Infinity and control characters in strings

# One pass, strings first, so that nothing inside a string is touched. Possessive, and a string's
# closing quote is optional: linear in the length of any body, however hostile.
_FAULT = re.compile(
    r"""
    (?P<string>"(?:[^"\\]++|\\.)*+"?)
    (?:(?P<key>(?<=")[a-z_][\w .%-]{0,63}+"(?=\s*+:))  # ""temp0":  no comma, no quote before a key
      |(?P<glued>(?<=")(?=")))?                  # ""x"      no comma between two strings
  | (?P<between>\}\s*+(?=\{))                   # }{    two objects without a comma
  | (?P<trailing>,(?=\s*+[}\]]))                # ,}    a comma after the last item
  | (?P<leading>(?<=[\[{]),)                    # [,    a comma before the first
  | (?P<nan>-?\bnan\b)                          # nan   as C's printf writes it
  | (?P<inf>(?P<sign>-?)\binf(?:inity)?\b)
    """,
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)


def _mended(found: re.Match[str]) -> str:
    fault = found.lastgroup
    if fault == "key":
        return f'{found["string"]},"{found["key"]}'
    if fault in ("glued", "between"):
        return f"{found[0].rstrip()},"
    if fault in ("trailing", "leading"):
        return ""
    if fault == "nan":
        return "NaN"
    if fault in ("inf", "sign"):
        return f"{found['sign']}Infinity"
    return found[0]


def mend(text: str) -> str:
    """Mend the faults that miners' firmware is known for; other text is returned as it is.

    Mended: a byte-order mark, NUL bytes (C strings sent with their terminator), objects without a
    comma between them, likewise strings, keys without their opening quote, commas too many,
    ``nan`` and ``inf``. Strings inside the JSON stay.

    Args:
        text: a body that is no JSON.

    Source: the quirks of ``tests/fixtures/cgminer/malformed_samples.json``, ``tests/fixtures/bad``
    and of pyasic's list of repaired answers.
    """
    return _FAULT.sub(_mended, text.removeprefix("\ufeff").replace("\0", ""))


def decode(endpoint: EndpointBody) -> Decoded:
    """Read one endpoint's body.

    Duplicate keys: the last one counts. ``NaN`` and numbers beyond float64 become floats that no
    field reader accepts, so they cost their own field alone.

    Returns:
        the value, or the problem; it never raises, whatever the bytes are.
    """
    if endpoint.status is not PollStatus.OK:
        return Decoded(problem=endpoint.error or f"{endpoint.status}")
    if endpoint.body is None:
        return Decoded(problem="no body")
    text = endpoint.body
    if len(text) > MAX_BODY_BYTES:
        return Decoded(problem=f"over {MAX_BODY_BYTES} bytes")
    if endpoint.encoding == "base64":
        try:
            return _decode_text(b64decode(text).decode(errors="replace"), repaired=True)
        except ValueError:
            return Decoded(problem="no base64")
    return _decode_text(text)


def decode_bytes(body: bytes) -> Decoded:
    """Read an answer as it came over the wire, as ``decode`` would read it from a poll.

    Returns:
        the value, or the problem; it never raises, whatever the bytes are.
    """
    if len(body) > MAX_BODY_BYTES:
        return Decoded(problem=f"over {MAX_BODY_BYTES} bytes")
    try:
        return _decode_text(body.decode())
    except UnicodeDecodeError:
        return _decode_text(body.decode(errors="replace"), repaired=True)


def _decode_text(text: str, *, repaired: bool = False) -> Decoded:
    if text.endswith("\0"):  # every answer of port 4028: worth no search for other faults
        text, repaired = text.rstrip("\0"), True
    try:
        return Decoded(_FAST.decode(text), repaired)
    except (ValueError, RecursionError):
        pass
    try:
        return Decoded(value=_STRICT.decode(text), repaired=repaired)
    except (ValueError, RecursionError):
        mended = mend(text)
    try:
        return Decoded(value=_LENIENT.decode(mended), repaired=True)
    except ValueError:
        return Decoded(problem="no JSON" if text.strip("\0 \r\n\t") else "empty")
    except RecursionError:
        return Decoded(problem="nested too deeply")
