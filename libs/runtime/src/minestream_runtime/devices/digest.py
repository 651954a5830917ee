"""HTTP authentication towards small devices: Basic, and Digest of RFC 7616. Pure arithmetic.

aiohttp's and httpx' own live inside their clients, raise at a hostile header, and neither knows
``stale``; a device's header is untrusted, and its second round trip is what this avoids.
"""

import base64
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

_MOST_HEADER: Final = 4096
_PART: Final = re.compile(
    r"""([A-Za-z0-9!\#$%&'*+.^_`|~-]++)   # a scheme, or a parameter's name
        (?:\s*+=\s*+(?:"((?:[^"\\]|\\.)*+)"|([^\s,"]*+)))?+""",
    re.VERBOSE,
)
"""Possessive, and with nothing to skip before: a hostile header costs no second look."""
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_ESCAPED: Final = re.compile(r"\\(.)")
_HASHES: Final[dict[str, Callable[[bytes], "hashlib._Hash"]]] = {
    "sha-256": hashlib.sha256,
    "md5": lambda data: hashlib.md5(data, usedforsecurity=False),
}
"""By strength: of several challenges the first of these is answered."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a device wants to see.

    Args:
        scheme: ``digest`` or ``basic``.
        realm: as a person would read it.
        nonce: of Digest, likewise.
        algorithm: ``md5`` or ``sha-256``.
        sess: is the password's hash bound to the first nonces of the conversation?
        qop: can it be answered with ``qop=auth``? Else as RFC 2069 had it.
        opaque: comes back as it is; None: it was not given.
        stale: only the nonce was too old, the credentials were right.
    """

    scheme: str
    realm: str = ""
    nonce: str = ""
    algorithm: str = "md5"
    sess: bool = False
    qop: bool = False
    opaque: str | None = None
    stale: bool = False


def challenges(headers: Iterable[str]) -> list[Challenge]:
    """The challenges that we can answer, strongest first.

    Args:
        headers: ``WWW-Authenticate`` as they came, hostile ones too.
    """
    found = [
        challenge
        for header in headers
        if not _CONTROL.search(header)
        for scheme, told in _split(header[:_MOST_HEADER])
        if (challenge := _challenge(scheme, told)) is not None
    ]
    strength = [*_HASHES]
    return sorted(found, key=lambda one: (one.scheme == "basic", strength.index(one.algorithm)))


def _split(header: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Schemes and their parameters: one header may carry several challenges."""
    scheme, told = "", dict[str, str]()
    for name, quoted, plain in _PART.findall(header):
        if not quoted and not plain and name.lower() in {"digest", "basic"}:
            if scheme:
                yield scheme, told
            scheme, told = name.lower(), {}
        elif scheme:
            value = _ESCAPED.sub(r"\1", quoted) if quoted else plain
            told.setdefault(name.lower(), value)
    if scheme:
        yield scheme, told


def _challenge(scheme: str, told: dict[str, str]) -> Challenge | None:
    if scheme == "basic":
        return Challenge("basic", told.get("realm", ""))
    algorithm, sess, more = told.get("algorithm", "md5").lower().partition("-sess")
    qops = {word.strip().lower() for word in told.get("qop", "").split(",")} - {""}
    if algorithm not in _HASHES or more or not told.get("nonce"):
        return None
    if qops and "auth" not in qops:
        return None
    return Challenge(
        scheme="digest",
        realm=told.get("realm", ""),
        nonce=told["nonce"],
        algorithm=algorithm,
        sess=bool(sess),
        qop=bool(qops),
        opaque=told.get("opaque"),
        stale=told.get("stale", "").lower() == "true",
    )


@dataclass(slots=True, repr=False)
class Login:
    """Credentials for one device, and the conversation so far.

    A challenge is answered again and again, counting up, so that only its first answer costs a
    second round trip. The credentials are refused when the answer to a fresh challenge is.

    Args:
        username: as the device knows it.
        password: likewise.
        new_cnonce: makes our own part of the answer, 16 hex digits.
        basic: may the password be sent as it is, where the device asks for that?
        basic_first: send it so before we are asked.
    """

    username: str
    password: str
    new_cnonce: Callable[[], str]
    basic: bool = False
    basic_first: bool = False
    _challenge: Challenge | None = None
    _cnonce: str = ""
    _secret: str = ""
    _count: int = 0
    _sent: Challenge | None = field(default=None)
    _fresh: bool = False

    def authorization(self, method: str, uri: str) -> str | None:
        """The ``Authorization`` header of the next request; None: we have not been asked yet.

        Args:
            method: GET or POST.
            uri: path and query, as the request has them.
        """
        challenge = self._challenge
        if challenge is None and self.basic_first:
            challenge = self._challenge = Challenge("basic")
            self._fresh = True
        self._sent = challenge
        if challenge is None:
            return None
        if challenge.scheme == "basic":
            pair = f"{self.username}:{self.password}".encode()
            return f"Basic {base64.b64encode(pair).decode()}"
        self._fresh = self._count == 0
        self._count += 1
        return self._digest(challenge, method, uri)

    def challenged(self, headers: Iterable[str]) -> bool:
        """The device answered 401: is it worth to ask once more?

        Args:
            headers: its ``WWW-Authenticate``.

        Returns:
            False: it refuses the credentials, or wants what we cannot answer or may not send.
        """
        found = [one for one in challenges(headers) if one.scheme == "digest" or self.basic]
        if not found:
            self._challenge = None
            return False
        sent, chosen = self._sent, found[0]
        refused = (
            sent is not None
            and sent.scheme == chosen.scheme
            and (sent.scheme == "basic" or (self._fresh and not chosen.stale))
        )
        if refused:
            self._challenge = None
            return False
        self._challenge, self._count = chosen, 0
        if chosen.scheme == "digest":
            self._cnonce = self.new_cnonce()
            self._secret = self._hashed_password(chosen)
        return True

    def _hashed_password(self, challenge: Challenge) -> str:
        digest = _hash_of(challenge)
        secret = digest(f"{self.username}:{challenge.realm}:{self.password}")
        if challenge.sess:
            secret = digest(f"{secret}:{challenge.nonce}:{self._cnonce}")
        return secret

    def _digest(self, challenge: Challenge, method: str, uri: str) -> str:
        digest = _hash_of(challenge)
        asked = digest(f"{method}:{uri}")
        told = [
            f'username="{_quoted(self.username)}"',
            f'realm="{_quoted(challenge.realm)}"',
            f'nonce="{_quoted(challenge.nonce)}"',
            f'uri="{_quoted(uri)}"',
        ]
        algorithm = challenge.algorithm.upper() + ("-sess" if challenge.sess else "")
        told.append(f"algorithm={algorithm}")
        if challenge.qop:
            count = f"{self._count:08x}"
            answer = digest(f"{self._secret}:{challenge.nonce}:{count}:{self._cnonce}:auth:{asked}")
            told += ["qop=auth", f"nc={count}", f'cnonce="{self._cnonce}"']
        else:
            answer = digest(f"{self._secret}:{challenge.nonce}:{asked}")
        told.append(f'response="{answer}"')
        if challenge.opaque is not None:
            told.append(f'opaque="{_quoted(challenge.opaque)}"')
        return f"Digest {', '.join(told)}"


def _hash_of(challenge: Challenge) -> Callable[[str], str]:
    hashed = _HASHES[challenge.algorithm]
    return lambda text: hashed(text.encode(errors="surrogateescape")).hexdigest()


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
