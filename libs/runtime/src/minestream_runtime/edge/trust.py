"""Is it the gateway that answers? Whose word counts, and what a refused certificate says."""

import ssl
from typing import Final

from minestream_runtime.edge.config import Edge
from minestream_runtime.errors import ConfigurationError

_TIMES: Final = frozenset({9, 10})
"""OpenSSL's codes: not yet valid, expired."""
_ISSUERS: Final = frozenset({2, 18, 19, 20, 21})
"""OpenSSL's codes: whoever signed it is not known here."""


def trusted(edge: Edge) -> ssl.SSLContext:
    """Whose signature on the gateway's certificate counts: the file's CA, else the system's.

    Raises:
        ConfigurationError: the CA's file cannot be used.
    """
    if edge.file.ca_file is None:
        return ssl.create_default_context()
    try:
        return ssl.create_default_context(cafile=str(edge.path.parent / edge.file.ca_file))
    except (OSError, ssl.SSLError) as exc:
        raise ConfigurationError(f"ca_file: {exc}: certificates in PEM are wanted") from exc


def certificate_fault(exc: BaseException) -> str | None:
    """What was wrong with the certificate, and what to look at; None: it was something else.

    Args:
        exc: of the HTTP client; what caused it is looked at too.
    """
    at: BaseException | None = exc
    while at is not None and not isinstance(at, ssl.SSLCertVerificationError):
        at = at.__cause__ or at.__context__
    if at is None:
        return None
    said = at.verify_message.rstrip(".") or "it cannot be verified"
    if at.verify_code in _TIMES:
        return f"{said} (is this machine's clock right?)"
    if at.verify_code in _ISSUERS:
        return f"{said} (ca_file says whose signature counts)"
    return said
