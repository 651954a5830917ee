"""What routes get at: whatever the app holds for all of them."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import Depends, Request

from api_gateway.adapters.database import Reader
from api_gateway.adapters.scrape import System
from api_gateway.adapters.tracing import Ways
from api_gateway.settings import GatewaySettings
from minestream_runtime.clock import Clock
from minestream_runtime.health import Health


def _held(name: str) -> Callable[[Request], Awaitable[Any]]:
    async def found(request: Request) -> Any:  # FastAPI would call a plain function in a thread
        return getattr(request.app.state, name)

    return found


WithReader = Annotated[Reader, Depends(_held("reader"))]
WithClock = Annotated[Clock, Depends(_held("clock"))]
WithHealth = Annotated[Health, Depends(_held("health"))]
WithSettings = Annotated[GatewaySettings, Depends(_held("settings"))]
WithWays = Annotated[Ways, Depends(_held("ways"))]
WithSystem = Annotated[System, Depends(_held("system"))]
