from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

import jsonschema
import pytest

from api_gateway.adapters.http.app import create_app
from api_gateway.adapters.http.miners.answers import MinerItem
from api_gateway.domain.listing import SORTABLE
from api_gateway.settings import GatewaySettings
from minestream_runtime.clock import SystemClock
from minestream_runtime.health import Health
from minestream_schemas.inventory import InventoryEntry
from minestream_schemas.telemetry import MinerTelemetry

if TYPE_CHECKING:
    from api_gateway.adapters.database import Reader


def document() -> dict[str, Any]:
    reader = cast("Reader", None)  # describing reads nothing
    return create_app(GatewaySettings(), reader, Health(), SystemClock()).openapi()


def answers() -> Iterator[Any]:
    for path, item in document()["paths"].items():
        for method, operation in item.items():
            for status, response in operation["responses"].items():
                for media_type, content in response["content"].items():
                    yield pytest.param(content, id=f"{method} {path} {status} {media_type}")


@pytest.mark.parametrize("content", list(answers()))
def test_each_answer_has_an_example_that_its_schema_accepts(content: dict[str, Any]) -> None:
    schema = content.get("schema", {"type": "string"}) | {
        "components": document()["components"],
    }
    jsonschema.validate(
        content["example"], schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )


def test_every_route_of_the_database_tells_its_problems() -> None:
    for path, item in document()["paths"].items():
        if "get" not in item:
            continue
        statuses = set(item["get"]["responses"])
        assert {"200", "422", "500"} <= statuses, path
        if path.startswith("/api/"):
            assert {"503", "504"} <= statuses, path
        if "{" in path:
            assert "404" in statuses, path


def test_no_description_leads_to_a_sealed_box() -> None:
    schemas = document()["components"]["schemas"]
    for name, schema in schemas.items():
        assert "sealed" not in schema.get("properties", {}), name


def test_every_field_of_an_item_is_named_as_in_the_contract() -> None:
    known = {
        *InventoryEntry.model_fields,
        *MinerTelemetry.model_fields,
        "age_s",
        "hashrate_nominal_hs",
    }
    assert set(MinerItem.model_fields) <= known
    assert set(SORTABLE) <= set(MinerItem.model_fields)


def test_no_description_mentions_a_page_that_loads_scripts_from_elsewhere() -> None:
    app = create_app(GatewaySettings(), cast("Reader", None), Health(), SystemClock())
    assert app.docs_url is None
    assert app.redoc_url is None
    assert app.openapi_url == "/openapi.json"
