"""Who may read a miner's web pages: Digest access (RFC 7616, MD5, ``qop=auth``), or Basic."""

import hashlib
from base64 import b64decode
from binascii import Error as NoBase64Error
from collections.abc import Mapping
from dataclasses import dataclass, field
from hmac import compare_digest
from typing import Final
from urllib.request import parse_http_list, parse_keqv_list

from minestream_emulators.device import HTML, Reply, Request

NONCE_S: Final = 300.0
_REMEMBERED: Final = 16


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def digest_response(
    told: Mapping[str, str], *, method: str, user: str, password: str, realm: str
) -> str:
    """What a client that knows the password answers to a nonce.

    Args:
        told: the ``Authorization`` header's parts; those that are missing count as empty.
        method: of HTTP.
        user: whose password.
        password: in the clear.
        realm: as the challenge names it.
    """
    secret = _md5(f"{user}:{realm}:{password}")
    asked = _md5(f"{method}:{told.get('uri', '')}")
    between = ":".join(told.get(key, "") for key in ("nonce", "nc", "cnonce", "qop"))
    return _md5(f"{secret}:{between}:{asked}")


@dataclass(slots=True)
class Guard:
    """What lets a client in.

    Args:
        realm: as the challenge names it.
        key: this miner's own secret, for its nonces.
        digest: Digest; else Basic.
    """

    realm: str
    key: str
    digest: bool = True
    _counts: dict[str, set[str]] = field(default_factory=dict)

    def refusal(self, request: Request, *, user: str, password: str) -> Reply | None:
        """Why a request is not let in: 401 with a challenge; None: it is."""
        scheme, _, rest = request.headers.get("authorization", "").partition(" ")
        if not self.digest:
            knows = scheme.lower() == "basic" and _says(rest, user, password)
            return None if knows else _unauthorised(f'Basic realm="{self.realm}"')
        stale = False
        if scheme.lower() == "digest":
            told = _parts(rest)
            if self._is_right(told, request, user, password):
                if self._is_fresh(told, request.at_s):
                    return None
                stale = True
        nonce = self._nonce(f"{request.at_s:.3f}")
        challenge = f'Digest realm="{self.realm}", nonce="{nonce}", qop="auth", algorithm=MD5'
        return _unauthorised(challenge + (", stale=true" if stale else ""))

    def forget(self) -> None:
        """Forget every nonce: those that were given out are stale."""
        self.key = _md5(self.key)
        self._counts.clear()

    def _is_right(
        self, told: Mapping[str, str], request: Request, user: str, password: str
    ) -> bool:
        uri = f"{request.path}?{request.query}" if request.query else request.path
        if told.get("username") != user or told.get("realm") != self.realm:
            return False
        if told.get("qop") != "auth" or told.get("uri") != uri:
            return False
        expected = digest_response(
            told, method=request.method, user=user, password=password, realm=self.realm
        )
        return compare_digest(expected.encode(), told.get("response", "").encode())

    def _is_fresh(self, told: Mapping[str, str], at_s: float) -> bool:
        """Is the nonce ours, young enough, and is this count of it new?"""
        nonce, count = told.get("nonce", ""), told.get("nc", "")
        begun, _, _ = nonce.partition("-")
        try:
            age_s = at_s - float(begun)
        except ValueError:
            return False
        if not 0.0 <= age_s < NONCE_S or nonce != self._nonce(begun):
            return False
        seen = self._counts.setdefault(nonce, set())
        if count in seen:
            return False
        seen.add(count)
        while len(self._counts) > _REMEMBERED:
            del self._counts[next(iter(self._counts))]
        return True

    def _nonce(self, begun: str) -> str:
        return f"{begun}-{_md5(f'{begun}:{self.key}')}"


def _parts(text: str) -> dict[str, str]:
    try:
        return parse_keqv_list(parse_http_list(text))
    except (ValueError, IndexError):
        return {}


def _says(text: str, user: str, password: str) -> bool:
    try:
        return compare_digest(b64decode(text, validate=True), f"{user}:{password}".encode())
    except NoBase64Error:
        return False


def _unauthorised(challenge: str) -> Reply:
    body = b"<html><head><title>401 Unauthorized</title></head><body></body></html>"
    return Reply(401, body, HTML, {"WWW-Authenticate": challenge})
