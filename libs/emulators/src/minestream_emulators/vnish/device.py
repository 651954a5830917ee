"""The firmware's web server without a socket: a request comes in, a reply goes out."""

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import ClassVar, Final
from urllib.parse import parse_qs

import msgspec

from minestream_emulators.device import HTML, WRONG_UNIT, HttpFirmware, Reply, Request
from minestream_emulators.vnish import live, parts

API: Final = "/api/v1"
LOCK_AFTER: Final = 5
LOCK_S: Final = 60
SESSION_S: Final = 3600.0

INDEX: Final = b"""<!DOCTYPE html>
<html lang="en" data-animation="false">
  <head>
    <meta charset="UTF-8">
    <meta http-equiv="X-UA-Compatible" content="IE=edge">
    <meta name="viewport" content="width=device-width,initial-scale=1.0">
    <meta name="firmware" content="AnthillOS">
    <link rel="icon" href="/favicon.ico" />
    <title>AnthillOS</title>
  </head>
  <body><div id="app"></div></body>
</html>
"""
PAGES: Final = frozenset({"/", "/index.html", "/docs/"})
"""The firmware describes its API under ``/docs/``."""

UNAUTHORISED: Final = Reply(401)
NOT_FOUND: Final = Reply(404, b"Not Found", "text/plain")
METHOD_NOT_ALLOWED: Final = Reply(405)
SECRET: Final = frozenset({"/settings", "/autotune/presets"})


@dataclass(slots=True)
class Device(HttpFirmware):
    """One miner's firmware: its machine, its sessions, its manners."""

    finding: bool = False
    _sessions: dict[str, float] = field(default_factory=dict)
    _failures: list[float] = field(default_factory=list)
    _locked_until_s: float = 0.0
    _issued: int = 0

    def answer(self, request: Request) -> Reply:
        """Answer one request, at the instant it carries."""
        if request.path in PAGES:
            return Reply(200, INDEX, HTML)
        if not request.path.startswith(API):
            return NOT_FOUND
        self.miner.advance(request.at_s)
        endpoint = request.path[len(API) :]
        routes = self._posts if request.method == "POST" else self._gets
        if request.method not in ("GET", "HEAD", "POST"):
            return METHOD_NOT_ALLOWED
        route = routes.get(endpoint)
        if route is None:
            other = self._gets if routes is self._posts else self._posts
            return METHOD_NOT_ALLOWED if endpoint in other else NOT_FOUND
        if endpoint in SECRET and not self._knows(request):
            return UNAUTHORISED
        return route(self, request)

    def reboot(self) -> None:
        """Forget every session."""
        self._sessions.clear()
        self._failures.clear()
        self._locked_until_s = 0.0
        self.finding = False

    def _knows(self, request: Request) -> bool:
        """By its token, behind ``Bearer`` or bare, as clients in the field send it."""
        first, _, rest = request.headers.get("authorization", "").strip().partition(" ")
        token = rest.strip() if first.lower() == "bearer" else first if not rest else ""
        return not self.wrong_password and self._sessions.get(token, 0.0) > request.at_s

    def _unlock(self, request: Request) -> Reply:
        at_s = request.at_s
        if at_s < self._locked_until_s:
            return Reply(429, live.encode({"unlock_timeout": LOCK_S}))
        try:
            said = msgspec.json.decode(request.body, type=dict[str, str])
        except msgspec.MsgspecError as exc:
            return Reply(400, live.encode({"err": str(exc)}))
        if self.wrong_password or said.get("pw") != self.who.password:
            self._failures = [then for then in self._failures if at_s - then < LOCK_S]
            self._failures.append(at_s)
            if len(self._failures) >= LOCK_AFTER:
                self._failures.clear()
                self._locked_until_s = at_s + LOCK_S
            return Reply(403, b'{"unlock_timeout":null}')
        self._failures.clear()
        self._issued += 1
        secret = f"{self.who.miner_id}:{self.who.password}:{self._issued}:{at_s}".encode()
        token = blake2b(secret, digest_size=16).hexdigest()
        self._sessions = {old: end for old, end in self._sessions.items() if end > at_s}
        self._sessions[token] = at_s + SESSION_S
        return Reply(200, live.encode({"token": token}))

    def _status(self, request: Request) -> Reply:
        wait_s = max(0, round(self._locked_until_s - request.at_s))
        knows = self._knows(request)
        return Reply(
            200,
            live.status(self.miner, unlocked=knows, unlock_timeout_s=wait_s, finding=self.finding),
        )

    def _info(self, _: Request) -> Reply:
        unit = WRONG_UNIT if self.wrong_unit else None
        return Reply(200, live.info(self.miner, self.who, unit=unit))

    def _metrics(self, request: Request) -> Reply:
        asked = parse_qs(request.query)
        try:
            slice_s, step_s = (int(asked.get(key, ["0"])[0]) for key in ("time_slice", "step"))
        except ValueError as exc:
            return Reply(400, live.encode({"err": str(exc)}))
        return Reply(200, live.metrics(self.miner, slice_s=slice_s, step_s=step_s))

    def _chips(self, _: Request) -> Reply:
        return NOT_FOUND if self.miner.model.has_boards else Reply(200, parts.chips(self.miner))

    def _chains(self, _: Request) -> Reply:
        return NOT_FOUND if self.miner.model.has_boards else Reply(200, parts.boards(self.miner))

    def _boards(self, _: Request) -> Reply:
        return Reply(200, parts.boards(self.miner)) if self.miner.model.has_boards else NOT_FOUND

    def _find(self, request: Request, key: str) -> Reply:
        try:
            wanted = msgspec.json.decode(request.body, type=dict[str, bool]).get(key)
        except msgspec.MsgspecError as exc:
            return Reply(400, live.encode({"err": str(exc)}))
        self.finding = not self.finding if wanted is None else wanted
        return Reply(200, live.encode({key: self.finding}))

    def _locate(self, request: Request) -> Reply:
        if not self.miner.model.has_boards:
            return NOT_FOUND
        return self._find(request, "is_enabled")

    def _model(self, _: Request) -> Reply:
        return Reply(200, parts.model(self.miner.model, self.who))

    def _summary(self, _: Request) -> Reply:
        return Reply(200, live.summary(self.miner, self.who))

    def _perf_summary(self, _: Request) -> Reply:
        return Reply(200, parts.perf_summary(self.miner))

    def _settings(self, _: Request) -> Reply:
        return Reply(200, parts.settings(self.miner, self.who))

    def _presets(self, _: Request) -> Reply:
        return Reply(200, parts.presets(self.miner))

    def _find_miner(self, request: Request) -> Reply:
        return self._find(request, "on")

    _gets: ClassVar[dict[str, Callable[["Device", Request], Reply]]] = {
        "/info": _info,
        "/model": _model,
        "/summary": _summary,
        "/status": _status,
        "/perf-summary": _perf_summary,
        "/chips": _chips,
        "/chains": _chains,
        "/boards": _boards,
        "/metrics": _metrics,
        "/settings": _settings,
        "/autotune/presets": _presets,
    }
    _posts: ClassVar[dict[str, Callable[["Device", Request], Reply]]] = {
        "/unlock": _unlock,
        "/find-miner": _find_miner,
        "/locate-miner": _locate,
    }
