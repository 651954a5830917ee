"""Abacus.AI's SDK, bounded: our own connections and time limits, no hidden retries or hooks.

Importing this module loads the SDK and with it pandas (a second, 90 MB): only a sink that has a
key does, in a thread.
"""

import os
import queue
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

import abacusai
import requests  # noqa: TID251 - the SDK's own HTTP library
import urllib3

DEFAULT_SERVER: Final = "https://api.abacus.ai"
SDK_VERSION: Final[str] = abacusai.ApiClient.client_version
ApiException = abacusai.ApiException
RequestException = requests.RequestException
_CONNECT_S: Final = 5.0
_MOST_BYTES: Final = 16 * 1024 * 1024
_CHUNK: Final = 64 * 1024
_ENVIRONMENT: Final = ("ABACUS_API_KEY", "ABACUS_API_SERVER")
_DISCOVERED: Final = abacusai.client._cached_endpoints  # noqa: SLF001 - never expires by itself


class Connections:
    """Kept-alive connections, each used by one thread at a time.

    Args:
        timeout_s: for a call, all of it: connecting, sending, every byte of the answer.
    """

    def __init__(self, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self._idle: queue.LifoQueue[Any] = queue.LifoQueue()
        self._heard = threading.local()

    @property
    def retry_after(self) -> str | None:
        """What the last answer to this thread asked for; the SDK loses it."""
        return getattr(self._heard, "retry_after", None)

    def call(self, method: str, url: str, **parts: Any) -> Any:
        """One call and its whole answer.

        Raises:
            requests.RequestException: none in time, or a longer one than anybody means.
        """
        self._heard.retry_after = None
        limit_s = time.monotonic() + self.timeout_s
        with self._lent() as session:
            session.trust_env = not _is_here(url)  # no proxy leads back to this machine
            response = session.request(
                method,
                url,
                stream=True,
                allow_redirects=False,  # the key would go along
                timeout=(min(_CONNECT_S, self.timeout_s), self.timeout_s),
                **parts,
            )
            response._content = _whole(response, limit_s)  # noqa: SLF001 - as requests keeps it
        self._heard.retry_after = response.headers.get("Retry-After")
        return response

    def close(self) -> None:
        """Let go of those that are idle."""
        while not self._idle.empty():
            self._idle.get_nowait().close()

    @contextmanager
    def _lent(self) -> Iterator[Any]:
        try:
            session = self._idle.get_nowait()
        except queue.Empty:
            session = requests.Session()
        try:
            yield session
        except BaseException:
            session.close()
            raise
        self._idle.put(session)


def _is_here(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return host == "localhost" or host.startswith("127.") or host == "::1"


def _whole(response: Any, limit_s: float) -> bytes:
    """The answer's body.

    A read timeout begins anew with every byte that drips in, so what has come is looked at.
    """
    body = bytearray()
    try:
        while chunk := response.raw.read1(_CHUNK, decode_content=True):
            body += chunk
            if time.monotonic() > limit_s or len(body) > _MOST_BYTES:
                response.close()
                raise requests.Timeout("the answer does not end")
    except urllib3.exceptions.HTTPError as exc:
        raise requests.ConnectionError(type(exc).__name__) from None
    return bytes(body)


class _Bounded:
    """The SDK's clients over ``Connections``: see ``_request`` of its ``BaseApiClient``."""

    connections: Connections

    def _request(  # noqa: PLR0917 - as the SDK calls it
        self,
        url: str,
        method: str,
        query_params: Mapping[str, object] | None = None,
        headers: Mapping[str, str | None] | None = None,
        body: object = None,
        files: object = None,
        stream: bool = False,  # noqa: FBT001, FBT002 - as the SDK calls it
        timeout: float | None = None,
        retry_500: bool = False,  # noqa: FBT001, FBT002 - as the SDK calls it
        data: object = None,
    ) -> Any:
        del stream, timeout, retry_500  # ours to decide
        return self.connections.call(
            method, url, params=query_params, headers=headers, json=body, files=files, data=data
        )


class ControlClient(_Bounded, abacusai.ApiClient):  # type: ignore[misc] # published without types
    """Registers and describes; puts single rows.

    The SDK's own constructor finds the endpoints, and where it cannot it blocks for 33 s and then
    says nothing. Without a key it asks for none, so ``discover`` asks once and tells.

    Args:
        key: the API key.
        server: where the service is.
        connections: shared with the client for rows.
    """

    def __init__(self, key: str, server: str, connections: Connections) -> None:
        self.connections = connections
        with _alone():
            super().__init__(api_key=None, server=server, skip_version_check=True, include_tb=True)
        self.api_key = key

    def discover(self) -> None:
        """Learn which addresses are for what.

        Raises:
            KeyError: the service does not say.
        """
        told = self._call_api("getApiEndpoint", "GET")
        self.api_endpoint = told["apiEndpoint"]
        self.prediction_endpoint = told["predictEndpoint"]
        self.proxy_endpoint = told["proxyEndpoint"]

    def version_there(self) -> str:
        """The version that the service would like clients to have."""
        return str(self._call_api("version", "GET", server_override=self.api_endpoint))


class RowsClient(_Bounded, abacusai.StreamingClient):  # type: ignore[misc] # published without types
    """Appends rows. Asks the service for each feature group which region takes its rows.

    Args:
        server: where the service is.
        connections: shared with the control client.
    """

    def __init__(self, server: str, connections: Connections) -> None:
        self.connections = connections
        with _alone():
            super().__init__(abacusai.ClientOptions(server=server))
        self.prediction_endpoint = None  # not that server, whatever region it is in
        _DISCOVERED.clear()


@contextmanager
def _alone() -> Iterator[None]:
    """Keep the SDK's constructor from the process: its hook for errors, its own variables."""
    hook = sys.excepthook
    kept = {name: os.environ.pop(name) for name in _ENVIRONMENT if name in os.environ}
    try:
        yield
    finally:
        sys.excepthook = hook
        os.environ.update(kept)
