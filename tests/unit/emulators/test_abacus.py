"""The emulated feature store, asked without the SDK: what it refuses, keeps and breaks."""

import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from minestream_emulators.abacus.endpoint import KEY
from minestream_emulators.beyond import beyond
from minestream_emulators.outside import Outside
from minestream_emulators.running import emulated_fleet
from minestream_emulators.troubles import Trouble, Troubles


class Client:
    """Calls as the SDK makes them."""

    def __init__(self, http: aiohttp.ClientSession, troubles: Troubles) -> None:
        self.http = http
        self.troubles = troubles
        self.group_id = self.token = ""

    async def call(self, method: str, *, key: str = KEY, **fields: Any) -> tuple[int, Any]:
        path = f"/abacus/api/v0/{method}"
        post = method.startswith(("create", "set", "add", "append"))
        sent: dict[str, Any] = {"json": fields} if post else {"params": fields}
        async with self.http.request(
            "POST" if post else "GET", path, headers={"apiKey": key}, **sent
        ) as answer:
            said = await answer.json()
            return answer.status, said.get("result") if said["success"] else said["errorType"]

    async def append(self, *rows: Any, token: str | None = None) -> tuple[int, Any]:
        return await self.call(
            "appendMultipleData",
            featureGroupId=self.group_id,
            streamingToken=token or self.token,
            data=list(rows),
        )

    async def rows(self) -> Any:
        async with self.http.get("/abacus/rows", params={"tableName": "t"}) as answer:
            return await answer.json()


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    troubles = Troubles(time.monotonic)
    async with (
        emulated_fleet(miners=1) as fleet,
        beyond(Outside(fleet, troubles), "127.0.0.1", 0) as (host, port),
        aiohttp.ClientSession(base_url=f"http://{host}:{port}") as http,
    ):
        client = Client(http, troubles)
        _, group = await client.call("createOnlineFeatureGroup", tableName="t", primaryKey="id")
        client.group_id = group["featureGroupId"]
        _, token = await client.call("createStreamingToken")
        client.token = token["streamingToken"]
        yield client


@pytest.mark.parametrize(("rule", "kept"), [("overwrite", 1), ("duplicate", 2)])
async def test_a_row_whose_key_is_there_follows_the_rule(
    client: Client, rule: str, kept: int
) -> None:
    async with client.http.post("/abacus/rules", json={"append": rule}) as answer:
        assert answer.status == 200
    for value in (1, 2):
        assert await client.append({"id": "a", "v": value}) == (200, None)
    rows = await client.rows()
    assert len(rows) == kept
    assert rows[-1] == {"id": "a", "v": 2}


async def test_a_row_without_a_key_gets_one(client: Client) -> None:
    await client.append({"v": 1}, {"v": 1})
    assert len({row["id"] for row in await client.rows()}) == 2


@pytest.mark.parametrize("row", [{"coin.id": 1}, {"v": "text"}, {"v": True}, [], {}, 7])
async def test_one_bad_row_and_nothing_of_the_batch_is_kept(client: Client, row: Any) -> None:
    schema = [{"name": "v", "dataType": "float"}]
    await client.call("setFeatureGroupSchema", featureGroupId=client.group_id, schema=schema)
    assert await client.append({"v": 1.5}, row) == (400, "InvalidParameterError")
    assert await client.rows() == []


async def test_the_wrong_key_or_token_gets_nowhere(client: Client) -> None:
    refused = (403, "PermissionDeniedError")
    assert await client.call("listFeatureGroups", key="sesame") == refused
    assert await client.call("getApiEndpoint", key="sesame") == refused
    assert await client.append({"v": 1}, token=client.token[::-1]) == refused
    assert await client.rows() == []


async def test_what_is_not_there_is_not_found_and_a_name_is_taken_once(client: Client) -> None:
    missing = (404, "DataNotFoundError")
    assert await client.call("describeFeatureGroupByTableName", tableName="x") == missing
    assert await client.call("noSuchMethod") == (404, "Generic404Error")
    again = await client.call("createOnlineFeatureGroup", tableName="t", primaryKey="id")
    assert again == (409, "AlreadyExistsError")


async def test_lists_come_in_pages(client: Client) -> None:
    for number in range(3):
        await client.call("createProject", name=f"p{number}", useCase="FEATURE_STORE")
    _, first = await client.call("listProjects", limit=2)
    _, rest = await client.call("listProjects", limit=2, startAfterId=first[-1]["projectId"])
    assert [project["name"] for project in first + rest] == ["p0", "p1", "p2"]


async def test_a_number_that_is_no_json_is_refused(client: Client) -> None:
    body = f'{{"featureGroupId": "{client.group_id}", "data": [{{"v": NaN}}]}}'
    path = f"/abacus/api/v0/appendMultipleData?streamingToken={client.token}"
    async with client.http.post(path, data=body) as answer:
        assert answer.status == 400
    assert await client.rows() == []


async def test_mishaps_come_as_often_as_asked_and_only_where_meant(client: Client) -> None:
    async with client.http.post(
        "/abacus/mishaps",
        json={"on": "appendMultipleData", "containing": "bad", "status": 503, "times": 2},
    ) as answer:
        assert answer.status == 201
    assert (await client.append({"id": "good"}))[0] == 200
    assert [(await client.append({"id": "bad"}))[0] for _ in range(3)] == [503, 503, 200]


@pytest.mark.parametrize(("drop", "kept"), [("before", 0), ("after", 1)])
async def test_a_connection_is_cut_before_or_after_the_rows_are_kept(
    client: Client, drop: str, kept: int
) -> None:
    mishap = {"on": "appendMultipleData", "drop": drop}
    async with client.http.post("/abacus/mishaps", json=mishap):
        pass
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await client.append({"id": "a"})
    assert len(await client.rows()) == kept


async def test_a_body_over_the_limit_is_too_large(client: Client) -> None:
    async with client.http.post("/abacus/rules", json={"most_bytes": 300}):
        pass
    assert (await client.append(*({"v": 1.0} for _ in range(100))))[0] == 413
    assert (await client.append({"v": 1.0}))[0] == 200


@pytest.mark.parametrize(
    ("trouble", "status"), [(Trouble.ABACUS_DOWN, 503), (Trouble.ABACUS_429, 429)]
)
async def test_a_trouble_is_answered_until_it_is_over(
    client: Client, trouble: Trouble, status: int
) -> None:
    client.troubles.begin(trouble, for_s=None)
    assert (await client.append({"v": 1}))[0] == status
    client.troubles.heal()
    assert (await client.append({"v": 1}))[0] == 200


@pytest.mark.parametrize("path", ["rules", "mishaps"])
async def test_an_order_that_makes_no_sense_is_refused(client: Client, path: str) -> None:
    async with client.http.post(f"/abacus/{path}", json={"cuont": 1}) as answer:
        assert answer.status == 400
        assert "cuont" in (await answer.json())["error"]
