"""The page's files as they are sent: exact names, strict headers, lasting caches."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, cast

import httpx
import pytest

from api_gateway.adapters.http.app import create_app
from api_gateway.settings import GatewaySettings
from minestream_runtime.clock import SystemClock
from minestream_runtime.health import Health

if TYPE_CHECKING:
    from api_gateway.adapters.database import Reader

INDEX = b"<!doctype html><title>Minestream</title>"
CODE = b"console.log(1)"
SECRET = b"not for everybody"


@pytest.fixture
def build(tmp_path: Path) -> Path:
    (tmp_path / "secret.txt").write_bytes(SECRET)
    folder = tmp_path / "build"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_bytes(INDEX)
    (folder / "assets" / "index-DBwMKh2K.js").write_bytes(CODE)
    (folder / "assets" / "index-DBwMKh2K.js.br").write_bytes(b"as brotli")
    (folder / "assets" / "index-DBwMKh2K.js.gz").write_bytes(b"as gzip")
    (folder / "assets" / "theme-1.js").write_bytes(CODE)
    (folder / "assets" / "way-out-12345678.js").symlink_to(tmp_path / "secret.txt")
    return folder


def opened(folder: Path | None) -> httpx.AsyncClient:
    reader = cast("Reader", None)  # the page reads no database
    app = create_app(GatewaySettings(dashboard_folder=folder), reader, Health(), SystemClock())
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=False),
        base_url="http://gateway",
        headers={"Accept-Encoding": "identity"},
    )


@pytest.fixture
async def page(build: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with opened(build) as client:
        yield client


@pytest.mark.parametrize("path", ["/", "/miners/site-a-r01-s03", "/alerts", "/system"])
async def test_each_address_of_the_page_is_its_index_never_cached(
    page: httpx.AsyncClient, path: str
) -> None:
    answer = await page.get(path)
    assert answer.status_code == 200
    assert answer.content == INDEX
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"


async def test_a_name_with_a_hash_is_kept_for_ever_and_another_is_asked_for_again(
    page: httpx.AsyncClient,
) -> None:
    hashed = await page.get("/assets/index-DBwMKh2K.js")
    assert hashed.content == CODE
    assert hashed.headers["cache-control"] == "public, max-age=31536000, immutable"
    plain = await page.get("/assets/theme-1.js")
    assert plain.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    ("accepted", "encoding", "content"),
    [
        ("gzip, deflate, br, zstd", "br", b"as brotli"),
        ("gzip", "gzip", b"as gzip"),
        ("br;q=0, gzip;q=0.5", "gzip", b"as gzip"),
        ("br;q=0.000, GZIP ; q=1.0", "gzip", b"as gzip"),
        ("identity", None, CODE),
        ("", None, CODE),
    ],
)
async def test_the_best_encoding_that_a_browser_takes_is_sent(
    page: httpx.AsyncClient, accepted: str, encoding: str | None, content: bytes
) -> None:
    request = page.build_request(
        "GET", "/assets/index-DBwMKh2K.js", headers={"Accept-Encoding": accepted}
    )
    answer = await page.send(request, stream=True)
    assert answer.headers.get("content-encoding") == encoding
    assert answer.headers["vary"] == "Accept-Encoding"
    assert b"".join([part async for part in answer.aiter_raw()]) == content


async def test_what_a_browser_has_is_not_sent_again(page: httpx.AsyncClient) -> None:
    etag = (await page.get("/")).headers["etag"]
    again = await page.get("/", headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")
    assert (await page.get("/", headers={"If-None-Match": '"other"'})).status_code == 200


@pytest.mark.parametrize("path", ["/", "/assets/theme-1.js", "/assets/index-DBwMKh2K.js"])
async def test_head_is_get_without_the_body(page: httpx.AsyncClient, path: str) -> None:
    got, headed = await page.get(path), await page.head(path)
    assert headed.status_code == 200
    assert headed.content == b""
    ours = {"x-request-id"}
    assert {k: v for k, v in headed.headers.items() if k not in ours} == {
        k: v for k, v in got.headers.items() if k not in ours
    }


@pytest.mark.parametrize(
    "path",
    [
        "/assets/nosuch.js",
        "/assets/",
        "/assets/../index.html",
        "/assets/..%2findex.html",
        "/assets/../../secret.txt",
        "/assets/%2e%2e/%2e%2e/secret.txt",
        "/assets/%2fetc/passwd",
        "/assets/way-out-12345678.js",
        "/assets/index-DBwMKh2K.js.gz",
        "/assets/index-DBwMKh2K.js%00",
        "/assets/%ff",
        "/secret.txt",
        "/index.html/",
        "/miners/a/b",
    ],
)
async def test_no_address_leads_to_a_file_that_is_not_of_the_build(
    page: httpx.AsyncClient, path: str
) -> None:
    request = page.build_request("GET", "/")
    request.extensions["target"] = path.encode()
    request.url = httpx.URL("http://gateway").copy_with(raw_path=path.encode())
    answer = await page.send(request)
    assert answer.status_code == 404, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert SECRET not in answer.content


async def test_an_unknown_address_of_the_api_stays_a_problem(page: httpx.AsyncClient) -> None:
    answer = await page.get("/api/v1/nosuch", headers={"Accept": "text/html"})
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


async def test_requests_of_the_page_are_counted_by_what_they_are(page: httpx.AsyncClient) -> None:
    await page.get("/miners/site-a-r01-s03")
    await page.get("/assets/theme-1.js")
    counted = (await page.get("/metrics")).text
    assert 'route="/miners/{miner_id}"' in counted
    assert 'route="/assets/{name:path}"' in counted


async def test_a_browser_gone_astray_gets_the_page_and_a_program_a_problem(
    page: httpx.AsyncClient,
) -> None:
    astray = await page.get("/nosuch/page", headers={"Accept": "text/html,*/*;q=0.8"})
    assert (astray.status_code, astray.content) == (404, INDEX)
    program = await page.get("/nosuch/page")
    assert program.headers["content-type"] == "application/problem+json"
    sent = await page.post("/nosuch/page", headers={"Accept": "text/html"})
    assert (sent.status_code, sent.headers["content-type"]) == (404, "application/problem+json")


@pytest.mark.parametrize("path", ["/", "/assets/theme-1.js"])
async def test_the_page_may_load_from_here_alone_and_stand_in_no_frame(
    page: httpx.AsyncClient, path: str
) -> None:
    headers = (await page.get(path)).headers
    policy = dict(
        part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";")
    )
    assert policy.pop("default-src") == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert set(policy.values()) == {"'self'", "'none'"}
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("told", [True, False], ids=["not yet built", "no folder told"])
async def test_a_page_that_is_not_built_says_so_and_how_to_build_it(
    tmp_path: Path, *, told: bool
) -> None:
    async with opened(tmp_path / "later" if told else None) as page:
        for path in ("/", "/alerts", "/system"):
            answer = await page.get(path)
            assert answer.status_code == 503
            assert "minestream dashboard" in answer.text
            assert "仪表板" in answer.text
        assert (await page.get("/assets/theme-1.js")).status_code == 404
        assert (await page.get("/healthz")).status_code == 200
        if told:
            (tmp_path / "later").mkdir()
            (tmp_path / "later" / "index.html").write_bytes(INDEX)
            assert (await page.get("/")).content == INDEX


async def test_a_build_that_is_replaced_is_seen(page: httpx.AsyncClient, build: Path) -> None:
    assert (await page.get("/")).content == INDEX
    fresh = build / "index.html.new"
    fresh.write_bytes(b"another")
    fresh.replace(build / "index.html")
    assert (await page.get("/")).content == b"another"


async def test_the_description_of_the_api_knows_nothing_of_the_page(
    page: httpx.AsyncClient,
) -> None:
    paths = (await page.get("/openapi.json")).json()["paths"]
    assert not [
        path for path in paths if path in {"/", "/alerts", "/system"} or path.startswith("/assets")
    ]
