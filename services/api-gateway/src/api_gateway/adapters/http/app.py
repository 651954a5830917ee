"""The FastAPI app: routes, problems, description."""

from typing import Any, Final

from fastapi import FastAPI

from api_gateway.adapters.database import Reader
from api_gateway.adapters.http import dashboard, openapi, problems
from api_gateway.adapters.http.alerts import routes as alerts
from api_gateway.adapters.http.collector import routes as collector
from api_gateway.adapters.http.gaps import routes as gaps
from api_gateway.adapters.http.market import routes as market
from api_gateway.adapters.http.miners import routes as miners
from api_gateway.adapters.http.observed import Observed
from api_gateway.adapters.http.operations import routes as operations
from api_gateway.adapters.http.pools import routes as pools
from api_gateway.adapters.http.readings import routes as readings
from api_gateway.adapters.http.sites import routes as sites
from api_gateway.adapters.http.stream import routes as stream
from api_gateway.adapters.http.system import routes as system
from api_gateway.adapters.http.telemetry import routes as telemetry
from api_gateway.adapters.http.unified import routes as unified
from api_gateway.adapters.http.waiting import Waiting
from api_gateway.adapters.scrape import System
from api_gateway.adapters.tracing import Ways
from api_gateway.settings import GatewaySettings
from minestream_runtime.clock import Clock
from minestream_runtime.health import Health

_ROUTERS: Final = (
    miners.router,
    telemetry.router,
    unified.router,
    readings.router,
    gaps.router,
    alerts.router,
    sites.router,
    pools.router,
    market.router,
    system.router,
    operations.router,
    collector.router,
)


class Gateway(FastAPI):
    """Describes itself with our problems in place of FastAPI's."""

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document."""
        return openapi.describe(self, _ROUTERS)


def create_app(settings: GatewaySettings, reader: Reader, health: Health, clock: Clock) -> Gateway:
    """The app; it opens nothing and starts nothing.

    Swagger's pages are off: they load their scripts from elsewhere, and many farms have no way
    out. ``/openapi.json`` has everything that they would show.

    Args:
        settings: limits.
        reader: the only way to the database that routes have.
        health: behind ``/readyz``.
        clock: what "now" is, and how long a request takes.
    """
    app = Gateway(
        title="Minestream",
        version="1",
        description="The fleet and what it says. Instants are RFC 3339, UTC; hashrates are H/s.",
        docs_url=None,
        redoc_url=None,
    )
    app.state.settings, app.state.reader = settings, reader
    app.state.health, app.state.clock = health, clock
    app.state.ways, app.state.waiting = Ways(settings), Waiting()
    app.state.system = System(settings, health, clock)
    for router in _ROUTERS:
        app.include_router(router)
    app.include_router(stream.router)
    dashboard.install(app, settings.dashboard_folder)
    problems.install(app)
    app.add_middleware(Observed, clock=clock)
    return app
