"""May a page connect? Browsers let any page open a websocket to anywhere, with all cookies."""

from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def allowed(origin: str | None, host: str, further: Iterable[str]) -> bool:
    """May a page of that origin connect to this host?

    Args:
        origin: as the browser says; None: it is no browser, and nobody's page.
        host: as the request was sent to.
        further: origins that may connect from elsewhere.
    """
    if origin is None:
        return True
    page = _place(origin)
    if page is None:
        return False
    scheme = urlsplit(origin).scheme
    return page == _place(f"{scheme}://{host}") or page in map(_place, further)


def _place(origin: str) -> tuple[str, int] | None:
    try:
        parts = urlsplit(origin.strip())
        port = parts.port or _DEFAULT_PORTS[parts.scheme]
    except (ValueError, KeyError):
        return None
    return (parts.hostname, port) if parts.hostname else None
