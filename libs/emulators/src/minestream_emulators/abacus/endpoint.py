"""The emulated Abacus.AI over HTTP: the SDK's calls, and a back door for tests and the demo.

Back door: GET rows?tableName=, GET calls, POST rules, GET/POST/DELETE mishaps.
"""

import asyncio
import json
import secrets
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, NoReturn
from urllib.parse import parse_qs

import msgspec
from aiohttp import web

from minestream_emulators.abacus.mishaps import Drop, Mishap, Mishaps
from minestream_emulators.abacus.store import AppendRule, Group, Kept, RefusedError, Store
from minestream_emulators.troubles import Trouble, Troubles

if TYPE_CHECKING:
    from minestream_emulators.outside import Outside

KEY: Final = "demo-key"
"""The one key that is right."""
VERSION: Final = "1.4.119"
_RETRY_AFTER_S: Final = 2
_APPENDING: Final = frozenset({"appendData", "appendMultipleData"})
_OPEN: Final = frozenset({"version", "getApiEndpoint"})
_MOST_CALLS: Final = 10_000


class Rules(msgspec.Struct, forbid_unknown_fields=True):
    """How the service behaves; what is left out stays as it is."""

    append: AppendRule | None = None
    most_bytes: int | None = None


class Said(msgspec.Struct):
    """One call that came."""

    method: str
    rows: int
    size: int
    status: int


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the SDK, read.

    Args:
        method: its name.
        fields: of query, form and JSON body together.
        key: which API key came with it.
        base: where the caller found us.
    """

    method: str
    fields: Mapping[str, Any]
    key: str | None
    base: str


class Endpoint:
    """One organisation's service.

    Args:
        troubles: what is wrong beyond the farm.
    """

    def __init__(self, troubles: Troubles) -> None:
        self._troubles = troubles
        self._store = Store()
        self._mishaps = Mishaps()
        self._most_bytes = 0
        self._healed = asyncio.Event()
        self._calls: deque[Said] = deque(maxlen=_MOST_CALLS)
        self._does: dict[str, Callable[[Call], object]] = {
            "getApiEndpoint": self._endpoints,
            "version": lambda _: VERSION,
            "createOnlineFeatureGroup": lambda call: self._store.create_group(
                call.fields, _now()
            ).told(),
            "describeFeatureGroup": lambda call: self._group(call).told(),
            "describeFeatureGroupByTableName": lambda call: self._store.group_of_table(
                call.fields.get("tableName")
            ).told(),
            "listFeatureGroups": lambda call: _page(
                [group.told() for group in self._store.groups.values()], "featureGroupId", call
            ),
            "setFeatureGroupSchema": self._set_schema,
            "createProject": lambda call: self._store.create_project(call.fields, _now()),
            "listProjects": lambda call: _page(
                list(self._store.projects.values()), "projectId", call
            ),
            "addFeatureGroupToProject": self._attach,
            "listProjectFeatureGroups": self._attached,
            "createStreamingToken": lambda _: self._store.create_token(_now()),
            "listStreamingTokens": lambda _: [
                {"streamingToken": token, "createdAt": at}
                for token, at in self._store.tokens.items()
            ],
            "appendData": lambda call: self._append(call, [call.fields.get("data")]),
            "appendMultipleData": lambda call: self._append(call, call.fields.get("data")),
            "upsertData": self._upsert,
            "getData": self._rows_of,
        }

    def application(self) -> web.Application:
        """The routes."""
        app = web.Application()
        app.router.add_route("*", "/api/v0/{method}", self._answer)
        app.router.add_route("*", "/api/{method}", self._answer)
        app.router.add_get("/rows", self._show_rows)
        app.router.add_get("/calls", self._show_calls)
        app.router.add_post("/rules", self._set_rules)
        app.router.add_get("/mishaps", self._show_mishaps)
        app.router.add_post("/mishaps", self._add_mishap)
        app.router.add_delete("/mishaps", self._heal)
        return app

    async def _answer(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        body = await request.content.read()
        mishap = self._mishaps.at(method, body)
        if mishap is not None and mishap.delay_s:
            with suppress(TimeoutError):
                async with asyncio.timeout(mishap.delay_s):
                    await self._healed.wait()
        if mishap is not None and mishap.drop is Drop.BEFORE:
            return _cut(request)
        answer = self._trouble(mishap) or self._done(request, method, body)
        if mishap is not None and mishap.drop is Drop.AFTER:
            return _cut(request)
        return answer

    def _trouble(self, mishap: Mishap | None) -> web.Response | None:
        if Trouble.ABACUS_DOWN in self._troubles:
            return _refusal(HTTPStatus.SERVICE_UNAVAILABLE, "", "service unavailable")
        if Trouble.ABACUS_429 in self._troubles:
            return _refusal(
                HTTPStatus.TOO_MANY_REQUESTS, "", "slow down", retry_after_s=_RETRY_AFTER_S
            )
        if mishap is None or not mishap.status:
            return None
        if mishap.html:
            return web.Response(
                status=mishap.status, text="<html>sorry</html>", content_type="text/html"
            )
        return _refusal(mishap.status, mishap.kind, "a mishap", retry_after_s=mishap.retry_after_s)

    def _done(self, request: web.Request, method: str, body: bytes) -> web.Response:
        answer, rows = self._tried(request, method, body)
        self._calls.append(Said(method, rows, len(body), answer.status))
        return answer

    def _tried(self, request: web.Request, method: str, body: bytes) -> tuple[web.Response, int]:
        try:
            self._measure(body)
            call = _read(request, method, body)
            self._admit(call)
            result = self._what_does(method)(call)
        except RefusedError as exc:
            return _refusal(exc.status, exc.kind, str(exc)), 0
        data = call.fields.get("data")
        rows = len(data) if isinstance(data, list) else int(data is not None)
        return web.json_response({"success": True, "result": result}), rows

    def _measure(self, body: bytes) -> None:
        if self._most_bytes and len(body) > self._most_bytes:
            raise RefusedError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "ApiException", "body is too large"
            )

    def _what_does(self, method: str) -> Callable[[Call], object]:
        does = self._does.get(method)
        if does is None:
            raise RefusedError(HTTPStatus.NOT_FOUND, "Generic404Error", f"no API method {method}")
        return does

    def _admit(self, call: Call) -> None:
        """Let the right key in, and a streaming token to what it is for."""
        token = call.fields.get("streamingToken")
        if call.method in _APPENDING:
            allowed = token in self._store.tokens
        elif call.method in _OPEN and call.key is None:
            allowed = token is None or token in self._store.tokens
        else:
            allowed = call.key == KEY
        if not allowed:
            raise RefusedError(
                HTTPStatus.FORBIDDEN, "PermissionDeniedError", "the key or token is not valid"
            )

    def _endpoints(self, call: Call) -> dict[str, str]:
        return dict.fromkeys(("apiEndpoint", "predictEndpoint", "proxyEndpoint"), call.base)

    def _group(self, call: Call) -> Group:
        return self._store.group(call.fields.get("featureGroupId"))

    def _set_schema(self, call: Call) -> None:
        schema = call.fields.get("schema")
        try:
            types = {
                str(column["name"]): str(column["dataType"]).lower() for column in schema or ()
            }
        except (TypeError, KeyError):
            raise RefusedError(
                HTTPStatus.BAD_REQUEST, "InvalidParameterError", "schema: name and dataType"
            ) from None
        self._group(call).schema = types

    def _attach(self, call: Call) -> None:
        members = self._store.members(call.fields.get("projectId"))
        group_id = self._group(call).group_id
        if group_id not in members:
            members.append(group_id)

    def _attached(self, call: Call) -> list[object]:
        members = self._store.members(call.fields.get("projectId"))
        return _page([self._store.groups[one].told() for one in members], "featureGroupId", call)

    def _append(self, call: Call, rows: object) -> None:
        group = self._group(call)
        if not isinstance(rows, list):
            raise RefusedError(
                HTTPStatus.BAD_REQUEST, "InvalidParameterError", "data must be a list"
            )
        for row in rows:
            group.checked(row)  # all or none
        for row in rows:
            group.put(row, rule=self._store.rule, at=_now())

    def _upsert(self, call: Call) -> dict[str, Any]:
        group = self._group(call)
        row = _json(str(call.fields.get("data")).encode())
        return _told(group, group.put(row, rule=AppendRule.OVERWRITE, at=_now()))

    def _rows_of(self, call: Call) -> list[dict[str, Any]]:
        group, key = self._group(call), call.fields.get("primaryKey")
        rows = [kept for kept in group.rows.values() if key is None or kept.key == key]
        most = int(call.fields.get("numRows") or len(rows))
        return [_told(group, kept) for kept in rows[max(0, len(rows) - most) :]]

    async def _show_rows(self, request: web.Request) -> web.Response:
        try:
            group = self._store.group_of_table(request.query.get("tableName"))
        except RefusedError as exc:
            return _refusal(exc.status, exc.kind, str(exc))
        return web.json_response([kept.contents for kept in group.rows.values()])

    async def _show_calls(self, _: web.Request) -> web.Response:
        return web.json_response(msgspec.to_builtins(list(self._calls)))

    async def _set_rules(self, request: web.Request) -> web.Response:
        try:
            rules = msgspec.json.decode(await request.read(), type=Rules)
        except msgspec.MsgspecError as exc:
            return web.json_response({"error": str(exc)}, status=HTTPStatus.BAD_REQUEST)
        self._store.rule = rules.append or self._store.rule
        self._most_bytes = self._most_bytes if rules.most_bytes is None else rules.most_bytes
        return web.json_response({"append": self._store.rule, "most_bytes": self._most_bytes})

    async def _show_mishaps(self, _: web.Request) -> web.Response:
        return web.json_response(msgspec.to_builtins(self._mishaps.waiting))

    async def _add_mishap(self, request: web.Request) -> web.Response:
        try:
            mishap = msgspec.json.decode(await request.read(), type=Mishap)
        except msgspec.MsgspecError as exc:
            return web.json_response({"error": str(exc)}, status=HTTPStatus.BAD_REQUEST)
        self._mishaps.waiting.append(mishap)
        return web.json_response(msgspec.to_builtins(mishap), status=HTTPStatus.CREATED)

    async def _heal(self, _: web.Request) -> web.Response:
        count = len(self._mishaps.waiting)
        self._mishaps.waiting.clear()
        self._healed.set()  # whoever is kept waiting goes on
        self._healed = asyncio.Event()
        return web.json_response({"healed": count})


def application(outside: "Outside") -> web.Application:
    """The part of the world beyond the farm that is Abacus.AI."""
    return Endpoint(outside.troubles).application()


def _read(request: web.Request, method: str, body: bytes) -> Call:
    fields: dict[str, Any] = dict(request.query)
    if request.content_type == "application/x-www-form-urlencoded":
        fields |= {name: values[-1] for name, values in parse_qs(body.decode()).items()}
    elif body:
        content = _json(body)
        if not isinstance(content, dict):
            raise RefusedError(HTTPStatus.BAD_REQUEST, "InvalidParameterError", "no JSON object")
        fields |= content
    base = f"{request.scheme}://{request.host}{request.path.partition('/api/')[0]}"
    return Call(method, fields, request.headers.get("apiKey"), base)


def _json(body: bytes) -> Any:
    def refuse(constant: str) -> NoReturn:
        raise ValueError(f"{constant} is no JSON")

    try:
        return json.loads(body, parse_constant=refuse)
    except ValueError as exc:
        raise RefusedError(
            HTTPStatus.BAD_REQUEST, "InvalidParameterError", f"no JSON: {exc}"
        ) from None


def _page(all_of_them: list[Any], id_field: str, call: Call) -> list[Any]:
    after, most = call.fields.get("startAfterId"), int(call.fields.get("limit") or 100)
    ids = [one[id_field] for one in all_of_them]
    begin = ids.index(after) + 1 if after in ids else 0
    return all_of_them[begin : begin + most]


def _told(group: Group, kept: Kept) -> dict[str, Any]:
    return {
        "featureGroupId": group.group_id,
        "primaryKey": kept.key,
        "createdAt": kept.created_at,
        "updatedAt": kept.updated_at,
        "contents": kept.contents,
    }


def _refusal(
    status: int, kind: str, text: str, *, retry_after_s: int | None = None
) -> web.Response:
    headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
    body = {"success": False, "error": text, "errorType": kind, "requestId": secrets.token_hex(4)}
    return web.json_response(body, status=status, headers=headers)


def _cut(request: web.Request) -> web.Response:
    """Break the connection; what is answered then goes nowhere."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _now() -> str:
    return datetime.now(UTC).isoformat()
