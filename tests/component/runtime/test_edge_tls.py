"""An edge site and its gateway over TLS: who is trusted, and what is told when nobody is."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import structlog
from tests.component.runtime.tls import KEY, NOW, Authority, Gateway

from minestream_devstack.ports import Ports
from minestream_runtime.clock import SystemClock
from minestream_runtime.edge.config import Edge, read_edge
from minestream_runtime.edge.dead_letters import DeadLetters
from minestream_runtime.edge.running import collectors_of, run_edge
from minestream_runtime.edge.trust import trusted
from minestream_runtime.edge.uploader import Uploader
from minestream_runtime.errors import BrokerUnavailableError, ConfigurationError
from minestream_runtime.health import Health
from minestream_schemas.gap import GAP


@dataclass
class Ahead(SystemClock):
    """The machine's clock, and what a test adds."""

    by_s: float = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.by_s


def edge(folder: Path, port: int, *lines: str, miners: str = "[]") -> Edge:
    file = folder / "edge.yaml"
    said = ["site: texas", f"gateway: https://127.0.0.1:{port}", f"miners: {miners}", *lines]
    file.write_text("\n".join(said))
    return read_edge(file, {})


@asynccontextmanager
async def uploading(site: Edge, clock: Ahead) -> AsyncIterator[Uploader]:
    letters = DeadLetters(site.path.parent / "refused.jsonl")
    async with httpx.AsyncClient(verify=trusted(site)) as http:
        uploader = Uploader(http, site.file.gateway, site.key, clock, letters, linger_s=0)
        running = asyncio.ensure_future(uploader.run())
        yield uploader
        running.cancel()
        await asyncio.wait([running])


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110 - what it waits for has no event
            await asyncio.sleep(0.02)


async def test_nothing_goes_to_whom_the_private_ca_has_not_signed_and_the_words_say_why(
    tmp_path: Path,
) -> None:
    ours, strangers = Authority(tmp_path, "ours"), Authority(tmp_path, "strangers")
    faulty = {
        ours.certificate("gateway.example.com"): ("127.0.0.1", "not valid for"),
        ours.certificate("127.0.0.1", ends=NOW - timedelta(days=2)): (
            "certificate has expired",
            "is this machine's clock right?",
        ),
        strangers.certificate("127.0.0.1"): ("unable to get local issuer", "ca_file says"),
    }
    clock, gateway = Ahead(), Gateway(Ports(tmp_path / "ports").claim("gateway", 0))
    site = edge(tmp_path, gateway.port, f"key: {KEY}", f"ca_file: {ours.file.name}")
    async with uploading(site, clock) as uploader:
        for certificate, words in faulty.items():
            with gateway.serving(certificate), structlog.testing.capture_logs() as logs:
                clock.by_s += 60
                with pytest.raises(BrokerUnavailableError):
                    await uploader.send(GAP, key=b"k", value=b"{}")
            told = uploader.fault()
            assert told is not None
            assert "its certificate is refused" in told
            for word in words:
                assert word in told
            assert [line["event"] for line in logs] == ["gateway_not_trusted"]
            assert logs[0]["reason"] == told
        assert gateway.asked == 0, "no key and no event went to somebody else"
        with gateway.serving(ours.certificate("127.0.0.1")):
            clock.by_s += 60
            await uploader.send(GAP, key=b"k", value=b"{}")
        assert len(gateway.taken) == 1
        assert uploader.fault() is None


def test_a_ca_file_that_is_none_is_refused_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(ConfigurationError, match="ca_file: "):
        trusted(edge(tmp_path, 1, f"key: {KEY}", "ca_file: ca.pem"))


async def test_a_site_says_what_is_set_up_wrong_and_goes_on_once_it_is_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINESTREAM_DEMO", "1")
    monkeypatch.setattr("minestream_runtime.edge.key_file.LOOK_EVERY_S", 0.1)
    ports = Ports(tmp_path / "ports")
    ours, health = Authority(tmp_path, "ours"), Health()
    gateway = Gateway(ports.claim("gateway", 0))
    key_file, right = tmp_path / "key", "hsc_" + "r" * 40
    key_file.write_text(KEY)
    gateway.key = right
    site = edge(
        tmp_path,
        gateway.port,
        "key_file: key",
        f"ca_file: {ours.file.name}",
        "collectors: [vnish]",
        "poll: {interval_s: 1, allowed_networks: 127.0.0.0/8}",
        "upload: {linger_s: 0.1}",
        miners=json.dumps(
            [
                {"miner_id": "m-1", "address": f"127.0.0.1:{ports.claim('m-1', 0)}"},
                {"miner_id": "m-2", "address": "127.0.0.1:4028", "transport": "tcp"},
            ]
        ),
    )
    with gateway.serving(ours.certificate("127.0.0.1")):
        running = asyncio.ensure_future(run_edge(site, collectors_of(site), health))
        try:
            await until(lambda: "gateway" in health.remarks() or running.done())
            told = health.remarks()["gateway"]
            assert told.startswith("the gateway refuses our key (Invalid API key)")
            assert gateway.taken == []
            key_file.write_text("hsc_short")
            await until(lambda: "key" in health.remarks())
            assert "hsc_short" not in health.remarks()["key"]
            key_file.write_text(f"{right}\n")
            await until(lambda: len(gateway.taken) > 0)
            await until(lambda: not {"gateway", "key"} & health.remarks().keys())
            # it runs a collector of HTTP alone: those of TCP are told, not left out
            errors: dict[str, str] = {}
            async with asyncio.timeout(60):
                while "m-2" not in errors:
                    await asyncio.sleep(0.02)
                    polls = [item["event"] for item in gateway.taken]
                    errors = {poll["miner_id"]: poll["error"] for poll in polls}
            assert "it speaks TCP; no collector of texas does: add cgminer" in errors["m-2"]
            assert health.remarks()["unpolled"].startswith("m-2 is not polled: ")
        finally:
            running.cancel()
            await asyncio.wait([running])
