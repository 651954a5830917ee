"""The route of the stream: who may connect; the rest is the hub's."""

from typing import Final

from fastapi import APIRouter, WebSocket

from api_gateway.adapters.http.problems import problem
from api_gateway.adapters.stream.hub import Hub
from api_gateway.adapters.stream.wire import EXTENSION, Wire
from api_gateway.domain.stream import origins

PATH: Final = "/api/v1/stream"
router = APIRouter()


@router.websocket(PATH)
async def stream(websocket: WebSocket) -> None:
    """See docs/stream.md."""
    if not _may_connect(websocket):
        refusal = problem(websocket, 403, "pages from elsewhere may not connect")
        await websocket.send_denial_response(refusal)
        return
    await websocket.accept()
    await _hub(websocket).serve(websocket, _wire(websocket))


def _may_connect(websocket: WebSocket) -> bool:
    further: str = websocket.app.state.settings.stream_origins
    host, origin = websocket.headers.get("host", ""), websocket.headers.get("origin")
    return origins.allowed(origin, host, filter(None, further.split(",")))


def _hub(websocket: WebSocket) -> Hub:
    hub: Hub = websocket.app.state.hub
    return hub


def _wire(websocket: WebSocket) -> Wire:
    wire: Wire = websocket.scope["extensions"][EXTENSION]
    return wire
