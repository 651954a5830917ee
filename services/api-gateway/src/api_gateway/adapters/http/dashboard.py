"""The dashboard's built page: its files from memory, by exact name, with strict headers."""

import hashlib
import mimetypes
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from importlib.resources import files
from pathlib import Path
from typing import Final

import structlog
from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

CLIENT_ROUTES: Final = ("/", "/miners/{miner_id}", "/alerts", "/system")
"""What the page itself shows by address; all are answered with its index. A browser that goes to
an address that nobody has gets the index too, as 404: the page says that there is no such page."""
_METHODS: Final = ["GET", "HEAD"]
_INDEX: Final = "index.html"
_MOST_FILES, _MOST_BYTES = 2000, 64 * 1024**2
_ENCODINGS: Final = {"br": ".br", "gzip": ".gz"}
"""By preference; the build leaves them beside the file."""
_REFUSED: Final = re.compile(r"0(\.0*)?")
_HASHED: Final = re.compile(r"-[\w-]{8}\.\w+$")
"""A name that changes with its content, as the build gives them."""
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


@dataclass(frozen=True, slots=True)
class _File:
    """One file of the page as it is sent."""

    media_type: str
    bodies: Mapping[str, bytes]
    """By content encoding; "" is the file as it is."""
    etag: str
    lasting: bool
    """Whether its content can never change under this name."""


@dataclass(slots=True)
class Dashboard:
    """The page of one folder; looked for again while it is not there, and when it has changed.

    Requests name files by what was found in the folder, and no path is made from a request.

    Args:
        folder: of the build; None where nobody told.
    """

    folder: Path | None
    _files: dict[str, _File] = field(default_factory=dict)
    _seen: tuple[int, int] | None = None

    def find(self, name: str) -> _File | None:
        """The file of that name, with slashes, from the folder on.

        Args:
            name: as a request has it; anything.
        """
        self._refresh()
        return self._files.get(name)

    def _refresh(self) -> None:
        if self.folder is None:
            return
        try:
            found = (self.folder / _INDEX).stat()
        except OSError:
            self._files, self._seen = {}, None
            return
        if self._seen != (found.st_mtime_ns, found.st_ino):
            self._files = dict(_read(self.folder))
            self._seen = found.st_mtime_ns, found.st_ino
            structlog.get_logger().info("dashboard_found", files=len(self._files))


def install(app: FastAPI, folder: Path | None) -> None:
    """Have an app serve the page; its routes are no part of the API's description.

    Args:
        app: with all its other routes.
        folder: of the build; None: the page's addresses say that it is not built.
    """
    dashboard = Dashboard(folder)
    not_built = (files("api_gateway.adapters.http") / "not_built.html").read_bytes()

    async def index(request: Request) -> Response:
        found = dashboard.find(_INDEX)
        return _missing(request, not_built) if found is None else _answer(request, found)

    async def asset(request: Request) -> Response:
        found = dashboard.find(f"assets/{request.path_params['name']}")
        if found is None:
            raise HTTPException(404, "no such file in the dashboard's build")
        return _answer(request, found)

    for path in CLIENT_ROUTES:
        app.add_api_route(path, index, methods=_METHODS, include_in_schema=False)
    app.add_api_route("/assets/{name:path}", asset, methods=_METHODS, include_in_schema=False)
    otherwise = app.router.default

    async def nowhere(scope: Scope, receive: Receive, send: Send) -> None:
        found = dashboard.find(_INDEX) if _is_for_people(scope) else None
        if found is None:
            await otherwise(scope, receive, send)
        else:
            answer = _answer(Request(scope), found, status=404)
            await answer(scope, receive, send)

    app.router.default = nowhere


def _read(folder: Path) -> Iterator[tuple[str, _File]]:
    count = size = 0
    for place in (folder, folder / "assets"):
        for path in sorted(place.iterdir()) if place.is_dir() else ():
            if path.is_symlink() or not path.is_file() or path.suffix in _ENCODINGS.values():
                continue
            count, size = count + 1, size + path.stat().st_size
            if count > _MOST_FILES or size > _MOST_BYTES:
                structlog.get_logger().error("dashboard_too_big", most_bytes=_MOST_BYTES)
                return
            yield path.relative_to(folder).as_posix(), _file(path)


def _file(path: Path) -> _File:
    bodies = {"": path.read_bytes()}
    for encoding, suffix in _ENCODINGS.items():
        packed = path.with_name(path.name + suffix)
        if packed.is_file():
            bodies[encoding] = packed.read_bytes()
    return _File(
        media_type=mimetypes.guess_type(path.name)[0] or "application/octet-stream",
        bodies=bodies,
        etag=hashlib.sha256(bodies[""]).hexdigest()[:20],
        lasting=_HASHED.search(path.name) is not None,
    )


def _is_for_people(scope: Scope) -> bool:
    """Whether a browser wants to show what is at an address that nobody has."""
    if scope["type"] != "http" or scope["method"] not in {"GET", "HEAD"}:
        return False
    of_programs = scope["path"].startswith(("/api/", "/assets/"))
    return not of_programs and "text/html" in Headers(scope=scope).get("accept", "")


def _answer(request: Request, file: _File, *, status: int = 200) -> Response:
    encoding = _encoding(request.headers.get("accept-encoding", ""), file)
    etag = f'"{file.etag}{encoding and "-" + encoding}"'
    kept = "public, max-age=31536000, immutable" if file.lasting else "no-cache"
    headers = _HEADERS | {"ETag": etag, "Cache-Control": kept, "Vary": "Accept-Encoding"}
    if encoding:
        headers["Content-Encoding"] = encoding
    if status == HTTPStatus.OK and etag in (
        tag.strip() for tag in request.headers.get("if-none-match", "").split(",")
    ):
        return Response(status_code=304, headers=headers)
    body = file.bodies[encoding]
    if request.method == "HEAD":
        headers["Content-Length"] = str(len(body))
        body = b""
    return Response(body, status, headers, media_type=file.media_type)


def _encoding(accepted: str, file: _File) -> str:
    """The best encoding that the request takes and the file has; "" for none."""
    taken = set()
    for choice in accepted.lower().split(","):
        name, _, quality = choice.replace(" ", "").partition(";q=")
        if not _REFUSED.fullmatch(quality):
            taken.add(name)
    return next((name for name in _ENCODINGS if name in taken and name in file.bodies), "")


def _missing(request: Request, told: bytes) -> Response:
    headers = _HEADERS | {"Cache-Control": "no-store", "Retry-After": "5", "Refresh": "5"}
    body = b"" if request.method == "HEAD" else told
    return Response(body, 503, headers, media_type="text/html")
